#include "client/cli/format.h"

#include <gtest/gtest.h>

#include <cmath>

namespace assay {
namespace {

TEST(FormatTest, Numbers) {
  EXPECT_EQ(FormatNumber(0.91234567), "0.91235");
  EXPECT_EQ(FormatNumber(1e-5), "1e-05");
  EXPECT_EQ(FormatNumber(3), "3");
  EXPECT_EQ(FormatNumber(-0.0), "-0");
  EXPECT_EQ(FormatNumber(123456789), "123456789");
  EXPECT_EQ(FormatNumber(NAN), "NaN");
  EXPECT_EQ(FormatNumber(-INFINITY), "-inf");
}

TEST(FormatTest, Durations) {
  EXPECT_EQ(FormatDuration(0.4), "0 s");
  EXPECT_EQ(FormatDuration(59.6), "1 min 0 s");
  EXPECT_EQ(FormatDuration(3700), "1 h 1 min");
  EXPECT_EQ(FormatDuration(100'000), "1 d 3 h");
  EXPECT_EQ(FormatDuration(-5), "0 s");
}

TEST(FormatTest, ProgressIsThatOfTheNearestLimit) {
  v1::Study study;
  EXPECT_EQ(Progress(study), -1);
  study.mutable_spec()->mutable_budget()->set_max_trials(10);
  study.mutable_counts()->set_configurations(4);
  study.mutable_counts()->set_running(2);
  EXPECT_DOUBLE_EQ(Progress(study), 0.2);
  study.mutable_spec()->mutable_budget()->set_max_seconds(100);
  study.set_seconds_used(70);
  EXPECT_DOUBLE_EQ(Progress(study), 0.7);
  study.set_seconds_used(170);
  EXPECT_DOUBLE_EQ(Progress(study), 1);
}

TEST(FormatTest, TheOwnerLocalIsNotSaid) {
  v1::Study study;
  study.mutable_spec()->set_name("a");
  EXPECT_EQ(FormatName(study), "a");
  study.mutable_spec()->set_owner("ann");
  EXPECT_EQ(FormatName(study), "ann/a");
}

}  // namespace
}  // namespace assay
