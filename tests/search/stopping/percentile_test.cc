#include "search/stopping/percentile.h"

#include <algorithm>
#include <limits>
#include <memory>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "search/factory.h"
#include "search/math/random.h"

namespace assay {
namespace {

const double kNan = std::numeric_limits<double>::quiet_NaN();

using RulePtr = std::unique_ptr<EarlyStoppingRule>;

RulePtr Rule(std::vector<MetricSpec> metrics, RuleSpec rule) {
  StudySpec study;
  study.metrics = std::move(metrics);
  study.stopping.rules = {std::move(rule)};
  return *MakeEarlyStoppingRule(study);
}

RulePtr Median(Goal goal, RuleSpec rule) {
  rule.name = "median";
  return Rule({{.name = "accuracy", .goal = goal}}, std::move(rule));
}

RulePtr Percentile(RuleSpec rule) {
  rule.name = "percentile";
  return Rule({{.name = "accuracy", .goal = Goal::kMaximize}}, std::move(rule));
}

void Report(const RulePtr& rule, int64_t trial, int64_t step, double value,
            int32_t attempt = 1) {
  Measurement measurement;
  measurement.step = step;
  measurement.metrics = {{"accuracy", value}};
  rule->ObserveReport({trial}, attempt, measurement);
}

void End(const RulePtr& rule, int64_t id, TrialState state) {
  Trial trial;
  trial.id = {id};
  trial.state = state;
  rule->ObserveEnd(trial);
}

// Trials 101, 102, ... that reported their values at steps 1, 2, ...
void Finish(const RulePtr& rule, const std::vector<std::vector<double>>& curves,
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
  const RulePtr rule(Median(Goal::kMaximize, {.min_trials = 3}));
  Finish(rule, {{0.6, 0.7, 0.8}, {0.7, 0.8, 0.9}, {0.9, 0.9, 0.9}});
  Report(rule, 1, 3, 0.61);
  EXPECT_EQ(rule->ReasonToStop({1}),
            "accuracy 0.61 at step 3 is below the median 0.8 of 3 trials");
}

TEST(MedianTest, GoesOnAtTheMedianOrAbove) {
  const RulePtr rule(Median(Goal::kMaximize, {.min_trials = 1}));
  Finish(rule, {{0.5}});
  Report(rule, 1, 1, 0.5);
  EXPECT_EQ(rule->ReasonToStop({1}), std::nullopt);
  Report(rule, 2, 1, 0.49);
  EXPECT_NE(rule->ReasonToStop({2}), std::nullopt);
}

TEST(MedianTest, MinimizedMetricsStopAbove) {
  const RulePtr rule(Median(Goal::kMinimize, {.min_trials = 2}));
  Finish(rule, {{1, 0.5}, {2, 1}});
  Report(rule, 1, 2, 1.2);
  EXPECT_EQ(rule->ReasonToStop({1}),
            "accuracy 1.2 at step 2 is above the median 1.125 of 2 trials");
}

TEST(MedianTest, ComparesTheBestSoFarWithRunningMeans) {
  const RulePtr rule(Median(Goal::kMaximize, {.min_trials = 1}));
  Finish(rule, {{0.2, 0.8}});  // Running mean at step 2: 0.5.
  Report(rule, 1, 1, 0.55);
  Report(rule, 1, 2, 0.1);
  EXPECT_EQ(rule->ReasonToStop({1}), std::nullopt);
}

TEST(MedianTest, OnlyTrialsThatWentAsFarCount) {
  const RulePtr rule(Median(Goal::kMaximize, {.min_trials = 2}));
  Finish(rule, {{0.9}, {0.9, 0.9}});
  Report(rule, 1, 1, 0.1);
  EXPECT_NE(rule->ReasonToStop({1}), std::nullopt);
  Report(rule, 1, 2, 0.1);
  EXPECT_EQ(rule->ReasonToStop({1}), std::nullopt);
}

TEST(MedianTest, StoppedTrialsCountAndFailedOnesDoNot) {
  for (const TrialState state :
       {TrialState::kCompleted, TrialState::kStopped, TrialState::kFailed,
        TrialState::kInfeasible}) {
    const RulePtr rule(Median(Goal::kMaximize, {.min_trials = 1}));
    Finish(rule, {{0.9}}, state);
    Report(rule, 1, 1, 0.1);
    const bool counts =
        state == TrialState::kCompleted || state == TrialState::kStopped;
    EXPECT_EQ(rule->ReasonToStop({1}).has_value(), counts) << ToText(state);
  }
}

TEST(MedianTest, NeverBeforeTheWarmUp) {
  const RulePtr rule(
      Median(Goal::kMaximize, {.warmup_steps = 2, .min_trials = 1}));
  Finish(rule, {{0.9, 0.9}});
  Report(rule, 1, 1, 0.1);
  EXPECT_EQ(rule->ReasonToStop({1}), std::nullopt);
  Report(rule, 1, 2, 0.1);
  EXPECT_NE(rule->ReasonToStop({1}), std::nullopt);
}

TEST(MedianTest, LooksOnlyEverySoManySteps) {
  const RulePtr rule(
      Median(Goal::kMaximize, {.interval_steps = 3, .min_trials = 1}));
  Finish(rule, {{0.9, 0.9, 0.9, 0.9}});
  Report(rule, 1, 2, 0.1);
  EXPECT_NE(rule->ReasonToStop({1}), std::nullopt);  // From step 0.
  const RulePtr later(
      Median(Goal::kMaximize,
             {.warmup_steps = 1, .interval_steps = 3, .min_trials = 1}));
  Finish(later, {{0.9, 0.9, 0.9, 0.9}});
  Report(later, 1, 1, 0.95);
  Report(later, 1, 2, 0.1);
  EXPECT_EQ(later->ReasonToStop({1}), std::nullopt);
}

TEST(MedianTest, NanIsWorse) {
  const RulePtr rule(Median(Goal::kMaximize, {.min_trials = 1}));
  Finish(rule, {{0.1}});
  Report(rule, 1, 1, kNan);
  EXPECT_EQ(rule->ReasonToStop({1}),
            "accuracy nan at step 1 is below the median 0.1 of 1 trials");
  const RulePtr all_nan(Median(Goal::kMinimize, {.min_trials = 1}));
  Finish(all_nan, {{kNan}, {kNan}, {1}});
  Report(all_nan, 1, 1, 1e300);
  EXPECT_EQ(all_nan->ReasonToStop({1}), std::nullopt);
  Report(all_nan, 2, 1, kNan);
  EXPECT_EQ(all_nan->ReasonToStop({2}), std::nullopt);
}

TEST(MedianTest, TheLaterReportOfAStepCounts) {
  const RulePtr rule(Median(Goal::kMaximize, {.min_trials = 1}));
  Finish(rule, {{0.5}});
  Report(rule, 1, 1, 0.9);
  Report(rule, 1, 1, 0.1);
  EXPECT_NE(rule->ReasonToStop({1}), std::nullopt);
  Report(rule, 1, 1, 0.9);
  EXPECT_EQ(rule->ReasonToStop({1}), std::nullopt);
}

TEST(MedianTest, ANewAttemptStartsAfresh) {
  const RulePtr rule(Median(Goal::kMaximize, {.min_trials = 1}));
  Finish(rule, {{0.5, 0.5}});
  Report(rule, 1, 2, 0.9);
  Report(rule, 1, 1, 0.1, 2);
  EXPECT_NE(rule->ReasonToStop({1}), std::nullopt);
}

TEST(MedianTest, SaysNothingOfTrialsItDoesNotKnow) {
  const RulePtr rule(Median(Goal::kMaximize, {.min_trials = 1}));
  EXPECT_EQ(rule->ReasonToStop({1}), std::nullopt);
  Report(rule, 1, 1, 0.5);
  EXPECT_EQ(rule->ReasonToStop({1}), std::nullopt);
  End(rule, 1, TrialState::kCompleted);
  EXPECT_EQ(rule->ReasonToStop({1}), std::nullopt);
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
  const RulePtr rule(Median(Goal::kMaximize, {.min_trials = 5}));
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
      ASSERT_EQ(rule->ReasonToStop({id}).has_value(), expected);
      stopped += expected;
    }
    finished.push_back(curve);
    End(rule, id, TrialState::kCompleted);
  }
  EXPECT_GT(stopped, 100);
}

TEST(MedianTest, MoreStepsThanTablesGiveTheSameAnswers) {
  const RulePtr rule(Median(Goal::kMaximize, {.min_trials = 1}));
  std::vector<double> curve(PercentileRule::kMaxTables + 500, 0.5);
  Finish(rule, {curve});
  for (const int64_t step : {int64_t{1}, static_cast<int64_t>(curve.size())}) {
    Report(rule, step, step, 0.4);
    EXPECT_NE(rule->ReasonToStop({step}), std::nullopt) << step;
    Report(rule, step, step, 0.6);
    EXPECT_EQ(rule->ReasonToStop({step}), std::nullopt) << step;
  }
  Report(rule, 1, static_cast<int64_t>(curve.size()) + 1, 0.1);
  EXPECT_EQ(rule->ReasonToStop({1}), std::nullopt);
}

TEST(PercentileTest, TheBestShareGoesOn) {
  const RulePtr rule = Percentile({.min_trials = 5, .percent = 25});
  Finish(rule, {{0.1}, {0.2}, {0.3}, {0.4}, {0.5}});
  Report(rule, 1, 1, 0.4);  // The best 25 % begin at the second of five.
  EXPECT_EQ(rule->ReasonToStop({1}), std::nullopt);
  Report(rule, 2, 1, 0.39);
  EXPECT_EQ(rule->ReasonToStop({2}),
            "accuracy 0.39 at step 1 is below 0.4, where the best 25 % of 5 "
            "trials begin");
}

// numpy.percentile([4, 3, 2, 1], 90) = 3.7: 10 % of maximized values are above.
TEST(PercentileTest, InterpolatesAsNumPy) {
  const RulePtr rule = Percentile({.min_trials = 1, .percent = 10});
  Finish(rule, {{4}, {3}, {2}, {1}});
  Report(rule, 1, 1, 3.71);
  EXPECT_EQ(rule->ReasonToStop({1}), std::nullopt);
  Report(rule, 1, 1, 3.69);
  EXPECT_NE(rule->ReasonToStop({1}), std::nullopt);
}

TEST(PercentileTest, OthersAreTakenWithMeanBestOrLatest) {
  const auto stops_at = [](Against against, double value) {
    const RulePtr rule =
        Percentile({.min_trials = 1, .percent = 50, .against = against});
    Finish(rule, {{0.1, 0.9, 0.2}});  // Mean 0.4, best 0.9, latest 0.2.
    Report(rule, 1, 3, value);
    return rule->ReasonToStop({1}).has_value();
  };
  EXPECT_TRUE(stops_at(Against::kMean, 0.39));
  EXPECT_FALSE(stops_at(Against::kMean, 0.41));
  EXPECT_TRUE(stops_at(Against::kBest, 0.89));
  EXPECT_FALSE(stops_at(Against::kBest, 0.9));
  EXPECT_TRUE(stops_at(Against::kLatest, 0.19));
  EXPECT_FALSE(stops_at(Against::kLatest, 0.2));
}

TEST(PercentileTest, GraceCountsFromTheFirstStepOfTheAttempt) {
  const RulePtr rule =
      Median(Goal::kMaximize, {.grace_steps = 2, .min_trials = 1});
  Finish(rule, {std::vector<double>(20, 0.5)});
  for (const int64_t step : {10, 11}) {
    Report(rule, 1, step, 0.1);
    EXPECT_EQ(rule->ReasonToStop({1}), std::nullopt);
  }
  Report(rule, 1, 12, 0.1);
  EXPECT_NE(rule->ReasonToStop({1}), std::nullopt);
  Report(rule, 1, 13, 0.1, 2);  // Resumed.
  EXPECT_EQ(rule->ReasonToStop({1}), std::nullopt);
}

TEST(PercentileTest, AResumedAttemptKeepsWhatItResumed) {
  const RulePtr rule = Median(Goal::kMaximize, {.min_trials = 1});
  Finish(rule, {{0.5, 0.5, 0.5}});
  Report(rule, 1, 1, 0.6);
  Report(rule, 1, 2, 0.9);
  Report(rule, 1, 2, 0.1, 2);
  EXPECT_EQ(rule->ReasonToStop({1}), std::nullopt);  // Best 0.6, of step 1.
  Report(rule, 1, 1, 0.1, 3);
  EXPECT_NE(rule->ReasonToStop({1}), std::nullopt);
}

TEST(PercentileTest, SmoothingAveragesWhatWasReported) {
  const RulePtr rule =
      Median(Goal::kMaximize, {.smoothing = 0.75, .min_trials = 1});
  Finish(rule, {{0.5}, {0.5, 0.5}});
  Report(rule, 1, 1, 0.2);
  Report(rule, 1, 2, 0.6);  // 0.75 * 0.2 + 0.25 * 0.6 = 0.3.
  EXPECT_EQ(rule->ReasonToStop({1}),
            "accuracy 0.3 at step 2 is below the median 0.5 of 1 trials");
}

// Two objectives and a bound.
class SeveralMetricsTest : public ::testing::Test {
 protected:
  void Report(int64_t id, double loss, double speed, double size) {
    Measurement measurement{.step = 1};
    measurement.metrics = {{"loss", loss}, {"speed", speed}, {"size", size}};
    rule_->ObserveReport({id}, 1, measurement);
  }
  void Finish(int64_t id, double loss, double speed, double size) {
    Report(id, loss, speed, size);
    End(rule_, id, TrialState::kCompleted);
  }

  const RulePtr rule_ = Rule({{.name = "loss"},
                              {.name = "speed", .goal = Goal::kMaximize},
                              {.name = "size", .bound = 10}},
                             {.name = "median", .min_trials = 1});
};

TEST_F(SeveralMetricsTest, ATrialThatMoreThanHalfDominateStops) {
  Finish(11, 1, 9, 5);
  Finish(12, 2, 8, 5);
  Finish(13, 3, 7, 5);
  Report(1, 1.5, 8.5, 5);  // One dominates it: ranks with trial 12.
  EXPECT_EQ(rule_->ReasonToStop({1}), std::nullopt);
  Report(2, 4, 6, 5);  // All do.
  EXPECT_EQ(rule_->ReasonToStop({2}),
            "loss 4, speed 6 at step 1 is behind the best 50 % of 3 trials: 3 "
            "are ahead");
  Report(3, 99, 10, 5);  // The fastest: none does.
  EXPECT_EQ(rule_->ReasonToStop({3}), std::nullopt);
}

TEST_F(SeveralMetricsTest, ABrokenBoundRanksBehindByViolation) {
  Finish(11, 5, 5, 10);
  Finish(12, 5, 5, 12);
  Finish(13, 5, 5, 14);
  Report(1, 1, 9, 11);
  EXPECT_EQ(rule_->ReasonToStop({1}), std::nullopt);
  Report(2, 1, 9, 15);
  EXPECT_EQ(rule_->ReasonToStop({2}),
            "loss 1, speed 9, bounds broken by 5 at step 1 is behind the best "
            "50 % of 3 trials: 3 are ahead");
}

TEST_F(SeveralMetricsTest, WaitsForEveryObjective) {
  Finish(11, 1, 9, 5);
  Measurement measurement{.step = 1};
  measurement.metrics = {{"loss", 9}};
  rule_->ObserveReport({1}, 1, measurement);
  EXPECT_EQ(rule_->ReasonToStop({1}), std::nullopt);
}

TEST(SeveralObjectivesTest, ANamedMetricAloneCounts) {
  const RulePtr rule =
      Rule({{.name = "loss"},
            {.name = "accuracy", .goal = Goal::kMaximize},
            {.name = "size", .bound = 10}},
           {.name = "median", .metric = "accuracy", .min_trials = 1});
  Finish(rule, {{0.9}});
  Report(rule, 1, 1, 0.8);
  EXPECT_NE(rule->ReasonToStop({1}), std::nullopt);
}

}  // namespace
}  // namespace assay
