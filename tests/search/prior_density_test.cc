#include "search/prior_density.h"

#include <cmath>
#include <limits>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "search/domain.h"

namespace assay {
namespace {

using ::testing::HasSubstr;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

const Domain kRate = DoubleDomain{1e-5, 1e-1, Scale::kLog};
const Domain kUnits = IntegerDomain{1, 9};
const Domain kBatch = DiscreteDomain{{16, 32, 64, 256}};
const Domain kOptimizer =
    CategoricalDomain{{std::string("sgd"), std::string("adam"), true}};

PriorDensity Of(const Domain& domain, Prior prior) {
  EXPECT_TRUE(CheckPrior(domain, prior).ok()) << CheckPrior(domain, prior);
  return PriorDensity({.domain = domain, .prior = std::move(prior)});
}

std::vector<PriorDensity> Several() {
  return {Of(kRate, NormalPrior{.mean = 1e-3}),
          Of(kRate, NormalPrior{.mean = 1e-5, .deviation = 0.01}),
          Of(kUnits, NormalPrior{.mean = 9, .deviation = 1}),
          Of(kBatch, NormalPrior{.mean = 48}),
          Of(kBatch, WeightsPrior{{0, 1, 2, 0}}),
          Of(kOptimizer, WeightsPrior{{1e308, 1e308, 0}}),
          PriorDensity({.domain = kRate})};
}

TEST(PriorDensityTest, WhatDoesNotFitIsRefusedByName) {
  const struct {
    Domain domain;
    Prior prior;
    const char* message;
  } cases[] = {
      {kOptimizer, NormalPrior{}, "prior: normal, of a categorical only"},
      {kRate, NormalPrior{.mean = kNaN}, "prior: mean nan, must be finite"},
      {kRate, NormalPrior{.mean = 1}, "prior: mean 1, allowed are 1e-5 to 0.1"},
      {kUnits, NormalPrior{.mean = 0.9}, "prior: mean 0.9, allowed are 1 to 9"},
      {kBatch, NormalPrior{.mean = 257},
       "prior: mean 257, allowed are 16 to 256"},
      {kUnits, NormalPrior{.mean = 3, .deviation = 0},
       "prior: deviation 0, allowed are 0.01 to 1, a share of the range"},
      {kUnits, NormalPrior{.mean = 3, .deviation = kNaN},
       "prior: deviation nan, allowed"},
      {kUnits, NormalPrior{.mean = 3, .deviation = 1.5},
       "prior: deviation 1.5, allowed"},
      {kRate, WeightsPrior{{1}}, "prior: weights, of a range only normal"},
      {kBatch, WeightsPrior{{1, 2}},
       "prior: 2 weights, must be one for each of 4 values"},
      {kOptimizer, WeightsPrior{{1, -2, 1}},
       "prior: weight -2 of adam, must be 0 or more and finite"},
      {kOptimizer, WeightsPrior{{1, 1, kInfinity}},
       "prior: weight inf of true, must be 0 or more and finite"},
      {kOptimizer, WeightsPrior{{kNaN, 1, 1}}, "prior: weight nan of sgd"},
      {kOptimizer, WeightsPrior{{0, 0, 0}}, "prior: all weights are 0"},
  };
  for (const auto& c : cases) {
    const absl::Status status = CheckPrior(c.domain, c.prior);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << c.message;
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.message));
  }
}

TEST(PriorDensityTest, IntegratesToOne) {
  for (const PriorDensity& density : Several()) {
    constexpr int kCells = 60'000;
    double sum = 0;
    for (int i = 0; i < kCells; ++i) {
      sum += std::exp(density.LogDensity((i + 0.5) / kCells)) / kCells;
    }
    EXPECT_NEAR(sum, 1, 1e-4);
  }
}

TEST(PriorDensityTest, TheQuantileInvertsTheIntegral) {
  for (const PriorDensity& density : Several()) {
    constexpr int kCells = 60'000;
    double below = 0;
    for (int i = 0; i < kCells; ++i) {
      const double u = (i + 0.5) / kCells;
      const double mass = std::exp(density.LogDensity(u)) / kCells;
      EXPECT_NEAR(density.Quantile(below + mass / 2), u, 2e-3);
      below += mass;
    }
  }
}

TEST(PriorDensityTest, QuantilesReachBothEnds) {
  for (const PriorDensity& density : Several()) {
    EXPECT_NEAR(density.Quantile(0), 0, 1e-12);
    EXPECT_NEAR(density.Quantile(1), 1, 1e-9);
  }
}

TEST(PriorDensityTest, SlopesAreFiniteDifferences) {
  constexpr double kStep = 1e-6;
  for (const PriorDensity& density : Several()) {
    for (double u = 0.013; u < 1; u += 0.1) {
      const double slope =
          (density.LogDensity(u + kStep) - density.LogDensity(u - kStep)) /
          (2 * kStep);
      EXPECT_NEAR(density.LogSlope(u), slope, 1e-5 * (1 + std::fabs(slope)));
    }
  }
}

TEST(PriorDensityTest, NothingIsImpossible) {
  for (const PriorDensity& density : Several()) {
    for (double u = 0; u <= 1; u += 0.01) {
      EXPECT_GE(density.LogDensity(u), std::log(PriorDensity::kFloor));
    }
  }
}

TEST(PriorDensityTest, TheMeanIsInTheParametersOwnUnit) {
  EXPECT_NEAR(Of(kRate, NormalPrior{.mean = 1e-3}).Mode(), 0.5, 1e-12);
  EXPECT_NEAR(Of(kUnits, NormalPrior{.mean = 5}).Mode(), 0.5, 1e-12);
  EXPECT_NEAR(Of(kUnits, NormalPrior{.mean = 5.5}).Mode(), 5.0 / 9, 1e-12);
  EXPECT_NEAR(Of(kBatch, NormalPrior{.mean = 64}).Mode(), 2.5 / 4, 1e-12);
  EXPECT_NEAR(Of(kBatch, NormalPrior{.mean = 48}).Mode(), 2.0 / 4, 1e-12);
}

// Its last value is 0.9.
TEST(PriorDensityTest, AMeanAboveTheLastStepIsTheLastStep) {
  const Domain domain = DoubleDomain{.min = 0, .max = 1, .step = 0.3};
  const PriorDensity density = Of(domain, NormalPrior{.mean = 1});
  EXPECT_EQ(density.Mode(), ToUnit(domain, 0.9));
}

TEST(PriorDensityTest, OneValueIsItsMode) {
  const Domain one = IntegerDomain{3, 3};
  EXPECT_EQ(Of(one, NormalPrior{.mean = 3}).Mode(), 0.5);
}

TEST(PriorDensityTest, ManyIntegersAreFoundByHalving) {
  const Domain wide = IntegerDomain{-kMaxInteger, kMaxInteger};
  EXPECT_NEAR(Of(wide, NormalPrior{.mean = 0}).Mode(), 0.5, 1e-9);
}

TEST(PriorDensityTest, TheModeOfWeightsIsTheFirstOfTheGreatest) {
  EXPECT_EQ(Of(kBatch, WeightsPrior{{1, 2, 2, 0}}).Mode(), 1.5 / 4);
}

TEST(PriorDensityTest, WithoutAPriorItIsUniform) {
  const PriorDensity density({.domain = kRate});
  EXPECT_TRUE(density.IsUniform());
  EXPECT_EQ(density.LogDensity(0.2), 0);
  EXPECT_EQ(density.Quantile(0.3), 0.3);
  EXPECT_FALSE(Of(kRate, NormalPrior{.mean = 1e-3}).IsUniform());
}

}  // namespace
}  // namespace assay
