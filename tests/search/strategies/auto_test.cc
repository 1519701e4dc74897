#include "search/strategies/auto.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "search/factory.h"

namespace assay {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

Parameter Double(std::string name) {
  return {std::move(name), DoubleDomain{}, {}, {}};
}

Parameter Choice(std::string name, int values) {
  CategoricalDomain domain;
  for (int i = 0; i < values; ++i) {
    domain.values.push_back(absl::StrCat(name, i));
  }
  return {std::move(name), std::move(domain), {}, {}};
}

Parameter Under(Parameter parameter, const std::string& parent, int value) {
  parameter.when = Condition{parent, {absl::StrCat(parent, value)}};
  return parameter;
}

SearchSpace Space(std::vector<Parameter> parameters) {
  return *SearchSpace::Create(std::move(parameters), {});
}

std::unique_ptr<SearchStrategy> Make(SearchSpace space) {
  StudySpec spec;
  spec.algorithm.name = "auto";
  spec.metrics = {{.name = "loss"}};
  spec.space = std::move(space);
  return *MakeSearchStrategy(spec);
}

Trial Finished(int64_t id, Proposal proposal) {
  Trial trial = AsTrial(proposal);
  trial.id = TrialId{id};
  trial.state = TrialState::kCompleted;
  trial.final_metrics = {{"loss", static_cast<double>(id % 17)}};
  return trial;
}

Origin NextOrigin(SearchStrategy& strategy,
                  const std::vector<Trial>& unfinished = {}) {
  Random random(1, 2);
  return strategy.Suggest(unfinished, 1, random).value().at(0).origin;
}

TEST(AutoTest, UsesAGaussianProcessAndSaysSo) {
  const Origin origin = NextOrigin(*Make(Space({Double("x"), Double("y")})));
  EXPECT_EQ(origin.strategy, "bayesian");
  EXPECT_THAT(origin.why, StartsWith("auto uses bayesian: "));
}

TEST(AutoTest, UsesTpeWhereManyTrialsAreUnfinished) {
  const auto strategy = Make(Space({Double("x"), Double("y")}));
  Random random(1, 2);
  const auto proposals =
      strategy->Suggest({}, AutoStrategy::kMaxUnfinished + 1, random).value();
  std::vector<Trial> unfinished;
  for (const Proposal& proposal : proposals) {
    EXPECT_EQ(proposal.origin.strategy, "bayesian");
    unfinished.push_back(AsTrial(proposal));
  }
  const Origin origin = NextOrigin(*strategy, unfinished);
  EXPECT_EQ(origin.strategy, "tpe");
  EXPECT_THAT(origin.why, StartsWith("auto uses tpe (65 unfinished trials): "));
}

TEST(AutoTest, UsesTpeAfterManyResults) {
  const auto strategy = Make(Space({Double("x"), Double("y")}));
  Random random(1, 2);
  for (int64_t i = 0; i <= AutoStrategy::kMaxTrials; ++i) {
    Proposal proposal;
    proposal.parameters = {{"x", random.Uniform()}, {"y", random.Uniform()}};
    strategy->Observe(Finished(i + 1, proposal));
  }
  const Origin origin = NextOrigin(*strategy);
  EXPECT_EQ(origin.strategy, "tpe");
  EXPECT_THAT(origin.why, HasSubstr("(2001 results)"));
}

TEST(AutoTest, UsesTpeWhereNoGaussianProcessFits) {
  std::vector<Parameter> many;
  for (int i = 0; i <= AutoStrategy::kMaxParameters; ++i) {
    many.push_back(Double(absl::StrCat("x", i)));
  }
  std::vector<Parameter> branches = {Choice("c", 70)};
  for (int i = 0; i < 70; ++i) {
    branches.push_back(Under(Double(absl::StrCat("x", i)), "c", i));
  }
  const std::pair<std::vector<Parameter>, const char*> cases[] = {
      {many, "101 parameters"},
      {{Choice("c", 101), Double("x")}, "a categorical of 101 values"},
      {branches, "more than 64 branches"},
  };
  for (const auto& [parameters, why] : cases) {
    const Origin origin = NextOrigin(*Make(Space(parameters)));
    EXPECT_EQ(origin.strategy, "tpe");
    EXPECT_THAT(origin.why,
                StartsWith(absl::StrCat("auto uses tpe (", why, "): ")));
  }
}

TEST(CountBranchesTest, LevelsWithTheSameChildrenAreOneBranch) {
  EXPECT_EQ(CountBranches(Space({Double("x"), Choice("c", 9)}), 100), 1);
  // c0 with a, all others without.
  EXPECT_EQ(
      CountBranches(Space({Choice("c", 9), Under(Double("a"), "c", 0)}), 100),
      2);
  // d under c0 has two branches of its own: 2 + 1; e beside it doubles that.
  const SearchSpace nested = Space(
      {Choice("c", 2), Under(Choice("d", 2), "c", 0),
       Under(Double("x"), "d", 1), Choice("e", 2), Under(Double("y"), "e", 0)});
  EXPECT_EQ(CountBranches(nested, 100), 6);
  EXPECT_EQ(CountBranches(nested, 4), 4);
}

}  // namespace
}  // namespace assay
