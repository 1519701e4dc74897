#include "search/gradient/unit_gradient.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "search/domain.h"

namespace assay {
namespace {

SearchSpace Space() {
  absl::StatusOr<SearchSpace> space = SearchSpace::Create({
      {"linear", DoubleDomain{.min = -2, .max = 3}, {}, {}},
      {"log",
       DoubleDomain{.min = 1e-4, .max = 1, .scale = Scale::kLog},
       {},
       {}},
      {"reverse",
       DoubleDomain{.min = 0.5, .max = 0.99, .scale = Scale::kReverseLog},
       {},
       {}},
      {"logit",
       DoubleDomain{.min = 0.01, .max = 0.9, .scale = Scale::kLogit},
       {},
       {}},
      {"stepped", DoubleDomain{.min = 0, .max = 1, .step = 0.1}, {}, {}},
      {"integer", IntegerDomain{.min = 1, .max = 9}, {}, {}},
  });
  return *std::move(space);
}

const Parameters kAt = {{"linear", 0.5},  {"log", 0.01},
                        {"reverse", 0.9}, {"logit", 0.3},
                        {"stepped", 0.2}, {"integer", int64_t{4}}};

// f = sum of c_i theta_i.
const std::map<std::string, double> kGradient = {
    {"linear", 2},  {"log", -3},    {"reverse", 5}, {"logit", 7},
    {"stepped", 1}, {"integer", 1}, {"unknown", 1}};

double FunctionAt(const SearchSpace& space, const std::vector<double>& point) {
  double sum = 0;
  for (const auto& [name, value] : space.Decode(point)) {
    sum += kGradient.at(name) * *AsNumber(value);
  }
  return sum;
}

TEST(UnitGradientTest, IsTheDerivativeByTheEncodedPoint) {
  const SearchSpace space = Space();
  const UnitGradient unit = ToUnitGradient(space, kAt, kGradient, {});
  constexpr double kStep = 1e-6;
  for (int i = 0; i < 4; ++i) {
    std::vector<double> above = space.Encode(kAt), below = above;
    above[i] += kStep, below[i] -= kStep;
    const double difference =
        (FunctionAt(space, above) - FunctionAt(space, below)) / (2 * kStep);
    EXPECT_NEAR(unit.values[i], difference, 1e-6 * std::fabs(difference)) << i;
  }
}

TEST(UnitGradientTest, WhatHasLevelsHasNone) {
  const UnitGradient unit = ToUnitGradient(Space(), kAt, kGradient, {});
  EXPECT_TRUE(std::isnan(unit.values[4]));
  EXPECT_TRUE(std::isnan(unit.values[5]));
}

TEST(UnitGradientTest, DeviationsAreStretchedAsTheValues) {
  const UnitGradient unit =
      ToUnitGradient(Space(), kAt, kGradient, {{"log", 1.5}});
  EXPECT_DOUBLE_EQ(unit.deviations[1], -unit.values[1] / 2);
  EXPECT_TRUE(std::isnan(unit.deviations[0]));
}

TEST(UnitGradientTest, WhatWasNotSaidOrIsNotFiniteIsNotKnown) {
  const UnitGradient unit =
      ToUnitGradient(Space(), kAt, {{"log", std::nan("")}}, {{"log", 1}});
  EXPECT_FALSE(unit.Any());
}

}  // namespace
}  // namespace assay
