#include "worker/trainer/schedule.h"

#include "gtest/gtest.h"

namespace assay {
namespace {

TEST(ScheduleTest, ConstantStays) {
  const ScheduleConfig schedule = {.kind = ScheduleKind::kConstant};
  EXPECT_DOUBLE_EQ(LearningRate(schedule, 0.1, 0, 10), 0.1);
  EXPECT_DOUBLE_EQ(LearningRate(schedule, 0.1, 99.5, 10), 0.1);
}

TEST(ScheduleTest, StepFallsByGammaEveryStepSizeEpochs) {
  const ScheduleConfig schedule = {
      .kind = ScheduleKind::kStep, .step_size = 3, .gamma = 0.5};
  EXPECT_DOUBLE_EQ(LearningRate(schedule, 0.8, 2.99, 10), 0.8);
  EXPECT_DOUBLE_EQ(LearningRate(schedule, 0.8, 3, 10), 0.4);
  EXPECT_DOUBLE_EQ(LearningRate(schedule, 0.8, 6, 10), 0.2);
}

TEST(ScheduleTest, CosineGoesFromBaseToMinimumAndStaysThere) {
  const ScheduleConfig schedule = {.kind = ScheduleKind::kCosine,
                                   .minimum = 0.02};
  EXPECT_DOUBLE_EQ(LearningRate(schedule, 0.1, 0, 10), 0.1);
  EXPECT_NEAR(LearningRate(schedule, 0.1, 5, 10), 0.06, 1e-15);
  EXPECT_NEAR(LearningRate(schedule, 0.1, 10, 10), 0.02, 1e-15);
  EXPECT_NEAR(LearningRate(schedule, 0.1, 15, 10), 0.02, 1e-15);
}

}  // namespace
}  // namespace assay
