#include "search/mixed_radix.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace assay {
namespace {

using ::testing::ElementsAre;

Parameter Integer(std::string name, int64_t min, int64_t max) {
  return {std::move(name), IntegerDomain{.min = min, .max = max}, {}, {}};
}

Parameter When(Parameter parameter, std::string parent,
               std::vector<ParameterValue> values) {
  parameter.when = Condition{std::move(parent), std::move(values)};
  return parameter;
}

SearchSpace Space(std::vector<Parameter> parameters) {
  auto space = SearchSpace::Create(std::move(parameters));
  EXPECT_TRUE(space.ok()) << space.status();
  return *std::move(space);
}

std::vector<std::string> All(const SearchSpace& space, int points = 0) {
  const MixedRadix radix(space, points);
  std::vector<std::string> all;
  for (int64_t i = 0; i < *radix.size(); ++i) {
    all.push_back(ToText(radix.At(i)));
  }
  return all;
}

TEST(MixedRadixTest, LastRootVariesFastest) {
  EXPECT_THAT(All(Space({Integer("b", 0, 1), Integer("a", 0, 2)})),
              ElementsAre("{a: 0, b: 0}", "{a: 1, b: 0}", "{a: 2, b: 0}",
                          "{a: 0, b: 1}", "{a: 1, b: 1}", "{a: 2, b: 1}"));
}

TEST(MixedRadixTest, ChildrenCountOnlyWhereTheyAreActive) {
  const SearchSpace space =
      Space({Integer("p", 0, 3), When(Integer("c", 0, 1), "p", {int64_t{1}}),
             When(Integer("d", 0, 1), "p", {int64_t{1}, int64_t{3}})});
  EXPECT_THAT(All(space),
              ElementsAre("{p: 0}", "{c: 0, d: 0, p: 1}", "{c: 0, d: 1, p: 1}",
                          "{c: 1, d: 0, p: 1}", "{c: 1, d: 1, p: 1}", "{p: 2}",
                          "{d: 0, p: 3}", "{d: 1, p: 3}"));
}

TEST(MixedRadixTest, EveryConfigurationOfADeepForestOnceAndValid) {
  const SearchSpace space =
      Space({When(Integer("e", 0, 2), "d", {int64_t{2}}), Integer("a", 0, 2),
             When(Integer("b", 0, 3), "a", {int64_t{0}, int64_t{2}}),
             When(Integer("c", 0, 1), "b", {int64_t{3}}), Integer("d", 0, 2)});
  // a: 0 and 2 have b: 3 + 2; 1 has none; d: 1 + 1 + 3.
  const MixedRadix radix(space, 0);
  ASSERT_EQ(radix.size(), (5 + 1 + 5) * 5);
  std::set<std::string> seen;
  for (int64_t i = 0; i < *radix.size(); ++i) {
    const Parameters parameters = radix.At(i);
    EXPECT_TRUE(space.Check(parameters).ok()) << ToText(parameters);
    EXPECT_TRUE(seen.insert(Identity(parameters)).second);
  }
}

TEST(MixedRadixTest, ContinuousParametersAreEvenPointsOfTheirScale) {
  const SearchSpace space =
      Space({{"lr",
              DoubleDomain{.min = 1e-2, .max = 1, .scale = Scale::kLog},
              {},
              {}}});
  EXPECT_EQ(MixedRadix(space, 0).size(), std::nullopt);
  const MixedRadix radix(space, 3);
  ASSERT_EQ(radix.size(), 3);
  EXPECT_EQ(radix.At(0).at("lr"), ParameterValue(1e-2));
  EXPECT_NEAR(std::get<double>(radix.At(1).at("lr")), 0.1, 1e-12);
  EXPECT_EQ(radix.At(2).at("lr"), ParameterValue(1.0));
  EXPECT_NEAR(std::get<double>(MixedRadix(space, 1).At(0).at("lr")), 0.1,
              1e-12);
}

TEST(MixedRadixTest, TooManyToCountHaveNoSize) {
  std::vector<Parameter> parameters;
  for (int i = 0; i < 62; ++i) {
    parameters.push_back(Integer(absl::StrCat("p", i), 0, 1));
  }
  EXPECT_EQ(Space(parameters).Size(), int64_t{1} << 62);
  const SearchSpace largest = Space(parameters);
  EXPECT_TRUE(largest.Check(largest.At((int64_t{1} << 62) - 1)).ok());
  parameters.push_back(Integer("last", 0, 1));
  EXPECT_EQ(Space(parameters).Size(), std::nullopt);
}

TEST(MixedRadixTest, NoParametersAreOneConfiguration) {
  EXPECT_THAT(All(SearchSpace()), ElementsAre("{}"));
}

}  // namespace
}  // namespace assay
