#include "search/lineages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace assay {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

StudySpec Spec() {
  StudySpec spec;
  spec.metrics = {{.name = "loss"}};
  spec.schedule = {.name = "asha", .max_steps = 9};
  return spec;
}

Trial RunOf(int64_t number, int64_t from, int64_t to, int64_t continues,
            double loss, TrialState state = TrialState::kCompleted) {
  Trial trial;
  trial.id = {100 + number};
  trial.number = number;
  trial.from_step = from;
  trial.to_step = to;
  if (continues >= 0) trial.continues = {100 + continues};
  trial.state = state;
  trial.final_metrics = {{"loss", loss}};
  trial.last_step = to;
  return trial;
}

std::vector<int64_t> Numbers(const std::vector<Trial>& trials) {
  std::vector<int64_t> numbers;
  for (const Trial& trial : trials) numbers.push_back(trial.number);
  return numbers;
}

// 0 and 1 reached step 3, 1 also step 9.
std::vector<Trial> Ladder() {
  return {RunOf(0, 0, 1, -1, 0.1), RunOf(1, 0, 1, -1, 0.2),
          RunOf(2, 0, 1, -1, 0.9), RunOf(3, 1, 3, 0, 0.05),
          RunOf(4, 1, 3, 1, 0.15), RunOf(5, 3, 9, 1 + 3, 0.3)};
}

TEST(LineagesTest, RunsOfALineageAreInTheirOrder) {
  const std::vector<Trial> ladder = Ladder();
  EXPECT_THAT(Numbers(LineageOf(ladder[5], ladder)), ElementsAre(1, 4, 5));
  EXPECT_THAT(Numbers(LineageOf(ladder[2], ladder)), ElementsAre(2));
  EXPECT_THAT(Numbers(LineageOf(ladder[5], {})), ElementsAre(5));
}

TEST(LineagesTest, TheBestIsOfThoseThatRanToTheEnd) {
  const auto found = FindOptimalLineages(Spec(), Ladder(), {.count = 3});
  EXPECT_THAT(Numbers(found.optimal.trials), ElementsAre(5))
      << "0 is better, at a smaller budget";
  ASSERT_THAT(found.runs, SizeIs(1));
  EXPECT_THAT(Numbers(found.runs[0]), ElementsAre(1, 4, 5));
  EXPECT_EQ(found.shortfall, "");
}

TEST(LineagesTest, IfNoneDidOfThoseThatCameFurthest) {
  std::vector<Trial> trials = Ladder();
  trials[5].state = TrialState::kFailed;
  const auto found = FindOptimalLineages(Spec(), trials, {.count = 3});
  EXPECT_THAT(Numbers(found.optimal.trials), ElementsAre(3, 4));
  EXPECT_EQ(found.shortfall,
            "no configuration has reached step 9; the best of 2 that reached "
            "step 3");
}

TEST(LineagesTest, AConditionCountsBeforeTheBudget) {
  OptimalQuery query;
  query.where = Expression::Parse("loss < 0.12").value();
  const auto found = FindOptimalLineages(Spec(), Ladder(), query);
  EXPECT_THAT(Numbers(found.optimal.trials), ElementsAre(3));
  query.where = Expression::Parse("loss < 0").value();
  EXPECT_THAT(FindOptimalLineages(Spec(), Ladder(), query).optimal.trials,
              IsEmpty());
}

TEST(LineagesTest, WhatWasImportedWithoutABudgetRanToTheEnd) {
  std::vector<Trial> trials = Ladder();
  trials.push_back(RunOf(6, 0, 0, -1, 0.01));
  const auto found = FindOptimalLineages(Spec(), trials, {.count = 3});
  EXPECT_THAT(Numbers(found.optimal.trials), ElementsAre(6, 5));
}

TEST(LineagesTest, OnlyOneBudgetIsCompared) {
  EXPECT_THAT(Numbers(OfOneBudget(Spec(), 3, Ladder())), ElementsAre(0, 1, 2));
  EXPECT_THAT(Numbers(OfOneBudget(Spec(), 2, Ladder())), ElementsAre(3, 4));
  EXPECT_THAT(Numbers(OfOneBudget(Spec(), 1, Ladder())), ElementsAre(5));
  EXPECT_THAT(Numbers(OfOneBudget(Spec(), 9, Ladder())), ElementsAre(0, 1, 2))
      << "the lowest, if no budget has so many";
  StudySpec plain = Spec();
  plain.schedule = {};
  EXPECT_THAT(OfOneBudget(plain, 1, Ladder()), SizeIs(6));
}

}  // namespace
}  // namespace assay
