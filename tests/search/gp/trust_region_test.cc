#include "search/gp/trust_region.h"

#include <limits>

#include "gtest/gtest.h"

namespace assay {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// A double, an integer of 3 values, one of 10, a categorical one.
const SearchSpace& Space() {
  static const auto* const space = new SearchSpace(
      *SearchSpace::Create({{"a", DoubleDomain{}, {}, {}},
                            {"b", IntegerDomain{.min = 1, .max = 3}, {}, {}},
                            {"c", IntegerDomain{.min = 1, .max = 10}, {}, {}},
                            {"d", CategoricalDomain{{true, false}}, {}, {}}}));
  return *space;
}

Eigen::VectorXd Point(double a, double b, double c, double d) {
  Eigen::VectorXd point(4);
  point << a, b, c, d;
  return point;
}

class TrustRegionTest : public testing::Test {
 protected:
  const CandidateSpace candidates_{Space()};
  TrustRegion region_{candidates_};
};

TEST_F(TrustRegionTest, IsEverythingAtFirst) {
  EXPECT_TRUE(region_.IsEverything());
  EXPECT_TRUE(region_.Contains(Point(1, 1, 1, 1)));
  EXPECT_EQ(region_.Pull(Point(1, 1, 1, 1)), Point(1, 1, 1, 1));
}

TEST_F(TrustRegionTest, LimitsNumbersOfManyValuesAlone) {
  region_.AddBox(Point(0.5, 0.5, 0.5, 0.25), 0.2);
  EXPECT_TRUE(region_.Contains(Point(0.7, 0, 0.3, 0.75)));
  EXPECT_FALSE(region_.Contains(Point(0.71, 0, 0.3, 0.75)));
  EXPECT_FALSE(region_.Contains(Point(0.7, 0, 0.25, 0.75)));
  const TrustRegion::Box box = region_.BoxOf(Point(0.9, 0.1, 0.9, 0.25));
  EXPECT_TRUE(box.lower.isApprox(Point(0.3, 0, 0.3, 0)));
  EXPECT_TRUE(box.upper.isApprox(Point(0.7, 1, 0.7, 1)));
}

TEST_F(TrustRegionTest, PullsAPointIntoTheNearestBox) {
  region_.AddBox(Point(0, 0, 0, 0), 0.1);
  region_.AddBox(Point(0.5, 0.5, 0.5, 0.25), 0.2);
  const Eigen::VectorXd pulled = region_.Pull(Point(0.9, 0.9, 0.7, 0.75));
  EXPECT_TRUE(pulled.isApprox(Point(0.7, 0.9, 0.6, 0.75)));
  EXPECT_TRUE(region_.Contains(pulled));
}

TEST_F(TrustRegionTest, WhatIsInactiveDoesNotCount) {
  region_.AddBox(Point(0.5, 0.5, kNaN, 0.25), 0.2);
  EXPECT_TRUE(region_.Contains(Point(0.6, 0, 1, 0.75)));
  EXPECT_TRUE(region_.Contains(Point(kNaN, 0, 1, 0.75)));
  EXPECT_EQ(region_.BoxOf(Point(0.5, 0, 0, 0)).upper[2], 1);
}

TEST_F(TrustRegionTest, RadiusGrowsUntilThereIsNoLimit) {
  EXPECT_DOUBLE_EQ(TrustRegion::Radius(0, 4), 0.2);
  EXPECT_DOUBLE_EQ(TrustRegion::Radius(25, 4), 0.5);
}

}  // namespace
}  // namespace assay
