#include "search/strategies/cma_es/stagnation.h"

#include "gtest/gtest.h"

namespace assay {
namespace {

TEST(StagnationTest, IsStuckAfterAWindowOfEqualValues) {
  Stagnation stagnation(2, 6);  // 10 + 10 generations.
  stagnation.Add(1);
  for (int i = 0; i < 19; ++i) {
    stagnation.Add(2);
    EXPECT_FALSE(stagnation.IsStuck());
  }
  stagnation.Add(2);
  EXPECT_TRUE(stagnation.IsStuck());
  stagnation.Add(2.1);
  EXPECT_FALSE(stagnation.IsStuck());
}

TEST(StagnationTest, TheToleranceIsRelative) {
  Stagnation small(1, 30), large(1, 30);  // 11 generations.
  for (int i = 0; i < 11; ++i) {
    small.Add(1e-20 * (1 + i));
    large.Add(1e20 * (1 + 1e-15 * i));
  }
  EXPECT_FALSE(small.IsStuck());
  EXPECT_TRUE(large.IsStuck());
}

}  // namespace
}  // namespace assay
