#include "search/strategies/genetic.h"

#include "gtest/gtest.h"
#include "tests/search/strategies/learned.h"

namespace assay {
namespace {

constexpr int64_t kElite = 900, kSecond = 500;

StudySpec Spec() {
  return SpecWith("genetic",
                  {{"gene", IntegerDomain{.min = 0, .max = 999}, {}, {}},
                   {"own", IntegerDomain{.min = 0, .max = 999}, {}, {}}});
}

// The best of all, the next one, then 60 that are worse.
std::vector<Trial> Trials() {
  std::vector<Trial> trials = {
      Completed({{"gene", kElite}, {"own", int64_t{1}}}, {{"loss", 0}}),
      Completed({{"gene", kSecond}, {"own", int64_t{2}}}, {{"loss", 1}})};
  for (int64_t i = 3; i < 63; ++i) {
    trials.push_back(Completed({{"gene", i}, {"own", 10 * i}}, {{"loss", 10}}));
  }
  return trials;
}

int CountOf(const std::vector<Proposal>& children, int64_t gene) {
  int count = 0;
  for (const Proposal& child : children) {
    count += child.parameters.at("gene") == ParameterValue(gene);
  }
  return count;
}

TEST(GeneticTest, OnlyTheEliteOutlivesFiftyResults) {
  const auto strategy = Learned(Spec(), Trials());
  const std::vector<Proposal> children = Propose(*strategy, 400);
  EXPECT_GE(CountOf(children, kElite), 4);
  EXPECT_EQ(CountOf(children, kSecond), 0);
}

TEST(GeneticTest, ABetterResultIsTheNewElite) {
  std::vector<Trial> trials = Trials();
  trials.insert(
      trials.begin() + 2,
      Completed({{"gene", int64_t{700}}, {"own", int64_t{3}}}, {{"loss", -1}}));
  const auto strategy = Learned(Spec(), trials);
  const std::vector<Proposal> children = Propose(*strategy, 400);
  EXPECT_GE(CountOf(children, 700), 4);
  EXPECT_EQ(CountOf(children, kElite), 0);
}

}  // namespace
}  // namespace assay
