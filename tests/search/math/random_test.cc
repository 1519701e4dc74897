#include "search/math/random.h"

#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace assay {
namespace {

using ::testing::ElementsAre;

// From kat_vectors of Random123 (Salmon et al. 2011): philox4x32 10.
TEST(RandomTest, PhiloxGivesTheKnownAnswers) {
  EXPECT_THAT(Philox({0, 0, 0, 0}, {0, 0}),
              ElementsAre(0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8));
  EXPECT_THAT(Philox({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
                     {0xffffffff, 0xffffffff}),
              ElementsAre(0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd));
  EXPECT_THAT(Philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
                     {0xa4093822, 0x299f31d0}),
              ElementsAre(0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1));
}

TEST(RandomTest, SequenceStartsWithTheBlocksOfPhilox) {
  Random random(0);
  EXPECT_EQ(random.NextBits(), 0xe169c58d6627e8d5);
  EXPECT_EQ(random.NextBits(), 0x9b00dbd8bc57ac4c);
}

TEST(RandomTest, SeedsAndStreamsDiffer) {
  EXPECT_EQ(Random(1, 2).NextBits(), Random(1, 2).NextBits());
  EXPECT_NE(Random(1, 2).NextBits(), Random(1, 3).NextBits());
  EXPECT_NE(Random(1, 2).NextBits(), Random(2, 2).NextBits());
  EXPECT_NE(Random(1, 2).NextBits(), Random(2, 1).NextBits());
  EXPECT_NE(Random(1).NextBits(), Random(uint64_t{1} << 32).NextBits());
}

TEST(RandomTest, UniformFillsTheUnitInterval) {
  Random random(3);
  double sum = 0;
  for (int i = 0; i < 100'000; ++i) {
    const double u = random.Uniform();
    ASSERT_GE(u, 0);
    ASSERT_LT(u, 1);
    sum += u;
  }
  EXPECT_NEAR(sum / 100'000, 0.5, 0.005);
}

TEST(RandomTest, BelowIsEven) {
  Random random(4);
  std::vector<int> counts(7);
  for (int i = 0; i < 70'000; ++i) ++counts[random.Below(7)];
  for (const int count : counts) EXPECT_NEAR(count, 10'000, 500);
  EXPECT_EQ(random.Below(1), 0u);
  for (int i = 0; i < 100; ++i) {
    const uint64_t bound = (uint64_t{1} << 63) + 1;
    EXPECT_LT(random.Below(bound), bound);
  }
}

}  // namespace
}  // namespace assay
