#include "search/gp/success_box.h"

#include "gtest/gtest.h"

namespace assay {
namespace {

TEST(SuccessBoxTest, HalvesAfterAsManyFailuresAsThereAreParameters) {
  SuccessBox box(30);
  box.Learn(1);
  for (int i = 0; i < 29; ++i) box.Learn(1.0005);
  EXPECT_EQ(box.side(), 0.8);
  box.Learn(0);
  EXPECT_EQ(box.side(), 0.4);
}

TEST(SuccessBoxTest, DoublesAfterThreeSuccessesInARow) {
  SuccessBox box(30);
  for (int i = 1; i <= 3; ++i) box.Learn(i);
  EXPECT_EQ(box.side(), 1.6);
}

TEST(SuccessBoxTest, BeginsAnewOnceItIsTiny) {
  SuccessBox box(4);
  for (int i = 0; i < 4 * 7 + 1; ++i) box.Learn(0);
  EXPECT_EQ(box.side(), 0.8);
}

}  // namespace
}  // namespace assay
