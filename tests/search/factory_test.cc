#include "search/factory.h"

#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace assay {
namespace {

using ::testing::ElementsAre;
using ::testing::IsSupersetOf;

StudySpec Spec() {
  StudySpec spec;
  spec.metrics = {{.name = "accuracy", .goal = Goal::kMaximize}};
  spec.space = *SearchSpace::Create({{"x", DoubleDomain{}, {}, {}}});
  return spec;
}

TEST(FactoryTest, NamesAreSorted) {
  const std::vector<std::string> names = SearchStrategyNames();
  EXPECT_TRUE(std::is_sorted(names.begin(), names.end()));
  EXPECT_THAT(names, IsSupersetOf({"auto", "grid", "quasi_random", "random"}));
  EXPECT_THAT(EarlyStoppingRuleNames(),
              ElementsAre("asha", "curve", "median", "patience", "percentile",
                          "threshold", "wilcoxon"));
}

TEST(FactoryTest, MakesEachAlgorithm) {
  for (const std::string& name : SearchStrategyNames()) {
    StudySpec spec = Spec();
    spec.algorithm.name = name;
    EXPECT_TRUE(MakeSearchStrategy(spec).ok()) << name;
  }
}

TEST(FactoryTest, UnknownAlgorithmIsAnsweredWithThoseThereAre) {
  StudySpec spec = Spec();
  spec.algorithm.name = "oracle";
  const absl::Status status = MakeSearchStrategy(spec).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(),
            absl::StrCat("algorithm \"oracle\" is not known, there are ",
                         absl::StrJoin(SearchStrategyNames(), ", ")));
}

TEST(FactoryTest, AlgorithmsForOneObjectiveRefuseSeveral) {
  StudySpec spec = Spec();
  spec.metrics.push_back({.name = "seconds"});
  for (const char* name :
       {"differential_evolution", "genetic", "particle_swarm",
        "regularized_evolution", "simulated_annealing"}) {
    spec.algorithm.name = name;
    const absl::Status status = MakeSearchStrategy(spec).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(status.message(),
              absl::StrCat("algorithm \"", name,
                           "\": 2 objectives, takes one; nsga2 and bayesian "
                           "take several"));
  }
  spec.algorithm.name = "nsga2";
  EXPECT_TRUE(MakeSearchStrategy(spec).ok());
}

TEST(FactoryTest, ABoundIsNoSecondObjective) {
  StudySpec spec = Spec();
  spec.metrics.push_back({.name = "seconds", .bound = 3});
  spec.algorithm.name = "genetic";
  EXPECT_TRUE(MakeSearchStrategy(spec).ok());
}

TEST(FactoryTest, GridNeedsPointsAndACountableSpace) {
  StudySpec spec = Spec();
  spec.algorithm = {.name = "grid", .points_per_continuous = 0};
  EXPECT_EQ(MakeSearchStrategy(spec).status().message(),
            "algorithm \"grid\": points_per_continuous 0, must be 1 or more");
  std::vector<Parameter> parameters;
  for (int i = 0; i < 100; ++i) {
    parameters.push_back({absl::StrCat("p", i), DoubleDomain{}, {}, {}});
  }
  spec.space = *SearchSpace::Create(parameters);
  spec.algorithm.points_per_continuous = 10;
  EXPECT_EQ(MakeSearchStrategy(spec).status().message(),
            "algorithm \"grid\": more than 2^62 configurations");
}

TEST(FactoryTest, NoRuleIsNull) {
  const auto rule = MakeEarlyStoppingRule(Spec());
  ASSERT_TRUE(rule.ok());
  EXPECT_EQ(*rule, nullptr);
}

TEST(FactoryTest, MakesEachRule) {
  for (const std::string& name : EarlyStoppingRuleNames()) {
    StudySpec spec = Spec();
    spec.stopping.rules = {{.name = name, .max_steps = 9}};
    const auto rule = MakeEarlyStoppingRule(spec);
    ASSERT_TRUE(rule.ok()) << name;
    EXPECT_NE(*rule, nullptr);
  }
}

TEST(FactoryTest, OneBadRuleOfSeveralIsRefused) {
  StudySpec spec = Spec();
  spec.stopping.rules = {{.name = "median"}, {.name = "oracle"}};
  EXPECT_FALSE(MakeEarlyStoppingRule(spec).ok());
}

TEST(FactoryTest, BadRulesAreRefused) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  struct Case {
    RuleSpec rule;
    const char* message;
  };
  const Case cases[] = {
      {{.name = "oracle"},
       "stopping rule \"oracle\" is not known, there are asha, curve, median, "
       "patience, percentile, threshold, wilcoxon"},
      {{.name = "median", .metric = "loss"},
       "stopping: metric \"loss\" is unknown, there are accuracy"},
      {{.name = "median", .smoothing = -0.1},
       "stopping: smoothing -0.1, must be 0 or more and below 1"},
      {{.name = "median", .warmup_steps = -1},
       "stopping: warmup_steps -1, must be 0 or more"},
      {{.name = "median", .grace_steps = -1},
       "stopping: grace_steps -1, must be 0 or more"},
      {{.name = "median", .interval_steps = 0},
       "stopping: interval_steps 0, must be 1 or more"},
      {{.name = "median", .min_trials = 0},
       "stopping: min_trials 0, must be 1 or more"},
      {{.name = "percentile", .percent = 100.5},
       "stopping: percent 100.5, must be above 0 and at most 100"},
      {{.name = "threshold", .lower = nan},
       "stopping: lower nan, must be finite"},
      {{.name = "threshold", .lower = 2, .upper = 1},
       "stopping: lower 2, must be at most upper, 1"},
      {{.name = "threshold", .best_factor = 1},
       "stopping: best_factor 1, must be above 1 and finite"},
      {{.name = "patience", .patience_steps = 0},
       "stopping: patience_steps 0, must be 1 or more"},
      {{.name = "patience", .min_delta = nan},
       "stopping: min_delta nan, must be 0 or more and finite"},
      {{.name = "wilcoxon", .min_pairs = 0},
       "stopping: min_pairs 0, must be 1 or more"},
      {{.name = "wilcoxon", .p = 0.6},
       "stopping: p 0.6, must be above 0 and at most 0.5"},
      {{.name = "curve"}, "stopping: max_steps 0, must be 1 or more"},
      {{.name = "curve", .chance = 0, .max_steps = 9},
       "stopping: chance 0, must be above 0 and at most 0.5"},
      {{.name = "asha", .min_steps = 9, .max_steps = 9},
       "stopping: max_steps 9, must be 10 or more"},
      {{.name = "asha", .reduction = 1},
       "stopping: reduction 1, must be 2 or more"},
  };
  for (const Case& c : cases) {
    StudySpec spec = Spec();
    spec.stopping.rules = {c.rule};
    const absl::Status status = MakeEarlyStoppingRule(spec).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(status.message(), c.message);
  }
}

}  // namespace
}  // namespace assay
