#include "worker/trainer/random.h"

#include <algorithm>

#include "gtest/gtest.h"

namespace assay {
namespace {

// Written down once: a change here changes every split and every result.
TEST(RandomTest, SameNumbersOnEveryMachine) {
  Random random(1234);
  EXPECT_EQ(random.Next(), 0xbab45d9a0e3ae53ULL);
  EXPECT_EQ(random.Next(), 0xd7c640660c19433eULL);
}

TEST(RandomTest, PermutationHoldsEachNumberOnce) {
  std::vector<int64_t> order = Random(1).Permutation(1000);
  EXPECT_FALSE(std::ranges::is_sorted(order));
  std::ranges::sort(order);
  for (int64_t i = 0; i < 1000; ++i) EXPECT_EQ(order[i], i);
}

TEST(RandomTest, BelowReachesEveryNumberAboutAsOften) {
  Random random(2);
  std::vector<int> counts(5);
  for (int i = 0; i < 50'000; ++i) ++counts[random.Below(5)];
  for (const int count : counts) EXPECT_NEAR(count, 10'000, 500);
}

TEST(RandomTest, NormalHasMeanZeroAndVarianceOne) {
  Random random(3);
  double sum = 0;
  double squares = 0;
  constexpr int kDraws = 100'000;
  for (int i = 0; i < kDraws; ++i) {
    const double value = random.Normal();
    sum += value;
    squares += value * value;
  }
  EXPECT_NEAR(sum / kDraws, 0, 0.02);
  EXPECT_NEAR(squares / kDraws, 1, 0.02);
}

}  // namespace
}  // namespace assay
