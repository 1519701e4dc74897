#include "search/math/permutation.h"

#include <vector>

#include "gtest/gtest.h"

namespace assay {
namespace {

TEST(PermutationTest, ReachesEachNumberOnce) {
  for (const int64_t size : {1, 2, 3, 4, 5, 16, 17, 100, 1000, 4096, 4097}) {
    const Permutation permutation(size, 5);
    std::vector<bool> seen(size);
    for (int64_t i = 0; i < size; ++i) {
      const int64_t value = permutation(i);
      ASSERT_GE(value, 0);
      ASSERT_LT(value, size);
      ASSERT_FALSE(seen[value]) << size << " " << i;
      seen[value] = true;
    }
  }
}

TEST(PermutationTest, SeedsGiveDifferentOrders) {
  int same = 0;
  for (int64_t i = 0; i < 1000; ++i) {
    same += Permutation(1000, 1)(i) == Permutation(1000, 2)(i);
  }
  EXPECT_LT(same, 10);
}

TEST(PermutationTest, FirstPlaceIsEvenOverSeeds) {
  std::vector<int> counts(5);
  for (uint64_t seed = 0; seed < 5000; ++seed) {
    ++counts[Permutation(5, seed)(0)];
  }
  for (const int count : counts) EXPECT_NEAR(count, 1000, 150);
}

TEST(PermutationTest, HugeSizesNeedNoMemory) {
  const int64_t size = int64_t{1} << 62;
  const Permutation permutation(size, 1);
  EXPECT_LT(permutation(size - 1), size);
  EXPECT_GE(permutation(0), 0);
}

}  // namespace
}  // namespace assay
