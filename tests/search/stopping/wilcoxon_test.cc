#include "search/stopping/wilcoxon.h"

#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace assay {
namespace {

const double kNan = std::numeric_limits<double>::quiet_NaN();

class WilcoxonTest : public ::testing::Test {
 protected:
  static StudySpec Study() {
    StudySpec study;
    study.metrics = {{.name = "loss"}, {.name = "size", .bound = 10}};
    return study;
  }

  void Report(int64_t id, std::optional<int64_t> instance, double loss,
              int32_t attempt = 1) {
    Measurement measurement{.step = ++step_, .instance = instance};
    measurement.metrics = {{"loss", loss}};
    rule_.ObserveReport({id}, attempt, measurement);
  }

  void ReportAll(int64_t id, const std::vector<double>& losses) {
    int64_t instance = 0;
    for (const double loss : losses) Report(id, instance++, loss);
  }

  void End(int64_t id, TrialState state, double loss, double size = 1) {
    Trial trial{.id = {id}, .number = id, .state = state};
    trial.final_metrics = {{"loss", loss}, {"size", size}};
    rule_.ObserveEnd(trial);
  }

  int64_t step_ = 0;
  WilcoxonRule rule_{Study(), {.name = "wilcoxon"}};
};

TEST_F(WilcoxonTest, StopsWhatIsWorseOnTheSameInstances) {
  ReportAll(1, {1, 2, 3, 4, 5});
  End(1, TrialState::kCompleted, 3);
  ReportAll(2, {1.5, 2.5, 3.5});
  EXPECT_EQ(rule_.ReasonToStop({2}), std::nullopt);  // Three pairs.
  Report(2, 3, 4.5);
  EXPECT_EQ(rule_.ReasonToStop({2}),
            "loss 3 on 4 instances is worse than 2.5 of trial 1 on the same, "
            "the best one: p 0.0625 in the signed-rank test");
}

TEST_F(WilcoxonTest, PairsByInstanceAndNeverByStep) {
  for (const int64_t instance : {4, 3, 2, 1, 0}) {
    Report(1, instance, static_cast<double>(instance));
  }
  End(1, TrialState::kCompleted, 2);
  ReportAll(2, {0, 1, 2, 3, 4});  // The same in another order.
  EXPECT_EQ(rule_.ReasonToStop({2}), std::nullopt);
  for (int64_t instance = 100; instance < 120; ++instance) {
    Report(2, instance, 99);  // Unknown to the best.
  }
  EXPECT_EQ(rule_.ReasonToStop({2}), std::nullopt);
  for (int i = 0; i < 20; ++i) Report(3, std::nullopt, 99);
  EXPECT_EQ(rule_.ReasonToStop({3}), std::nullopt);
}

TEST_F(WilcoxonTest, OnlyIfItsMeanIsWorse) {
  ReportAll(1, {1, 1, 1, 1, 1, 1, 50});
  End(1, TrialState::kCompleted, 8);
  ReportAll(2, {2, 2, 2, 2, 2, 2, 3});  // p 0.0546875, but a lower mean.
  EXPECT_EQ(rule_.ReasonToStop({2}), std::nullopt);
}

TEST_F(WilcoxonTest, ComparesWithTheBestThatKeepsTheBounds) {
  ReportAll(1, {1, 1, 1, 1});
  End(1, TrialState::kCompleted, 1, 11);  // Too large.
  ReportAll(2, {0, 0, 0, 0});
  End(2, TrialState::kStopped, 0);
  ReportAll(3, {5, 5, 5, 5});
  End(3, TrialState::kCompleted, 5);
  ReportAll(4, {4, 4, 4, 4});
  EXPECT_EQ(rule_.ReasonToStop({4}), std::nullopt);
  End(4, TrialState::kCompleted, 4);
  ReportAll(5, {4.5, 4.5, 4.5, 4.5});
  EXPECT_NE(rule_.ReasonToStop({5}), std::nullopt);
}

TEST_F(WilcoxonTest, NanIsWorseThanAnyNumber) {
  ReportAll(1, {1, 1, 1, 1});
  End(1, TrialState::kCompleted, 1);
  ReportAll(2, {kNan, kNan, kNan, kNan});
  EXPECT_NE(rule_.ReasonToStop({2}), std::nullopt);
}

TEST_F(WilcoxonTest, ANewAttemptMeasuresAnew) {
  ReportAll(1, {1, 1, 1, 1});
  End(1, TrialState::kCompleted, 1);
  ReportAll(2, {2, 2, 2, 2});
  Report(2, 0, 2, 2);
  EXPECT_EQ(rule_.ReasonToStop({2}), std::nullopt);
}

}  // namespace
}  // namespace assay
