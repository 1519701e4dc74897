#include "search/stopping/asha.h"

#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace assay {
namespace {

const double kNan = std::numeric_limits<double>::quiet_NaN();

class AshaRuleTest : public ::testing::Test {
 protected:
  static StudySpec Study() {
    StudySpec study;
    study.metrics = {{.name = "loss"}};
    return study;
  }

  std::optional<std::string> Report(int64_t id, int64_t step, double loss,
                                    int32_t attempt = 1) {
    Measurement measurement{.step = step};
    measurement.metrics = {{"loss", loss}};
    rule_.ObserveReport({id}, attempt, measurement);
    return rule_.ReasonToStop({id});
  }

  void End(int64_t id, TrialState state) {
    rule_.ObserveEnd({.id = {id}, .state = state});
  }

  AshaRule rule_{Study(), {.name = "asha", .max_steps = 9}};
};

TEST_F(AshaRuleTest, TheBestThirdOfARungGoesOn) {
  EXPECT_EQ(Report(1, 1, 5), std::nullopt);  // Fewer than three.
  EXPECT_EQ(Report(2, 1, 9), std::nullopt);
  EXPECT_EQ(Report(3, 1, 6),
            "loss 6 at step 1 is number 2 of 3 at the rung of step 1, where "
            "the best 1 go on");
  EXPECT_EQ(Report(4, 1, 4), std::nullopt);  // Number 1 of 4.
  EXPECT_NE(Report(5, 1, 4.5), std::nullopt);
  EXPECT_EQ(Report(6, 1, 4.5), std::nullopt);  // Number 2 of 6.
}

TEST_F(AshaRuleTest, TiesGoOn) {
  for (int64_t id = 1; id <= 10; ++id) {
    EXPECT_EQ(Report(id, 1, 5), std::nullopt) << id;
  }
}

TEST_F(AshaRuleTest, ATrialIsJudgedOnceARung) {
  EXPECT_EQ(Report(1, 1, 5), std::nullopt);
  for (int64_t id = 2; id <= 9; ++id) Report(id, 1, 1);
  EXPECT_EQ(Report(1, 2, 5), std::nullopt);  // Was the first to come.
  EXPECT_EQ(Report(10, 1, 5).has_value(), true);
  EXPECT_EQ(Report(10, 2, 0).has_value(), true);  // What was said stands.
}

TEST_F(AshaRuleTest, EntersWithTheFirstReportFromTheRungOn) {
  Report(1, 3, 5);
  Report(2, 4, 6);
  EXPECT_NE(Report(3, 7, 7), std::nullopt);
  EXPECT_NE(Report(3, 8, 1), std::nullopt);
  EXPECT_EQ(Report(3, 3, 4), std::nullopt);  // Late, but before step 7.
}

TEST_F(AshaRuleTest, NothingIsStoppedAtTheLastRung) {
  for (int64_t id = 1; id <= 9; ++id) Report(id, 9, 1);
  for (int64_t step = 1; step <= 3; ++step) Report(10, step, 0.5);
  EXPECT_EQ(Report(10, 9, 99), std::nullopt);
}

TEST_F(AshaRuleTest, NanAndFailedTrialsCountAsWorst) {
  Report(1, 1, 1);
  End(1, TrialState::kFailed);
  Report(2, 1, kNan);
  EXPECT_EQ(Report(3, 1, 1000), std::nullopt);  // Number 1 of 3.
  EXPECT_NE(Report(4, 1, kNan), std::nullopt);
  Report(5, 1, 2);
  End(5, TrialState::kCompleted);
  EXPECT_EQ(Report(6, 1, 3), std::nullopt);  // Number 2 of 6.
}

TEST_F(AshaRuleTest, EachReportOfATrialCountsOnceInARung) {
  for (int i = 0; i < 50; ++i) Report(1, 1, 100 - i);
  for (int32_t attempt = 2; attempt < 50; ++attempt) Report(1, 1, 9, attempt);
  EXPECT_EQ(Report(2, 1, 10), std::nullopt);  // Two of them.
  EXPECT_NE(Report(3, 1, 10), std::nullopt);
}

TEST_F(AshaRuleTest, AResumedAttemptKeepsItsRungs) {
  Report(1, 1, 1);
  Report(2, 1, 2);
  Report(1, 2, 1, 2);  // From the checkpoint of step 1.
  EXPECT_EQ(Report(3, 1, 0.5), std::nullopt);
  EXPECT_EQ(Report(4, 1, 0.9),
            "loss 0.9 at step 1 is number 2 of 4 at the rung of step 1, where "
            "the best 1 go on");
}

}  // namespace
}  // namespace assay
