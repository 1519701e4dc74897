#include "search/strategies/grid.h"

#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace assay {
namespace {

using ::testing::ElementsAre;

std::shared_ptr<const SearchSpace> Space() {
  return std::make_shared<const SearchSpace>(
      *SearchSpace::Create({{"a", IntegerDomain{.min = 0, .max = 1}, {}, {}},
                            {"b", IntegerDomain{.min = 0, .max = 2}, {}, {}}}));
}

std::unique_ptr<SearchStrategy> Grid(bool shuffle = false, uint64_t seed = 0) {
  return *MakeGrid(Space(), {.name = "grid", .shuffle = shuffle}, seed);
}

std::vector<std::string> Texts(const std::vector<Proposal>& proposals) {
  std::vector<std::string> texts;
  for (const Proposal& proposal : proposals) {
    texts.push_back(ToText(proposal.parameters));
  }
  return texts;
}

std::vector<int64_t> Ordinals(const std::vector<Proposal>& proposals) {
  std::vector<int64_t> ordinals;
  for (const Proposal& proposal : proposals) {
    ordinals.push_back(proposal.origin.ordinal);
  }
  return ordinals;
}

TEST(GridTest, GoesInMixedRadixOrder) {
  Random random(0);
  const auto proposals = Grid()->Suggest({}, 10, random).value();
  EXPECT_THAT(Texts(proposals),
              ElementsAre("{a: 0, b: 0}", "{a: 0, b: 1}", "{a: 0, b: 2}",
                          "{a: 1, b: 0}", "{a: 1, b: 1}", "{a: 1, b: 2}"));
  EXPECT_THAT(Ordinals(proposals), ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_EQ(proposals[2].origin.why, "configuration 3 of 6");
}

TEST(GridTest, ALostProposalComesAgainFirst) {
  Random random(0);
  const auto grid = Grid();
  auto proposals = grid->Suggest({}, 4, random).value();
  const std::vector<Trial> unfinished = {AsTrial(proposals[0]),
                                         AsTrial(proposals[3])};
  EXPECT_THAT(Ordinals(grid->Suggest(unfinished, 3, random).value()),
              ElementsAre(1, 2, 4));
  grid->Observe(unfinished[1]);
  EXPECT_THAT(Ordinals(grid->Suggest({&unfinished[0], 1}, 3, random).value()),
              ElementsAre(1, 2, 4));
}

TEST(GridTest, SkipsWhatWasEnqueued) {
  Random random(0);
  const auto grid = Grid();
  Trial enqueued;
  enqueued.parameters = {{"a", int64_t{0}}, {"b", int64_t{0}}};
  enqueued.origin.strategy = "user";
  EXPECT_THAT(Ordinals(grid->Suggest({&enqueued, 1}, 1, random).value()),
              ElementsAre(1));
  enqueued.state = TrialState::kFailed;
  grid->Observe(enqueued);
  EXPECT_THAT(Ordinals(grid->Suggest({}, 1, random).value()), ElementsAre(1));
}

TEST(GridTest, ShuffledIsAnotherOrderOfTheSame) {
  Random random(0);
  const auto plain = Grid()->Suggest({}, 6, random).value();
  const auto texts = Texts(plain);
  std::set<std::vector<std::string>> orders;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    auto shuffled = Texts(Grid(true, seed)->Suggest({}, 6, random).value());
    orders.insert(shuffled);
    EXPECT_THAT(shuffled, testing::UnorderedElementsAreArray(texts));
  }
  EXPECT_GT(orders.size(), 15u);
}

}  // namespace
}  // namespace assay
