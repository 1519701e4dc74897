#include "search/strategies/evolution/variation.h"

#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace assay {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr int kDraws = 20000;
constexpr double kError = 0.015;  // Four deviations of a share of kDraws.

SearchSpace Numbers(int count) {
  std::vector<Parameter> parameters;
  for (int i = 0; i < count; ++i) {
    parameters.push_back({absl::StrCat("x", i), DoubleDomain{}, {}, {}});
  }
  return *SearchSpace::Create(std::move(parameters));
}

SearchSpace Levels(int64_t count) {
  return *SearchSpace::Create(
      {{"n", IntegerDomain{.min = 1, .max = count}, {}, {}}});
}

SearchSpace Categories() {
  return *SearchSpace::Create(
      {{"c", CategoricalDomain{{int64_t{1}, int64_t{2}, int64_t{3}}}, {}, {}},
       {"d", CategoricalDomain{{true, false}}, {}, {}}});
}

TEST(VariationTest, AChildHasEachParentsValueHalfOfTheTime) {
  const SearchSpace space = Categories();
  const Variation variation(space, 2);
  Random random(4);
  int of_a = 0, mixed = 0;
  for (int i = 0; i < kDraws; ++i) {
    const auto child = variation.Cross({0.1, 0.2}, {0.8, 0.9}, random);
    EXPECT_TRUE(child[0] == 0.1 || child[0] == 0.8);
    EXPECT_TRUE(child[1] == 0.2 || child[1] == 0.9);
    of_a += child[0] == 0.1;
    mixed += (child[0] == 0.1) != (child[1] == 0.2);
  }
  EXPECT_NEAR(of_a / double{kDraws}, 0.5, kError);
  EXPECT_NEAR(mixed / double{kDraws}, 0.5, kError);
}

TEST(VariationTest, AContinuousValueIsNewHalfOfTheTime) {
  const SearchSpace space = Numbers(1);
  const Variation variation(space, 2);
  Random random(4);
  int is_new = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double u = variation.Cross({0.4}, {0.6}, random)[0];
    is_new += u != 0.4 && u != 0.6;
  }
  EXPECT_NEAR(is_new / double{kDraws}, 0.5, kError);
}

TEST(VariationTest, AChildHasWhatOneParentAloneHas) {
  const SearchSpace space = Numbers(3);
  const Variation variation(space, 2);
  Random random(4);
  const auto child =
      variation.Cross({0.1, kNaN, kNaN}, {kNaN, 0.2, kNaN}, random);
  EXPECT_EQ(child[0], 0.1);
  EXPECT_EQ(child[1], 0.2);
  EXPECT_TRUE(std::isnan(child[2]));
}

// At least one of ten: 1 + 0.9^10 on average.
TEST(VariationTest, OneParameterMutatesOnAverageAndNeverNone) {
  const SearchSpace space = Numbers(10);
  const Variation variation(space, 2);
  Random random(4);
  int mutated = 0;
  for (int i = 0; i < kDraws; ++i) {
    const std::vector<double> parent(10, 0.5);
    std::vector<double> point = parent;
    variation.Mutate(parent, point, random);
    ASSERT_NE(point, parent);
    for (const double u : point) mutated += u != 0.5;
  }
  EXPECT_NEAR(mutated / double{kDraws}, 1 + std::pow(0.9, 10), 0.03);
}

TEST(VariationTest, AChildThatDiffersFromItsParentMayStayUnmutated) {
  const SearchSpace space = Numbers(10);
  const Variation variation(space, 2);
  Random random(4);
  int same = 0;
  for (int i = 0; i < kDraws; ++i) {
    const std::vector<double> child(10, 0.5);
    std::vector<double> point = child;
    variation.Mutate(std::vector<double>(10, 0.4), point, random);
    same += point == child;
  }
  EXPECT_NEAR(same / double{kDraws}, std::pow(0.9, 10), kError);
}

TEST(VariationTest, InactiveParametersStayInactive) {
  const SearchSpace space = Numbers(3);
  const Variation variation(space, 2);
  Random random(4);
  for (int i = 0; i < 100; ++i) {
    const std::vector<double> parent = {kNaN, 0.5, kNaN};
    std::vector<double> point = parent;
    variation.Mutate(parent, point, random);
    EXPECT_TRUE(std::isnan(point[0]) && std::isnan(point[2]));
    EXPECT_NE(point[1], 0.5);
  }
}

TEST(VariationTest, AMutatedLevelIsAnotherLevelMostlyNear) {
  const SearchSpace space = Levels(20);
  const Variation variation(space, 2);
  const double ten = space.Encode({{"n", int64_t{10}}})[0];
  Random random(4);
  int near = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double u = variation.MutateOne(0, ten, random);
    const auto n = std::get<int64_t>(space.Decode({u}).at("n"));
    ASSERT_NE(n, 10);
    near += std::abs(n - 10) <= 2;
  }
  EXPECT_GT(near / double{kDraws}, 0.8);
}

TEST(VariationTest, AMutatedCategoryIsAnother) {
  const SearchSpace space = Categories();
  const Variation variation(space, 2);
  Random random(4);
  for (int i = 0; i < 100; ++i) {
    const double u = variation.MutateOne(0, 0.5, random);
    EXPECT_NE(space.Decode({u, 0}).at("c"), ParameterValue(int64_t{2}));
  }
}

}  // namespace
}  // namespace assay
