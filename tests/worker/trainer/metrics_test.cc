#include "worker/trainer/metrics.h"

#include <cmath>

#include "gtest/gtest.h"

namespace assay {
namespace {

// truth 0: 3 right, 1 taken for 1. truth 1: 2 right, 2 taken for 0, 1 for 2.
// truth 2: 1 right.
ConfusionMatrix HandMade() {
  ConfusionMatrix confusion(3);
  for (int i = 0; i < 3; ++i) confusion.Add(0, 0);
  confusion.Add(0, 1);
  for (int i = 0; i < 2; ++i) confusion.Add(1, 1);
  for (int i = 0; i < 2; ++i) confusion.Add(1, 0);
  confusion.Add(1, 2);
  confusion.Add(2, 2);
  return confusion;
}

TEST(ConfusionMatrixTest, AgreesWithHandComputedScores) {
  const ConfusionMatrix confusion = HandMade();
  EXPECT_DOUBLE_EQ(confusion.Accuracy(), 6.0 / 10);
  EXPECT_DOUBLE_EQ(confusion.Precision(), (3.0 / 5 + 2.0 / 3 + 1.0 / 2) / 3);
  EXPECT_DOUBLE_EQ(confusion.Recall(), (3.0 / 4 + 2.0 / 5 + 1.0 / 1) / 3);
  EXPECT_DOUBLE_EQ(confusion.F1(), (6.0 / 9 + 4.0 / 8 + 2.0 / 3) / 3);
  EXPECT_EQ(confusion.ToJson(), "[[3,1,0],[2,2,1],[0,0,1]]");
}

TEST(ConfusionMatrixTest, ClassThatNeverOccursDoesNotCount) {
  ConfusionMatrix confusion(3);
  confusion.Add(0, 0);
  confusion.Add(1, 1);
  EXPECT_DOUBLE_EQ(confusion.Precision(), 1);
  EXPECT_DOUBLE_EQ(confusion.Recall(), 1);
}

TEST(ConfusionMatrixTest, ClassThatIsNeverPredictedHasPrecisionZero) {
  ConfusionMatrix confusion(2);
  confusion.Add(0, 0);
  confusion.Add(1, 0);
  EXPECT_DOUBLE_EQ(confusion.Precision(), (0.5 + 0) / 2);
  EXPECT_DOUBLE_EQ(confusion.Recall(), (1.0 + 0) / 2);
}

TEST(ConfusionMatrixTest, WithoutExamplesIsNaN) {
  EXPECT_TRUE(std::isnan(ConfusionMatrix(2).Accuracy()));
  EXPECT_TRUE(std::isnan(ConfusionMatrix(2).F1()));
}

TEST(RegressionErrorsTest, AgreesWithHandComputedErrors) {
  RegressionErrors errors;
  errors.Add(1, 2);  // Error 1.
  errors.Add(2, 2);  // 0.
  errors.Add(6, 4);  // -2.
  EXPECT_DOUBLE_EQ(errors.Mse(), 5.0 / 3);
  EXPECT_DOUBLE_EQ(errors.Rmse(), std::sqrt(5.0 / 3));
  EXPECT_DOUBLE_EQ(errors.Mae(), 1);
  EXPECT_DOUBLE_EQ(errors.R2(), 1 - 5.0 / 14);  // Mean 3: 4 + 1 + 9.
}

TEST(RegressionErrorsTest, ConstantTruth) {
  RegressionErrors right;
  right.Add(3, 3);
  EXPECT_DOUBLE_EQ(right.R2(), 1);
  RegressionErrors wrong;
  wrong.Add(3, 4);
  EXPECT_DOUBLE_EQ(wrong.R2(), 0);
  EXPECT_TRUE(std::isnan(RegressionErrors().Mse()));
}

}  // namespace
}  // namespace assay
