#include "search/replicates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace assay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

Trial RunOf(int64_t number, int32_t replicate, TrialState state,
            Metrics metrics = {}) {
  Trial trial;
  trial.id = TrialId{100 + number};
  trial.number = number;
  trial.parameters = {{"x", 0.5}};
  trial.replicate = replicate;
  trial.state = state;
  trial.final_metrics = std::move(metrics);
  trial.last_step = 10 + replicate;
  return trial;
}

Trial Done(int64_t number, int32_t replicate, double loss) {
  return RunOf(number, replicate, TrialState::kCompleted, {{"loss", loss}});
}

Trial Failed(int64_t number, int32_t replicate) {
  return RunOf(number, replicate, TrialState::kFailed);
}

TEST(ReplicatesTest, ReplicatesRunTheSameFromTheSameOrigin) {
  Trial first = Done(7, 0, 1);
  first.to_step = 20;
  first.origin = {.strategy = "random", .why = "draw 3", .ordinal = 3};
  const Trial second = ReplicateOf(first, 2);
  EXPECT_EQ(second.state, TrialState::kPending);
  EXPECT_EQ(second.replicate, 2);
  EXPECT_EQ(second.parameters, first.parameters);
  EXPECT_EQ(second.to_step, 20);
  EXPECT_EQ(second.origin.ordinal, 3);
  EXPECT_EQ(second.origin.why, "replicate 2 of trial 7");
}

TEST(ReplicatesTest, WhatPeopleAddAsItIsHasNoReplicates) {
  Trial trial = Done(0, 0, 1);
  EXPECT_TRUE(IsReplicated(trial));
  trial.origin.strategy = "user";
  EXPECT_TRUE(IsReplicated(trial));
  trial.origin.strategy = "import";
  EXPECT_FALSE(IsReplicated(trial));
  trial.origin.strategy = "random";
  trial.retry_of = TrialId{5};
  EXPECT_FALSE(IsReplicated(trial));
  trial.retry_of = TrialId();
  trial.continues = TrialId{5};
  EXPECT_FALSE(IsReplicated(trial));
}

TEST(ReplicatesTest, TheMeanIsOfThoseThatCompleted) {
  const Trial merged =
      MergeReplicates({Done(5, 2, 4), Failed(4, 1), Done(3, 0, 2)});
  EXPECT_EQ(merged.state, TrialState::kCompleted);
  EXPECT_EQ(merged.number, 3);
  EXPECT_EQ(merged.replicate, 0);
  EXPECT_EQ(merged.last_step, 10);
  EXPECT_THAT(merged.final_metrics, ElementsAre(Pair("loss", 3)));
}

TEST(ReplicatesTest, TheConfigurationFailedIfMostDid) {
  const Trial merged =
      MergeReplicates({Done(3, 0, 2), Failed(4, 1), Failed(5, 2)});
  EXPECT_EQ(merged.state, TrialState::kFailed);
  EXPECT_THAT(merged.final_metrics, IsEmpty());
}

TEST(ReplicatesTest, OtherEndsAreStoppedOrInfeasible) {
  const Trial stopped = RunOf(4, 1, TrialState::kStopped, {{"loss", 6}});
  const Trial merged = MergeReplicates(
      {Done(3, 0, 2), stopped, RunOf(5, 2, TrialState::kStopped)});
  EXPECT_EQ(merged.state, TrialState::kStopped);
  EXPECT_THAT(merged.final_metrics, ElementsAre(Pair("loss", 4)));
  EXPECT_EQ(MergeReplicates(
                {RunOf(3, 0, TrialState::kInfeasible), stopped, Failed(5, 2)})
                .state,
            TrialState::kInfeasible);
}

TEST(ReplicatesTest, ASummaryHasMeanAndStandardError) {
  Trial other = Done(1, 0, 9);
  other.parameters = {{"x", 0.25}};
  const auto summaries =
      SummarizeReplicates({Done(2, 1, 3), other, Done(0, 0, 1), Done(3, 2, 5)});
  ASSERT_EQ(summaries.size(), 2u);
  EXPECT_EQ(summaries[0].first.number, 0);
  EXPECT_EQ(summaries[0].first.final_metrics.at("loss"), 1);
  EXPECT_EQ(summaries[0].count, 3);
  EXPECT_EQ(summaries[0].mean.final_metrics.at("loss"), 3);
  // Variance 4 of three values.
  EXPECT_DOUBLE_EQ(summaries[0].standard_error.at("loss"), std::sqrt(4.0 / 3));
  EXPECT_EQ(summaries[1].count, 1);
  EXPECT_THAT(summaries[1].standard_error, IsEmpty());
}

TEST(ReplicatesTest, AnotherBudgetIsAnotherRow) {
  Trial longer = Done(1, 1, 2);
  longer.to_step = 9;
  EXPECT_EQ(SummarizeReplicates({Done(0, 0, 1), longer}).size(), 2u);
}

TEST(ReplicatesTest, MeansOfHugeAndInfiniteValues) {
  const double huge = std::numeric_limits<double>::max();
  const double infinity = std::numeric_limits<double>::infinity();
  const auto mean = [](double a, double b) {
    return MergeReplicates({Done(0, 0, a), Done(1, 1, b)})
        .final_metrics.at("loss");
  };
  EXPECT_EQ(mean(huge, huge), huge);
  EXPECT_EQ(mean(infinity, 1), infinity);
  EXPECT_TRUE(std::isnan(mean(infinity, -infinity)));
}

ReplicateSummary Summary(int64_t number, double mean, double error) {
  ReplicateSummary summary;
  summary.first.number = number;
  summary.mean.final_metrics = {{"loss", mean}};
  summary.standard_error = {{"loss", error}};
  return summary;
}

TEST(ReplicatesTest, MeansWithinTwoErrorsOfTheirDifferenceAreTied) {
  // The error of the difference is 5.
  EXPECT_THAT(WhyTied("loss", Summary(0, 0, 3), Summary(1, 10, 4)),
              HasSubstr("trials 0 and 1 cannot be told apart: the means of "
                        "loss differ by 10, not more than 2 standard "
                        "errors of the difference, 10"));
  EXPECT_EQ(WhyTied("loss", Summary(0, 0, 3), Summary(1, 10.1, 4)), "");
}

TEST(ReplicatesTest, OneRunAloneHasNoErrorAndSaysSo) {
  ReplicateSummary once = Summary(7, 1, 0);
  once.standard_error.clear();
  EXPECT_THAT(WhyTied("loss", Summary(0, 0, 0.1), once),
              HasSubstr("trial 7 has fewer than two values of loss"));
}

}  // namespace
}  // namespace assay
