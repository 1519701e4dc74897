#include "search/stopping/patience.h"

#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace assay {
namespace {

const double kNan = std::numeric_limits<double>::quiet_NaN();

PatienceRule Rule(Goal goal, RuleSpec options) {
  StudySpec spec;
  spec.metrics = {{.name = "loss", .goal = goal}};
  return PatienceRule(spec, std::move(options));
}

// Reports at steps 1, 2, ...; the last answer.
std::optional<std::string> After(PatienceRule rule,
                                 const std::vector<double>& values) {
  int64_t step = 0;
  for (const double value : values) {
    Measurement measurement;
    measurement.step = ++step;
    measurement.metrics = {{"loss", value}};
    rule.ObserveReport({1}, 1, measurement);
  }
  return rule.ReasonToStop({1});
}

TEST(PatienceTest, StopsAfterSoManyStepsWithoutImprovement) {
  const RuleSpec options{.patience_steps = 3};
  EXPECT_EQ(After(Rule(Goal::kMinimize, options), {1, 0.4, 0.5, 0.6}),
            std::nullopt);
  EXPECT_EQ(After(Rule(Goal::kMinimize, options), {1, 0.4, 0.5, 0.6, 0.4}),
            "loss has not fallen by more than 0 in 3 steps, it was 0.4 at step "
            "2");
  EXPECT_EQ(After(Rule(Goal::kMinimize, options), {1, 0.4, 0.5, 0.6, 0.39}),
            std::nullopt);
}

TEST(PatienceTest, ImprovementMustExceedMinDelta) {
  const RuleSpec options{.patience_steps = 2, .min_delta = 0.1};
  EXPECT_NE(After(Rule(Goal::kMaximize, options), {0.5, 0.55, 0.59}),
            std::nullopt);
  EXPECT_EQ(After(Rule(Goal::kMaximize, options), {0.5, 0.55, 0.61}),
            std::nullopt);
}

TEST(PatienceTest, NanIsNoImprovement) {
  const RuleSpec options{.patience_steps = 2};
  EXPECT_EQ(After(Rule(Goal::kMinimize, options), {kNan, kNan, kNan}),
            "loss has not fallen by more than 0 in 2 steps, it was nan at step "
            "1");
  EXPECT_EQ(After(Rule(Goal::kMinimize, options), {kNan, kNan, 5}),
            std::nullopt);
}

TEST(PatienceTest, ForgetsTrialsThatEnded) {
  PatienceRule rule = Rule(Goal::kMinimize, {.patience_steps = 1});
  Measurement measurement;
  measurement.metrics = {{"loss", 1}};
  for (const int64_t step : {1, 2}) {
    measurement.step = step;
    rule.ObserveReport({1}, 1, measurement);
  }
  EXPECT_NE(rule.ReasonToStop({1}), std::nullopt);
  Trial trial;
  trial.id = {1};
  trial.state = TrialState::kStopped;
  rule.ObserveEnd(trial);
  EXPECT_EQ(rule.ReasonToStop({1}), std::nullopt);
}

TEST(PatienceTest, NeverBeforeTheWarmUpAndOnlyEverySoManySteps) {
  const RuleSpec options{.warmup_steps = 4, .patience_steps = 2};
  EXPECT_EQ(After(Rule(Goal::kMinimize, options), {1, 1, 1}), std::nullopt);
  EXPECT_NE(After(Rule(Goal::kMinimize, options), {1, 1, 1, 1}), std::nullopt);
  const RuleSpec seldom{.interval_steps = 3, .patience_steps = 4};
  EXPECT_EQ(After(Rule(Goal::kMinimize, seldom), {1, 1, 1, 1, 1}),
            std::nullopt);
  EXPECT_NE(After(Rule(Goal::kMinimize, seldom), {1, 1, 1, 1, 1, 1}),
            std::nullopt);
}

}  // namespace
}  // namespace assay
