#include "search/stopping/savings.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace assay {
namespace {

StudySpec Study(RuleSpec rule) {
  StudySpec study;
  study.metrics = {{.name = "loss"}};
  study.stopping.rules = {std::move(rule)};
  return study;
}

const RuleSpec kAboveFive = {.name = "threshold", .upper = 5};

// One that reported at steps 1, 2, ..., each after `pace` seconds.
RecordedTrial Recorded(int64_t number, const std::vector<double>& losses,
                       TrialState state, double pace = 2) {
  RecordedTrial recorded;
  recorded.trial = {.id = {number + 100}, .number = number, .state = state};
  int64_t revision = 1000 * number;
  for (const double loss : losses) {
    Measurement measurement{.revision = ++revision};
    measurement.step = static_cast<int64_t>(recorded.reports.size()) + 1;
    measurement.elapsed_seconds = pace * static_cast<double>(measurement.step);
    measurement.metrics = {{"loss", loss}};
    recorded.reports.push_back({1, measurement});
  }
  recorded.trial.final_metrics = {{"loss", losses.back()}};
  recorded.trial.ended_revision = ++revision;
  return recorded;
}

TEST(SavingsTest, EachStoppedTrialSavesAtItsOwnPace) {
  const auto savings = SavingsOf(
      Study(kAboveFive), {Recorded(0, {4, 3, 2, 1}, TrialState::kCompleted),
                          Recorded(1, {9}, TrialState::kStopped, 10),
                          Recorded(2, {4, 9}, TrialState::kStopped, 1)});
  ASSERT_TRUE(savings.ok()) << savings.status();
  EXPECT_EQ(savings->stopped, 2);
  EXPECT_EQ(savings->counted, 2);
  EXPECT_EQ(savings->max_steps, 4);
  EXPECT_EQ(savings->steps, 3 + 2);
  EXPECT_EQ(savings->seconds, 3 * 10 + 2 * 1);
  EXPECT_EQ(savings->spent_seconds, 4 * 2 + 10 + 2);
}

TEST(SavingsTest, ARulesMaxStepsCountBeforeWhatTrialsRan) {
  StudySpec study = Study(kAboveFive);
  study.stopping.rules.push_back({.name = "asha", .max_steps = 27});
  const auto savings =
      SavingsOf(study, {Recorded(0, {4, 3}, TrialState::kCompleted),
                        Recorded(1, {9}, TrialState::kStopped)});
  EXPECT_EQ(savings->max_steps, 27);
  EXPECT_EQ(savings->steps, 26);
}

TEST(SavingsTest, AScheduleSaysHowFarTrialsGo) {
  StudySpec study = Study(kAboveFive);
  study.schedule = {.name = "asha", .max_steps = 9};
  const auto savings =
      SavingsOf(study, {Recorded(0, {4, 3}, TrialState::kCompleted),
                        Recorded(1, {9}, TrialState::kStopped, 10)});
  EXPECT_EQ(savings->max_steps, 9);
  EXPECT_EQ(savings->steps, 8);
  EXPECT_EQ(savings->seconds, 8 * 10);
  study.stopping.rules.push_back({.name = "asha", .max_steps = 27});
  EXPECT_EQ(SavingsOf(study, {})->max_steps, 27);
}

// Trial 2 goes on from trial 0: what is left is trial 1, at step 2 of 9.
TEST(SavingsTest, AScheduleSavesWhatItDoesNotGoOnWith) {
  StudySpec study;
  study.metrics = {{.name = "loss"}};
  study.schedule = {.name = "asha", .max_steps = 9};
  RecordedTrial next = Recorded(2, {3}, TrialState::kRunning, 4);
  next.trial.continues = {100};
  next.trial.from_step = 2;
  next.reports[0].measurement.step = 3;
  next.reports[0].measurement.elapsed_seconds = 5;
  const std::vector<RecordedTrial> recorded = {
      Recorded(0, {4, 3}, TrialState::kCompleted),
      Recorded(1, {5, 4}, TrialState::kCompleted, 10), next};
  const auto savings = SavingsOf(study, recorded);
  EXPECT_EQ(savings->schedule.configurations, 1);
  EXPECT_EQ(savings->schedule.steps, 7);
  EXPECT_EQ(savings->schedule.seconds, 7 * 10 - savings->reload_seconds);
  EXPECT_EQ(savings->seconds, 0);

  study.schedule.name = "pbt";
  EXPECT_EQ(SavingsOf(study, recorded)->schedule.configurations, 0);
}

TEST(SavingsTest, NothingIsClaimedWithoutAnEnd) {
  const auto savings =
      SavingsOf(Study(kAboveFive), {Recorded(1, {9}, TrialState::kStopped)});
  EXPECT_EQ(savings->stopped, 1);
  EXPECT_EQ(savings->counted, 0);
  EXPECT_EQ(savings->seconds, 0);
  EXPECT_FALSE(savings->loss.has_value());
}

TEST(SavingsTest, WhatAUserStoppedIsNoSaving) {
  const auto savings = SavingsOf(
      Study(kAboveFive), {Recorded(0, {4, 3, 2}, TrialState::kCompleted),
                          Recorded(1, {4}, TrialState::kStopped)});
  EXPECT_EQ(savings->stopped, 0);
  EXPECT_EQ(savings->seconds, 0);
}

TEST(SavingsTest, ReloadingIsSubtracted) {
  RecordedTrial resumed = Recorded(0, {4, 3}, TrialState::kCompleted);
  Measurement measurement{.step = 3, .elapsed_seconds = 12, .revision = 3};
  resumed.reports.push_back({2, measurement});
  measurement = {.step = 4, .elapsed_seconds = 14, .revision = 4};
  resumed.reports.push_back({2, measurement});
  const auto savings = SavingsOf(
      Study(kAboveFive), {resumed, Recorded(1, {9}, TrialState::kStopped, 5)});
  EXPECT_EQ(savings->reload_seconds, 10);
  EXPECT_EQ(savings->seconds, 3 * 5 - 10);
}

// From step 1 on the COMPLETED trials fell by 3 and by 8: one of the two takes
// the stopped one from 9 to 1, below the best by 1.
TEST(SavingsTest, AShortCurveGainsWhatOthersGained) {
  const auto savings = SavingsOf(
      Study(kAboveFive), {Recorded(0, {5, 3, 2}, TrialState::kCompleted),
                          Recorded(1, {11, 3, 3}, TrialState::kCompleted),
                          Recorded(2, {9}, TrialState::kStopped)});
  ASSERT_TRUE(savings->loss.has_value());
  EXPECT_EQ(savings->loss->judged, 1);
  EXPECT_EQ(savings->loss->chance_better, 0.5);
  EXPECT_NEAR(savings->loss->expected, 0.5, 0.01);
  EXPECT_NEAR(savings->loss->high, 1, 0.01);
}

TEST(SavingsTest, ALongCurveIsExtrapolated) {
  std::vector<double> hopeless, promising, best;
  for (int t = 1; t <= 27; ++t) {
    if (t <= 12) hopeless.push_back(6 + 1.0 / t);
    if (t <= 12) promising.push_back(5.1 + 10.0 / t);
    best.push_back(5.2 + 3.0 / t);
  }
  const RuleSpec above_any = {.name = "threshold", .upper = 5};
  const auto lost = [&](const std::vector<double>& curve) {
    return SavingsOf(Study(above_any),
                     {Recorded(0, best, TrialState::kCompleted),
                      Recorded(1, curve, TrialState::kStopped)})
        ->loss;
  };
  ASSERT_TRUE(lost(hopeless).has_value());
  EXPECT_LT(lost(hopeless)->chance_better, 0.05);
  EXPECT_LT(lost(hopeless)->expected, 0.02);
  EXPECT_GT(lost(promising)->chance_better, lost(hopeless)->chance_better);
  EXPECT_GT(lost(promising)->expected, 0);
}

}  // namespace
}  // namespace assay
