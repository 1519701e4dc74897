#include "search/study.h"

#include <cmath>
#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace assay {
namespace {

using ::testing::HasSubstr;

const double kNan = std::numeric_limits<double>::quiet_NaN();

absl::Time At(double seconds) {
  return absl::UnixEpoch() + absl::Seconds(seconds);
}

Study Active() {
  Study study;
  study.name = "digits";
  return study;
}

TEST(StudyTest, PauseAndResumeAlternate) {
  Study study = Active();
  ASSERT_TRUE(Pause(study, At(0)).ok());
  EXPECT_EQ(Pause(study, At(1)).message(),
            "study \"digits\" is PAUSED, only an ACTIVE one can be paused");
  ASSERT_TRUE(Resume(study, At(2)).ok());
  EXPECT_EQ(Resume(study, At(3)).code(), absl::StatusCode::kFailedPrecondition);
}

TEST(StudyTest, PausedTimeIsNotUsed) {
  Study study = Active();
  EXPECT_EQ(SecondsUsed(study, At(50)), 0);
  study.first_lease = At(100);
  ASSERT_TRUE(Pause(study, At(110)).ok());
  EXPECT_EQ(SecondsUsed(study, At(150)), 10);
  ASSERT_TRUE(Resume(study, At(160)).ok());
  EXPECT_EQ(SecondsUsed(study, At(165)), 15);
  ASSERT_TRUE(Pause(study, At(170)).ok());
  ASSERT_TRUE(
      Complete(study, CompletionReason::kBudgetSpent, "", At(180)).ok());
  EXPECT_EQ(SecondsUsed(study, At(1000)), 20);
}

TEST(StudyTest, PauseBeforeTheFirstLeaseCountsFromIt) {
  Study study = Active();
  ASSERT_TRUE(Pause(study, At(0)).ok());
  study.first_lease = At(100);
  ASSERT_TRUE(Resume(study, At(130)).ok());
  EXPECT_EQ(SecondsUsed(study, At(140)), 10);
}

TEST(StudyTest, TimeBetweenCompletionAndReopeningIsNotUsed) {
  Study study = Active();
  study.first_lease = At(0);
  ASSERT_TRUE(
      Complete(study, CompletionReason::kBudgetSpent, "60 of 60", At(60)).ok());
  ASSERT_TRUE(Reopen(study, At(86400)).ok());
  EXPECT_EQ(study.state, StudyState::kActive);
  EXPECT_EQ(study.completion, CompletionReason::kNone);
  EXPECT_EQ(study.reason, "");
  EXPECT_EQ(SecondsUsed(study, At(86410)), 70);
}

TEST(StudyTest, AUsersStopAndAUsedUpSpaceAreFinal) {
  for (const CompletionReason reason :
       {CompletionReason::kStoppedByUser, CompletionReason::kSpaceExhausted}) {
    Study study = Active();
    ASSERT_TRUE(Complete(study, reason, "", At(1)).ok());
    EXPECT_EQ(Reopen(study, At(2)).code(),
              absl::StatusCode::kFailedPrecondition);
    EXPECT_EQ(study.state, StudyState::kCompleted);
  }
  Study study = Active();
  EXPECT_FALSE(Reopen(study, At(2)).ok());
}

TEST(StudyTest, CompletedStudyCannotCompleteAgain) {
  Study study = Active();
  ASSERT_TRUE(
      Complete(study, CompletionReason::kStoppedByUser, "by ann", At(1)).ok());
  const absl::Status again =
      Complete(study, CompletionReason::kBudgetSpent, "", At(2));
  EXPECT_THAT(std::string(again.message()), HasSubstr("already: by ann"));
  EXPECT_EQ(study.completion, CompletionReason::kStoppedByUser);
}

struct SpentCase {
  const char* name;
  Budget budget;
  std::string words;  // Empty: not spent.
  CompletionReason reason = CompletionReason::kBudgetSpent;
  bool stop_running = false;
};

TEST(StudyTest, WhatIsSpentNamesTheLimit) {
  Study study = Active();
  study.first_lease = At(0);
  study.counts.configurations = 60;
  study.counts.failed = 3;
  study.counts.steps = 500;
  study.counts.training_seconds = 12.5;
  const SpentCase cases[] = {
      {"nothing", {}, ""},
      {"more", {.max_trials = 61, .max_seconds = 100, .max_failed = 4}, ""},
      {"trials", {.max_trials = 60}, "max_trials: 60 of 60 started"},
      {"parallel is not looked at", {.max_parallel = 1}, ""},
      {"seconds",
       {.max_seconds = 30},
       "max_seconds: 30 of 30 seconds used",
       CompletionReason::kBudgetSpent,
       true},
      {"steps",
       {.max_steps_total = 400},
       "max_steps_total: 500 of 400 steps used"},
      {"training",
       {.max_training_seconds = 12},
       "max_training_seconds: 12.5 of 12 seconds used"},
      {"failed",
       {.max_failed = 3},
       "max_failed: 3 of 3 failed",
       CompletionReason::kTooManyFailures},
  };
  for (const SpentCase& c : cases) {
    SCOPED_TRACE(c.name);
    const auto spent = WhatIsSpent(study, c.budget, At(30));
    ASSERT_EQ(spent.has_value(), !c.words.empty());
    if (!spent) continue;
    EXPECT_EQ(spent->words, c.words);
    EXPECT_EQ(spent->reason, c.reason);
    EXPECT_EQ(spent->stop_running, c.stop_running);
  }
}

TEST(StudyTest, AStudyOfInfeasibleTrialsEnds) {
  Study study = Active();
  study.counts.infeasible = 129;
  EXPECT_FALSE(WhatIsSpent(study, {.max_trials = 3}, At(0)));
  study.counts.infeasible = 130;
  const auto spent = WhatIsSpent(study, {.max_trials = 3}, At(0));
  ASSERT_TRUE(spent);
  EXPECT_EQ(spent->reason, CompletionReason::kTooManyFailures);
  EXPECT_EQ(spent->words,
            "130 trials are INFEASIBLE, the most that max_trials 3 allows");
  EXPECT_FALSE(WhatIsSpent(study, {}, At(0)));
  EXPECT_GT(MostInfeasible(std::numeric_limits<int64_t>::max()), 0);
}

TEST(StudyTest, OnlyASpentMaxTrialsLetsRequeuedTrialsRun) {
  Study study = Active();
  study.counts.configurations = 2;
  study.counts.failed = 2;
  EXPECT_TRUE(WhatIsSpent(study, {.max_trials = 2}, At(0))->requeued_may_run);
  EXPECT_FALSE(WhatIsSpent(study, {.max_failed = 2}, At(0))->requeued_may_run);
}

TEST(StudyTest, TargetIsReachedByAValueAsGood) {
  const MetricSpec accuracy{.name = "accuracy", .goal = Goal::kMaximize};
  const MetricSpec loss{.name = "loss", .goal = Goal::kMinimize};
  const Budget budget{.target = 0.9};
  EXPECT_FALSE(WhatReachesTarget(accuracy, 0.89, budget));
  EXPECT_FALSE(WhatReachesTarget(accuracy, kNan, budget));
  EXPECT_FALSE(WhatReachesTarget(accuracy, 0.95, Budget{}));
  EXPECT_FALSE(WhatReachesTarget(loss, 0.91, budget));
  EXPECT_TRUE(WhatReachesTarget(loss, 0.9, budget));
  const auto reached = WhatReachesTarget(accuracy, 0.91, budget);
  ASSERT_TRUE(reached);
  EXPECT_EQ(reached->words, "target: accuracy 0.91 reaches 0.9");
  EXPECT_EQ(reached->reason, CompletionReason::kTargetReached);
  EXPECT_TRUE(reached->stop_running);
}

TEST(StudyTest, ARequeuedTrialIsNoNewConfiguration) {
  StudyCounts counts;
  Trial trial;
  CountTransition(counts, std::nullopt, trial);
  EXPECT_EQ(counts.trials, 1);
  EXPECT_EQ(counts.pending, 1);
  EXPECT_EQ(counts.configurations, 0);
  for (int i = 0; i < 2; ++i) {
    Attempt attempt = *Start(trial, At(0));
    CountTransition(counts, TrialState::kPending, trial);
    EXPECT_EQ(counts.running, 1);
    ASSERT_TRUE(
        Requeue(trial, attempt, AttemptOutcome::kLost, "", {}, At(1)).ok());
    CountTransition(counts, TrialState::kRunning, trial);
  }
  EXPECT_EQ(counts.configurations, 1);
  EXPECT_EQ(counts.pending, 1);
  EXPECT_EQ(counts.running, 0);
}

TEST(StudyTest, InfeasibleContinuedAndReplicatedTrialsAreNoConfigurations) {
  StudyCounts counts;
  Trial trial;
  Attempt attempt = *Start(trial, At(0));
  CountTransition(counts, std::nullopt, trial);
  EXPECT_EQ(counts.configurations, 1);
  ASSERT_TRUE(MarkInfeasible(trial, attempt, "", At(1)).ok());
  CountTransition(counts, TrialState::kRunning, trial);
  EXPECT_EQ(counts.configurations, 0);
  EXPECT_EQ(counts.infeasible, 1);

  Trial continued;
  continued.continues = {5};
  (void)Start(continued, At(0));
  CountTransition(counts, std::nullopt, continued);
  Trial replicate;
  replicate.replicate = 1;
  (void)Start(replicate, At(0));
  CountTransition(counts, std::nullopt, replicate);
  EXPECT_EQ(counts.configurations, 0);
  EXPECT_EQ(counts.trials, 3);
}

TEST(StudyTest, AFinishedTrialThatIsAddedIsAConfiguration) {
  StudyCounts counts;
  Trial trial;
  trial.state = TrialState::kCompleted;
  CountTransition(counts, std::nullopt, trial);
  trial.state = TrialState::kInfeasible;
  CountTransition(counts, std::nullopt, trial);
  EXPECT_EQ(counts.configurations, 1);
}

TEST(StudyTest, NanIsWorst) {
  EXPECT_TRUE(IsBetter(1, 2, Goal::kMinimize));
  EXPECT_TRUE(IsBetter(2, 1, Goal::kMaximize));
  EXPECT_FALSE(IsBetter(1, 1, Goal::kMaximize));
  EXPECT_TRUE(IsBetter(1e300, kNan, Goal::kMinimize));
  EXPECT_FALSE(IsBetter(kNan, -1e300, Goal::kMaximize));
  EXPECT_FALSE(IsBetter(kNan, kNan, Goal::kMaximize));
}

Measurement Report(int64_t step, Metrics metrics) {
  Measurement measurement;
  measurement.step = step;
  measurement.metrics = std::move(metrics);
  return measurement;
}

TEST(StudyTest, MetricValueIsTheExplicitOneElseLastOrBest) {
  MetricSpec metric{.name = "acc", .goal = Goal::kMaximize};
  const std::vector<Measurement> curve = {
      Report(1, {{"acc", 0.5}}),  Report(2, {{"acc", 0.9}}),
      Report(2, {{"acc", 0.7}}),  Report(3, {{"acc", 0.6}}),
      Report(4, {{"acc", kNan}}), Report(4, {{"loss", 1}})};
  EXPECT_EQ(MetricValue(metric, {{"acc", 0.8}}, curve), 0.8);
  EXPECT_TRUE(std::isnan(*MetricValue(metric, {{"loss", 1}}, curve)));
  metric.select = Select::kBest;
  EXPECT_EQ(MetricValue(metric, {}, curve), 0.7);
  EXPECT_EQ(MetricValue(metric, {}, {}), std::nullopt);
  metric.name = "none";
  EXPECT_EQ(MetricValue(metric, {}, curve), std::nullopt);
}

TEST(StudyTest, ObjectivesAreMetricsWithoutABound) {
  StudySpec spec;
  spec.metrics = {{.name = "a"}, {.name = "b", .bound = 1}, {.name = "c"}};
  EXPECT_THAT(Objectives(spec), testing::ElementsAre(0, 2));
}

}  // namespace
}  // namespace assay
