#include "search/gradient/reported_gradient.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "search/replicates.h"

namespace assay {
namespace {

using ::testing::DoubleEq;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

using ByParameter = std::map<std::string, double>;

Trial Completed(double loss) {
  return {.state = TrialState::kCompleted,
          .final_metrics = {{"loss", loss}},
          .last_step = 3};
}

Measurement Report(double loss, ByParameter gradient,
                   ByParameter deviations = {}) {
  Measurement report{.step = 3, .metrics = {{"loss", loss}}};
  if (!gradient.empty()) report.gradients["loss"] = std::move(gradient);
  if (!deviations.empty()) {
    report.gradient_deviations["loss"] = std::move(deviations);
  }
  return report;
}

TEST(ReportedGradientTest, ItBelongsToTheFinalValue) {
  const std::vector<Measurement> reports = {
      Report(1, {{"x", 1}}), Report(2, {{"x", 2}}), Report(2, {{"x", 3}}),
      Report(2, {}), Report(4, {{"x", 4}})};
  EXPECT_EQ(ReportedGradient(Completed(2), reports, "loss"), &reports[2]);
  EXPECT_EQ(ReportedGradient(Completed(1), reports, "loss"), &reports[0]);
  EXPECT_EQ(ReportedGradient(Completed(5), reports, "loss"), nullptr);
  EXPECT_EQ(ReportedGradient(Completed(2), reports, "error"), nullptr);
  EXPECT_EQ(ReportedGradient(Trial(), reports, "loss"), nullptr);
}

TEST(MeanGradientTest, OfTwoAreMeansAndTheirDeviations) {
  const std::vector<Trial> trials = {Completed(1), Completed(3)};
  const Measurement mean = MeanGradient(
      MergeReplicates(trials), trials,
      {{Report(1, {{"x", 1}, {"y", 5}, {"z", 0}}, {{"x", 3}, {"y", 1}})},
       {Report(3, {{"x", 2}, {"y", 7}}, {{"x", 4}})}},
      "loss");
  EXPECT_EQ(mean.metrics.at("loss"), 2);
  EXPECT_EQ(mean.step, 3);
  EXPECT_THAT(mean.gradients.at("loss"),
              ElementsAre(Pair("x", DoubleEq(1.5)), Pair("y", DoubleEq(6))));
  EXPECT_THAT(mean.gradient_deviations.at("loss"),
              ElementsAre(Pair("x", DoubleEq(2.5))));
}

TEST(MeanGradientTest, WithoutThatOfOneThatCountsThereIsNone) {
  const std::vector<Trial> trials = {Completed(1), Completed(3)};
  const Measurement mean =
      MeanGradient(MergeReplicates(trials), trials,
                   {{Report(1, {{"x", 1}})}, {Report(3, {})}}, "loss");
  EXPECT_THAT(mean.gradients, IsEmpty());
}

TEST(MeanGradientTest, WhatFailedHasNoPartInIt) {
  std::vector<Trial> trials = {Completed(1), Completed(3), Completed(9)};
  trials[2].state = TrialState::kFailed;
  const Measurement mean = MeanGradient(
      MergeReplicates(trials), trials,
      {{Report(1, {{"x", 1}})}, {Report(3, {{"x", 2}})}, {}}, "loss");
  EXPECT_THAT(mean.gradients.at("loss"), ElementsAre(Pair("x", DoubleEq(1.5))));
}

}  // namespace
}  // namespace assay
