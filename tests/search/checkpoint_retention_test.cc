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
  facts.has_completed_child = true;
  EXPECT_FALSE(IsNeeded(facts));
  facts = {.is_newest = true, .may_be_continued = true};  // FAILED.
  EXPECT_FALSE(IsNeeded(facts));
}

TEST(CheckpointRetentionTest, WhatMayGoOnIsAnOpenStudyWithASchedule) {
  Study study;
  StudySpec spec;
  EXPECT_FALSE(MayBeContinued(study, spec));
  spec.schedule = {.name = "asha", .max_steps = 9};
  EXPECT_TRUE(MayBeContinued(study, spec));
  study.hidden = true;
  EXPECT_FALSE(MayBeContinued(study, spec));
}

TEST(CheckpointRetentionTest, AStudyThatIsOverContinuesNothing) {
  Study study;
  study.state = StudyState::kCompleted;
  StudySpec spec;
  spec.schedule = {.name = "asha", .max_steps = 9};
  EXPECT_FALSE(MayBeContinued(study, spec));
}

}  // namespace
}  // namespace assay
