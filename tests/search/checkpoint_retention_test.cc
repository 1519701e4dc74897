#include "search/checkpoint_retention.h"

#include "gtest/gtest.h"

namespace assay {
namespace {

TEST(CheckpointRetentionTest, AnOlderOneIsNeverNeeded) {
  EXPECT_FALSE(IsNeeded({.is_newest = false,
                         .trial_is_unfinished = true,
                         .trial_has_result = true,
                         .has_unfinished_child = true,
                         .may_be_continued = true,
                         .is_best = true}));
}

TEST(CheckpointRetentionTest, TheNewestIsKeptForWhatMayComeBackToIt) {
  EXPECT_FALSE(IsNeeded({.is_newest = true}));
  EXPECT_TRUE(IsNeeded({.is_newest = true, .trial_is_unfinished = true}));
  EXPECT_TRUE(IsNeeded({.is_newest = true, .has_unfinished_child = true}));
  EXPECT_TRUE(IsNeeded({.is_newest = true, .is_best = true}));
}

TEST(CheckpointRetentionTest,
     AScheduleMayContinueWhatHasAResultAndNoSuccessor) {
  CheckpointFacts facts = {
      .is_newest = true, .trial_has_result = true, .may_be_continued = true};
  EXPECT_TRUE(IsNeeded(facts));
  facts.has_successor = true;
  EXPECT_FALSE(IsNeeded(facts));
  facts = {.is_newest = true, .may_be_continued = true};  // FAILED.
  EXPECT_FALSE(IsNeeded(facts));
}

TEST(CheckpointRetentionTest, ARunIsSucceededByTheNextOfItsConfiguration) {
  const ScheduleSpec asha = {.name = "asha", .max_steps = 9};
  const Trial parent = {.id = {7}};
  Trial child = {.id = {8}, .state = TrialState::kRunning, .continues = {7}};
  EXPECT_FALSE(Succeeds(child, parent, asha));
  child.state = TrialState::kCompleted;
  EXPECT_TRUE(Succeeds(child, parent, asha));
}

TEST(CheckpointRetentionTest, AMemberIsNotSucceededByWhoCopiesIt) {
  const ScheduleSpec pbt = {.name = "pbt", .max_steps = 9};
  const Trial first = {.id = {7}, .origin = {.ordinal = 2}};
  Trial child = {.id = {8},
                 .state = TrialState::kCompleted,
                 .continues = {7},
                 .origin = {.ordinal = 3}};
  EXPECT_FALSE(Succeeds(child, first, pbt));
  child.origin.ordinal = 7;
  EXPECT_TRUE(Succeeds(child, first, pbt));
  Trial grandchild = child;
  grandchild.id = {9};
  grandchild.continues = {8};
  EXPECT_TRUE(Succeeds(grandchild, child, pbt));
  grandchild.origin.ordinal = 3;
  EXPECT_FALSE(Succeeds(grandchild, child, pbt));
}

TEST(CheckpointRetentionTest, AMemberDepartsWithARunFromAnother) {
  const Trial first = {.id = {7}, .origin = {.ordinal = 2}};
  Trial run = {.id = {8},
               .state = TrialState::kRunning,
               .continues = {7},
               .origin = {.ordinal = 3}};
  EXPECT_FALSE(IsDeparture(run, first));
  run.state = TrialState::kCompleted;
  EXPECT_TRUE(IsDeparture(run, first));
  run.origin.ordinal = 7;
  EXPECT_FALSE(IsDeparture(run, first));
  const Trial next = {.id = {9},
                      .state = TrialState::kCompleted,
                      .continues = {8},
                      .origin = {.ordinal = 7}};
  EXPECT_FALSE(IsDeparture(next, run));
  run.origin.ordinal = 3;
  EXPECT_TRUE(IsDeparture(next, run));
}

TEST(CheckpointRetentionTest, WhatMayGoOnIsAnOpenStudyWithASchedule) {
  Study study;
  StudySpec spec;
  const Trial trial = {.to_step = 3};
  EXPECT_FALSE(MayBeContinued(study, spec, trial));
  spec.schedule = {.name = "asha", .max_steps = 9};
  EXPECT_TRUE(MayBeContinued(study, spec, trial));
  study.hidden = true;
  EXPECT_FALSE(MayBeContinued(study, spec, trial));
}

TEST(CheckpointRetentionTest, AStudyThatIsOverContinuesNothing) {
  Study study;
  study.state = StudyState::kCompleted;
  StudySpec spec;
  spec.schedule = {.name = "asha", .max_steps = 9};
  EXPECT_FALSE(MayBeContinued(study, spec, {.to_step = 3}));
}

TEST(CheckpointRetentionTest, AfterTheLastStepAndAnAuditNothingFollows) {
  StudySpec spec;
  spec.schedule = {.name = "gradient", .max_steps = 9};
  Trial trial = {.to_step = 9};
  EXPECT_FALSE(MayBeContinued(Study(), spec, trial));
  trial.to_step = 3;
  trial.origin = {.strategy = "gradient", .ordinal = 7};
  EXPECT_TRUE(MayBeContinued(Study(), spec, trial));
  trial.origin.ordinal = AuditOf(7);
  EXPECT_FALSE(MayBeContinued(Study(), spec, trial));
}

TEST(CheckpointRetentionTest, AnAuditSucceedsNothing) {
  const ScheduleSpec gradient = {.name = "gradient", .max_steps = 9};
  const Trial first = {.id = {7}};
  const Trial audit = {
      .id = {8},
      .state = TrialState::kCompleted,
      .continues = {7},
      .origin = {.strategy = "gradient", .ordinal = AuditOf(7)}};
  EXPECT_FALSE(Succeeds(audit, first, gradient));
}

}  // namespace
}  // namespace assay
