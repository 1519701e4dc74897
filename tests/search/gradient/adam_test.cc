#include "search/gradient/adam.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace assay {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

TEST(AdamTest, TheFirstStepIsTheRateInEachKnownCoordinate) {
  Adam adam(3);
  const auto step = adam.Step({{1e-6, -40, kNaN}, {kNaN, kNaN, kNaN}}, 0.05);
  EXPECT_NEAR(step[0], 0.05, 1e-12);
  EXPECT_NEAR(step[1], -0.05, 1e-12);
  EXPECT_EQ(step[2], 0);
}

TEST(AdamTest, NoiseShrinksAStepAndAboveTheSignalThereIsNone) {
  Adam adam(3);
  const auto step = adam.Step({{1, 1, 1}, {0, 0.5, 1.5}}, 0.1);
  EXPECT_NEAR(step[0], 0.1, 1e-12);
  EXPECT_NEAR(step[1], 0.1 * 0.75, 1e-12);
  EXPECT_EQ(step[2], 0);
}

TEST(AdamTest, AGradientThatTurnsMovesLess) {
  Adam steady(1), turning(1);
  steady.Step({{1}, {0}}, 0.1);
  turning.Step({{-1}, {0}}, 0.1);
  EXPECT_GT(steady.Step({{1}, {0}}, 0.1)[0],
            2 * turning.Step({{1}, {0}}, 0.1)[0]);
}

TEST(AdamTest, NoStepIsLongerThanTwiceTheRate) {
  Adam adam(1);
  for (int i = 0; i < 40; ++i) adam.Step({{1e-9}, {0}}, 0.1);
  EXPECT_LE(adam.Step({{1e9}, {0}}, 0.1)[0], 0.2);
}

TEST(AdamTest, ClimbsAQuadraticToItsTop) {
  Adam adam(2);
  std::vector<double> x = {0.1, 0.9};
  const std::vector<double> top = {0.6, 0.3};
  double rate = 0.05;
  for (int i = 0; i < 60; ++i, rate *= 0.95) {
    const auto step = adam.Step(
        {{-2 * (x[0] - top[0]), -20 * (x[1] - top[1])}, {0, 0}}, rate);
    for (int k = 0; k < 2; ++k) x[k] += step[k];
  }
  EXPECT_NEAR(x[0], top[0], 0.02);
  EXPECT_NEAR(x[1], top[1], 0.02);
}

}  // namespace
}  // namespace assay
