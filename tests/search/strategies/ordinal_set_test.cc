#include "search/strategies/ordinal_set.h"

#include <set>

#include "gtest/gtest.h"
#include "search/math/random.h"

namespace assay {
namespace {

TEST(OrdinalSetTest, FindsTheFirstGap) {
  OrdinalSet set;
  EXPECT_EQ(set.NextMissing(0), 0);
  EXPECT_EQ(set.NextMissing(5), 5);
  for (const int64_t ordinal : {0, 1, 3, 4, 7}) set.Insert(ordinal);
  EXPECT_EQ(set.NextMissing(0), 2);
  EXPECT_EQ(set.NextMissing(3), 5);
  EXPECT_EQ(set.NextMissing(6), 6);
  EXPECT_EQ(set.NextMissing(7), 8);
}

TEST(OrdinalSetTest, StaysSmallWhenGapsAreFilled) {
  OrdinalSet set;
  for (int64_t i = 0; i < 1000; i += 2) set.Insert(i);
  EXPECT_EQ(set.intervals(), 500);
  for (int64_t i = 1; i < 1000; i += 2) set.Insert(i);
  EXPECT_EQ(set.intervals(), 1);
  EXPECT_EQ(set.NextMissing(0), 1000);
}

TEST(OrdinalSetTest, EqualsAPlainSet) {
  Random random(8);
  for (int round = 0; round < 50; ++round) {
    OrdinalSet set;
    std::set<int64_t> plain;
    for (int i = 0; i < 40; ++i) {
      const auto ordinal = static_cast<int64_t>(random.Below(50));
      set.Insert(ordinal);
      plain.insert(ordinal);
    }
    for (int64_t from = 0; from < 55; ++from) {
      int64_t expected = from;
      while (plain.count(expected)) ++expected;
      ASSERT_EQ(set.NextMissing(from), expected);
    }
  }
}

}  // namespace
}  // namespace assay
