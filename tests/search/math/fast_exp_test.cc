#include "search/math/fast_exp.h"

#include <cmath>

#include "gtest/gtest.h"

namespace assay {
namespace {

TEST(FastExpTest, IsTheExponentialToTwoInTenMillion) {
  for (float x = -87; x <= 88; x += 0.00711f) {
    EXPECT_NEAR(FastExp(x) / std::exp(static_cast<double>(x)), 1, 2e-7) << x;
  }
  EXPECT_EQ(FastExp(0), 1);
}

TEST(FastExpTest, VanishesFarBelow) {
  EXPECT_LE(FastExp(-1e30f), 2e-38f);
  EXPECT_GE(FastExp(-1e30f), 0);
}

}  // namespace
}  // namespace assay
