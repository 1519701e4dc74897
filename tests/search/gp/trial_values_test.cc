#include "search/gp/trial_values.h"

#include <cmath>
#include <limits>
#include <utility>

#include "gtest/gtest.h"

namespace assay {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// A trial whose value at each step is `base` + step, of two parameters.
Observation Ran(TrialState state, int64_t steps, double base) {
  Observation trial{.state = state};
  for (int64_t step = 1; step <= steps; ++step) {
    trial.curve.push_back({step, {base + static_cast<double>(step)}});
  }
  trial.values = trial.curve.back().values;
  return trial;
}

Observation WithoutCurve(Observation trial) {
  trial.curve.clear();
  return trial;
}

TrialValues Of(const std::vector<Observation>& trials) {
  TrialValues values(1, 2);
  for (const Observation& trial : trials) values.Learn(trial);
  values.ChooseStep(static_cast<int>(trials.size()));
  return values;
}

TEST(TrialValuesTest, EnoughGrowsWithTheParameters) {
  EXPECT_EQ(TrialValues(1, 1).Enough(), 10);
  EXPECT_EQ(TrialValues(1, 4).Enough(), 10);
  EXPECT_EQ(TrialValues(1, 5).Enough(), 12);
}

TEST(TrialValuesTest, WhatIsStoppedIsAssumedOnceEnoughCompleted) {
  std::vector<Observation> trials(10, Ran(TrialState::kCompleted, 5, 0));
  trials.push_back(Ran(TrialState::kStopped, 2, 0));
  TrialValues values = Of(trials);
  EXPECT_FALSE(values.WantsCurves());
  EXPECT_FALSE(values.step());
  EXPECT_TRUE(values.IsKnown(0));
  EXPECT_EQ(values.Value(0, 0), 5);
  EXPECT_FALSE(values.IsKnown(10));
  EXPECT_EQ(values.Value(10, 0), 2);
  values.Assume(10, 0, 1.5);
  EXPECT_EQ(values.Value(10, 0), 1.5);
  EXPECT_EQ(values.NoiseMultiplier(0), 1);
  EXPECT_EQ(values.NoiseMultiplier(10), 4);
}

TEST(TrialValuesTest, TheStepIsTheLargestThatEnoughReached) {
  std::vector<Observation> trials(9, Ran(TrialState::kStopped, 3, 0));
  trials.push_back(Ran(TrialState::kStopped, 2, 0));
  trials.push_back(Ran(TrialState::kStopped, 1, 0));
  trials.push_back(Ran(TrialState::kCompleted, 7, 10));
  const TrialValues values = Of(trials);
  EXPECT_TRUE(values.WantsCurves());
  ASSERT_EQ(values.step(), 3);  // Nine, and the one that ran on.
  EXPECT_EQ(values.Value(0, 0), 3);
  EXPECT_FALSE(values.IsKnown(9));
  EXPECT_FALSE(values.IsKnown(10));
  EXPECT_EQ(values.Value(11, 0), 13);
  EXPECT_EQ(values.NoiseMultiplier(0), 1);
}

TEST(TrialValuesTest, TooFewCurvesHaveNoStep) {
  std::vector<Observation> trials(9, Ran(TrialState::kStopped, 3, 0));
  trials.push_back(WithoutCurve(Ran(TrialState::kCompleted, 9, 0)));
  const TrialValues values = Of(trials);
  EXPECT_FALSE(values.step());
  EXPECT_TRUE(values.IsKnown(9));
}

TEST(TrialValuesTest, ACompletedTrialOfFewerStepsIsKnownByItsEnd) {
  std::vector<Observation> trials(10, Ran(TrialState::kStopped, 3, 0));
  trials.push_back(Ran(TrialState::kCompleted, 2, 20));
  trials.push_back(WithoutCurve(Ran(TrialState::kCompleted, 1, 30)));
  const TrialValues values = Of(trials);
  ASSERT_EQ(values.step(), 3);
  EXPECT_EQ(values.Value(10, 0), 22);
  EXPECT_EQ(values.Value(11, 0), 31);
}

TEST(TrialValuesTest, StepsWithoutAReportTakeTheOneBefore) {
  std::vector<Observation> trials(10, Ran(TrialState::kStopped, 4, 0));
  Observation sparse = Ran(TrialState::kStopped, 9, 0);
  sparse.curve = {{2, {20}}, {9, {90}}};
  Observation late = sparse;
  late.curve = {{5, {50}}, {9, {90}}};
  Observation lost = sparse;
  lost.curve = {{2, {kNaN}}, {9, {90}}};
  trials.insert(trials.end(), {sparse, late, lost});
  const TrialValues values = Of(trials);
  ASSERT_EQ(values.step(), 4);
  EXPECT_EQ(values.Value(10, 0), 20);
  EXPECT_FALSE(values.IsKnown(11));
  EXPECT_FALSE(values.IsKnown(12));
}

TEST(TrialValuesTest, FailuresHaveNoValue) {
  Observation failed = Ran(TrialState::kFailed, 3, 0);
  failed.values = {kNaN};
  const TrialValues values = Of({failed, Ran(TrialState::kCompleted, 3, 0)});
  EXPECT_TRUE(values.HasFailed(0));
  EXPECT_FALSE(values.IsKnown(0));
  EXPECT_TRUE(std::isnan(values.Value(0, 0)));
  EXPECT_EQ(values.NoiseMultiplier(0), 1);
}

TEST(TrialValuesTest, RunsDivideTheNoise) {
  Observation mean = Ran(TrialState::kCompleted, 3, 0);
  mean.runs = 3;
  Observation stopped = Ran(TrialState::kStopped, 3, 0);
  stopped.runs = 2;
  const TrialValues values = Of({mean, stopped});
  EXPECT_DOUBLE_EQ(values.NoiseMultiplier(0), 1.0 / 3);
  EXPECT_DOUBLE_EQ(values.NoiseMultiplier(1), 2);
}

// --- Trained on step by step ------------------------------------------------

// One value, at one rung.
Observation At(TrialState state, int64_t step, double value) {
  return {.state = state,
          .values = {value},
          .last_step = step,
          .curve = {{step, {value}}}};
}

// 30 at step 1, the first 12 of them at 3, the first 2 of these at 9, the end.
TrialValues Ladder() {
  TrialValues values(1, 2);
  for (int i = 0; i < 30; ++i) {
    values.Learn(At(TrialState::kStopped, 1, i));
  }
  for (int i = 0; i < 12; ++i) {
    values.LearnLonger(i, At(TrialState::kStopped, 3, 100 + i));
  }
  for (int i = 0; i < 2; ++i) {
    values.LearnLonger(i, At(TrialState::kCompleted, 9, 200 + i));
  }
  return values;
}

TEST(TrialValuesTest, RungsAreComparedAtTheLargestThatEnoughReached) {
  TrialValues values = Ladder();
  values.ChooseStep(44);
  ASSERT_EQ(values.step(), 3);
  EXPECT_EQ(values.Value(0, 0), 100) << "there, not at the end";
  EXPECT_EQ(values.Value(11, 0), 111);
  EXPECT_FALSE(values.IsKnown(12));
  EXPECT_EQ(values.Value(12, 0), 12) << "what it brought, until it is assumed";
}

TEST(TrialValuesTest, WhatCameLaterIsNotSeen) {
  TrialValues values = Ladder();
  values.ChooseStep(30 + 9);  // Nine reached step 3.
  ASSERT_EQ(values.step(), 1);
  EXPECT_EQ(values.Value(0, 0), 0);
  values.ChooseStep(30 + 10);
  ASSERT_EQ(values.step(), 3);
  EXPECT_TRUE(values.IsKnown(9));
  EXPECT_FALSE(values.IsKnown(10));
  values.See(30 + 11);
  EXPECT_TRUE(values.IsKnown(10)) << "and the step stays";
}

TEST(TrialValuesTest, OnceEnoughRanToTheEndTheyAreComparedThere) {
  TrialValues values = Ladder();
  for (int i = 2; i < 10; ++i) {
    values.LearnLonger(i, At(TrialState::kCompleted, 9, 200 + i));
  }
  values.ChooseStep(52);
  EXPECT_FALSE(values.step());
  EXPECT_EQ(values.Value(9, 0), 209);
  EXPECT_FALSE(values.IsKnown(10));
}

}  // namespace
}  // namespace assay
