#include "search/stopping/median.h"

#include <algorithm>
#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "search/math/random.h"

namespace assay {
namespace {

const double kNan = std::numeric_limits<double>::quiet_NaN();

StudySpec Spec(Goal goal, StoppingSpec stopping) {
  StudySpec spec;
  spec.metrics = {{.name = "accuracy", .goal = goal}};
  spec.stopping = stopping;
  spec.stopping.name = "median";
  return spec;
}

void Report(EarlyStoppingRule& rule, int64_t trial, int64_t step, double value,
            int32_t attempt = 1) {
  Measurement measurement;
  measurement.step = step;
  measurement.metrics = {{"accuracy", value}};
  rule.ObserveReport({trial}, attempt, measurement);
}

void End(EarlyStoppingRule& rule, int64_t id, TrialState state) {
  Trial trial;
  trial.id = {id};
  trial.state = state;
  rule.ObserveEnd(trial);
}

// Trials 101, 102, ... that reported their values at steps 1, 2, ...
void Finish(EarlyStoppingRule& rule,
            const std::vector<std::vector<double>>& curves,
            TrialState state = TrialState::kCompleted) {
  int64_t id = 100;
  for (const std::vector<double>& curve : curves) {
    ++id;
    int64_t step = 0;
    for (const double value : curve) Report(rule, id, ++step, value);
    End(rule, id, state);
  }
}

TEST(MedianTest, StopsBelowTheMedianWithTheNumbersInWords) {
  MedianRule rule(Spec(Goal::kMaximize, {.min_trials = 3}));
  Finish(rule, {{0.6, 0.7, 0.8}, {0.7, 0.8, 0.9}, {0.9, 0.9, 0.9}});
  Report(rule, 1, 3, 0.61);
  EXPECT_EQ(rule.ReasonToStop({1}),
            "accuracy 0.61 at step 3 is below the median 0.8 of 3 trials");
}

TEST(MedianTest, GoesOnAtTheMedianOrAbove) {
  MedianRule rule(Spec(Goal::kMaximize, {.min_trials = 1}));
  Finish(rule, {{0.5}});
  Report(rule, 1, 1, 0.5);
  EXPECT_EQ(rule.ReasonToStop({1}), std::nullopt);
  Report(rule, 2, 1, 0.49);
  EXPECT_NE(rule.ReasonToStop({2}), std::nullopt);
}

TEST(MedianTest, MinimizedMetricsStopAbove) {
  MedianRule rule(Spec(Goal::kMinimize, {.min_trials = 2}));
  Finish(rule, {{1, 0.5}, {2, 1}});
  Report(rule, 1, 2, 1.2);
  EXPECT_EQ(rule.ReasonToStop({1}),
            "accuracy 1.2 at step 2 is above the median 1.125 of 2 trials");
}

TEST(MedianTest, ComparesTheBestSoFarWithRunningMeans) {
  MedianRule rule(Spec(Goal::kMaximize, {.min_trials = 1}));
  Finish(rule, {{0.2, 0.8}});  // Running mean at step 2: 0.5.
  Report(rule, 1, 1, 0.55);
  Report(rule, 1, 2, 0.1);
  EXPECT_EQ(rule.ReasonToStop({1}), std::nullopt);
}

TEST(MedianTest, OnlyTrialsThatWentAsFarCount) {
  MedianRule rule(Spec(Goal::kMaximize, {.min_trials = 2}));
  Finish(rule, {{0.9}, {0.9, 0.9}});
  Report(rule, 1, 1, 0.1);
  EXPECT_NE(rule.ReasonToStop({1}), std::nullopt);
  Report(rule, 1, 2, 0.1);
  EXPECT_EQ(rule.ReasonToStop({1}), std::nullopt);
}

TEST(MedianTest, StoppedTrialsCountAndFailedOnesDoNot) {
  for (const TrialState state :
       {TrialState::kCompleted, TrialState::kStopped, TrialState::kFailed,
        TrialState::kInfeasible}) {
    MedianRule rule(Spec(Goal::kMaximize, {.min_trials = 1}));
    Finish(rule, {{0.9}}, state);
    Report(rule, 1, 1, 0.1);
    const bool counts =
        state == TrialState::kCompleted || state == TrialState::kStopped;
    EXPECT_EQ(rule.ReasonToStop({1}).has_value(), counts) << ToText(state);
  }
}

TEST(MedianTest, NeverBeforeTheWarmUp) {
  MedianRule rule(Spec(Goal::kMaximize, {.warmup_steps = 2, .min_trials = 1}));
  Finish(rule, {{0.9, 0.9}});
  Report(rule, 1, 1, 0.1);
  EXPECT_EQ(rule.ReasonToStop({1}), std::nullopt);
  Report(rule, 1, 2, 0.1);
  EXPECT_NE(rule.ReasonToStop({1}), std::nullopt);
}

TEST(MedianTest, LooksOnlyEverySoManySteps) {
  MedianRule rule(
      Spec(Goal::kMaximize, {.min_trials = 1, .interval_steps = 3}));
  Finish(rule, {{0.9, 0.9, 0.9, 0.9}});
  Report(rule, 1, 2, 0.1);
  EXPECT_NE(rule.ReasonToStop({1}), std::nullopt);  // From step 0.
  MedianRule later(
      Spec(Goal::kMaximize,
           {.warmup_steps = 1, .min_trials = 1, .interval_steps = 3}));
  Finish(later, {{0.9, 0.9, 0.9, 0.9}});
  Report(later, 1, 1, 0.95);
  Report(later, 1, 2, 0.1);
  EXPECT_EQ(later.ReasonToStop({1}), std::nullopt);
}

TEST(MedianTest, NanIsWorse) {
  MedianRule rule(Spec(Goal::kMaximize, {.min_trials = 1}));
  Finish(rule, {{0.1}});
  Report(rule, 1, 1, kNan);
  EXPECT_EQ(rule.ReasonToStop({1}),
            "accuracy nan at step 1 is below the median 0.1 of 1 trials");
  MedianRule all_nan(Spec(Goal::kMinimize, {.min_trials = 1}));
  Finish(all_nan, {{kNan}, {kNan}, {1}});
  Report(all_nan, 1, 1, 1e300);
  EXPECT_EQ(all_nan.ReasonToStop({1}), std::nullopt);
  Report(all_nan, 2, 1, kNan);
  EXPECT_EQ(all_nan.ReasonToStop({2}), std::nullopt);
}

TEST(MedianTest, TheLaterReportOfAStepCounts) {
  MedianRule rule(Spec(Goal::kMaximize, {.min_trials = 1}));
  Finish(rule, {{0.5}});
  Report(rule, 1, 1, 0.9);
  Report(rule, 1, 1, 0.1);
  EXPECT_NE(rule.ReasonToStop({1}), std::nullopt);
  Report(rule, 1, 1, 0.9);
  EXPECT_EQ(rule.ReasonToStop({1}), std::nullopt);
}

TEST(MedianTest, ANewAttemptStartsAfresh) {
  MedianRule rule(Spec(Goal::kMaximize, {.min_trials = 1}));
  Finish(rule, {{0.5, 0.5}});
  Report(rule, 1, 2, 0.9);
  Report(rule, 1, 1, 0.1, 2);
  EXPECT_NE(rule.ReasonToStop({1}), std::nullopt);
}

TEST(MedianTest, SaysNothingOfTrialsItDoesNotKnow) {
  MedianRule rule(Spec(Goal::kMaximize, {.min_trials = 1}));
  EXPECT_EQ(rule.ReasonToStop({1}), std::nullopt);
  Report(rule, 1, 1, 0.5);
  EXPECT_EQ(rule.ReasonToStop({1}), std::nullopt);
  End(rule, 1, TrialState::kCompleted);
  EXPECT_EQ(rule.ReasonToStop({1}), std::nullopt);
}

// The rule's definition, from all curves at once.
bool StopsByDefinition(const std::vector<std::vector<double>>& finished,
                       const std::vector<double>& curve, size_t min_trials) {
  std::vector<double> means;
  for (const std::vector<double>& other : finished) {
    if (other.size() < curve.size()) continue;
    double sum = 0;
    for (size_t i = 0; i < curve.size(); ++i) sum += other[i];
    means.push_back(sum / static_cast<double>(curve.size()));
  }
  if (means.size() < min_trials) return false;
  std::sort(means.begin(), means.end());
  const size_t n = means.size();
  const double median = (means[(n - 1) / 2] + means[n / 2]) / 2;
  return *std::max_element(curve.begin(), curve.end()) < median - 1e-12;
}

TEST(MedianTest, EqualsItsDefinitionOnRandomCurves) {
  Random random(31);
  MedianRule rule(Spec(Goal::kMaximize, {.min_trials = 5}));
  std::vector<std::vector<double>> finished;
  int stopped = 0;
  for (int64_t id = 1; id <= 200; ++id) {
    std::vector<double> curve;
    const double level = random.Uniform();
    const uint64_t length = 1 + random.Below(20);
    for (uint64_t i = 1; i <= length; ++i) {
      curve.push_back(level + 0.3 * random.Uniform());
      Report(rule, id, static_cast<int64_t>(i), curve.back());
      const bool expected = StopsByDefinition(finished, curve, 5);
      ASSERT_EQ(rule.ReasonToStop({id}).has_value(), expected);
      stopped += expected;
    }
    finished.push_back(curve);
    End(rule, id, TrialState::kCompleted);
  }
  EXPECT_GT(stopped, 100);
}

TEST(MedianTest, MoreStepsThanTablesGiveTheSameAnswers) {
  MedianRule rule(Spec(Goal::kMaximize, {.min_trials = 1}));
  std::vector<double> curve(MedianRule::kMaxTables + 500, 0.5);
  Finish(rule, {curve});
  for (const int64_t step : {int64_t{1}, static_cast<int64_t>(curve.size())}) {
    Report(rule, step, step, 0.4);
    EXPECT_NE(rule.ReasonToStop({step}), std::nullopt) << step;
    Report(rule, step, step, 0.6);
    EXPECT_EQ(rule.ReasonToStop({step}), std::nullopt) << step;
  }
  Report(rule, 1, static_cast<int64_t>(curve.size()) + 1, 0.1);
  EXPECT_EQ(rule.ReasonToStop({1}), std::nullopt);
}

}  // namespace
}  // namespace assay
