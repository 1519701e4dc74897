#include "search/strategies/evolution/coordinates.h"

#include <cmath>
#include <limits>
#include <map>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "search/domain.h"

namespace assay {
namespace {

using ::testing::ElementsAre;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

ParameterValue Text(const char* text) { return std::string(text); }

// 0: continuous, 1: integers 1 to 4 on a log scale, 2: categorical of 3,
// 3: an integer of one value.
SearchSpace Space() {
  return *SearchSpace::Create(
      {{"x", DoubleDomain{}, {}, {}},
       {"n", IntegerDomain{.min = 1, .max = 4, .scale = Scale::kLog}, {}, {}},
       {"c", CategoricalDomain{{Text("a"), Text("b"), Text("c")}}, {}, {}},
       {"one", IntegerDomain{.min = 7, .max = 7}, {}, {}}});
}

class CoordinatesTest : public testing::Test {
 protected:
  // The value of parameter i at u.
  ParameterValue At(int i, double u) const {
    std::vector<double> point(4, 0.5);
    point[i] = u;
    return space_.Decode(point).at(space_.parameters()[i].name);
  }

  const SearchSpace space_ = Space();
  const Coordinates coordinates_{space_};
};

TEST_F(CoordinatesTest, KnowsKinds) {
  EXPECT_TRUE(coordinates_.IsContinuous(0));
  EXPECT_FALSE(coordinates_.IsContinuous(1));
  EXPECT_FALSE(coordinates_.IsCategorical(1));
  EXPECT_TRUE(coordinates_.IsCategorical(2));
}

TEST_F(CoordinatesTest, PlacesOfOneValueAreTheSame) {
  EXPECT_TRUE(coordinates_.IsSame(2, 0.4, 0.6));
  EXPECT_FALSE(coordinates_.IsSame(2, 0.3, 0.4));
  EXPECT_FALSE(coordinates_.IsSame(0, 0.4, 0.41));
  EXPECT_TRUE(coordinates_.IsSame(0, kNaN, kNaN));
  EXPECT_FALSE(coordinates_.IsSame(0, kNaN, 0.4));
}

TEST_F(CoordinatesTest, OtherIsEachOtherValueEquallyOften) {
  Random random(1);
  std::map<std::string, int> counts;
  for (int i = 0; i < 10000; ++i) {
    ++counts[ToText(At(2, coordinates_.Other(2, 0.5, random)))];
  }
  EXPECT_EQ(counts.count("b"), 0u);
  EXPECT_NEAR(counts["a"], 5000, 200);
  EXPECT_NEAR(counts["c"], 5000, 200);
}

TEST_F(CoordinatesTest, NextIsTheNeighbourAndTurnsAtTheEnds) {
  const Domain& domain = space_.parameters()[1].domain;
  const double two = ToUnit(domain, int64_t{2});
  const double four = ToUnit(domain, int64_t{4});
  EXPECT_EQ(At(1, coordinates_.Next(1, two, true)), ParameterValue(int64_t{3}));
  EXPECT_EQ(At(1, coordinates_.Next(1, two, false)),
            ParameterValue(int64_t{1}));
  EXPECT_EQ(At(1, coordinates_.Next(1, four, true)),
            ParameterValue(int64_t{3}));
}

TEST_F(CoordinatesTest, AnOnlyValueStays) {
  Random random(1);
  EXPECT_EQ(coordinates_.Other(3, 0.5, random), 0.5);
  EXPECT_EQ(coordinates_.Next(3, 0.5, true), 0.5);
}

TEST_F(CoordinatesTest, NaNIsInactiveAndDrawn) {
  Random random(1);
  std::vector<double> point = {0.25, kNaN, 0.5, kNaN};
  EXPECT_THAT(coordinates_.Active(point), ElementsAre(0, 2));
  coordinates_.DrawMissing(point, random);
  EXPECT_THAT(coordinates_.Active(point), ElementsAre(0, 1, 2, 3));
  EXPECT_EQ(point[0], 0.25);
  EXPECT_NE(point[1], point[3]);
}

}  // namespace
}  // namespace assay
