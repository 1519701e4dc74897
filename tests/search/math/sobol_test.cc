#include "search/math/sobol.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace assay {
namespace {

double Unscrambled(uint32_t index, int dimension) {
  return SobolBits(index, dimension) * 0x1p-32;
}

// scipy 1.17.1: qmc.Sobol(256, scramble=False, bits=32).random(2048)
TEST(SobolTest, PointsAreThoseOfScipy) {
  constexpr std::array<int, 9> kDimensions = {0, 1, 2, 3, 7, 50, 128, 200, 255};
  struct Known {
    uint32_t index;
    std::array<double, 9> values;
  };
  // clang-format off
  const Known known[] = {
    {1, {0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5}},
    {2, {0.75, 0.25, 0.25, 0.25, 0.75, 0.25, 0.25, 0.75, 0.75}},
    {3, {0.25, 0.75, 0.75, 0.75, 0.25, 0.75, 0.75, 0.25, 0.25}},
    {5, {0.875, 0.875, 0.125, 0.375, 0.375, 0.625, 0.625, 0.125, 0.875}},
    {100, {0.4140625, 0.2578125, 0.7734375, 0.7265625, 0.4765625, 0.8828125, 0.2578125, 0.8515625, 0.5703125}},
    {1000, {0.2197265625, 0.0966796875, 0.5185546875, 0.6767578125, 0.8994140625, 0.3525390625, 0.8916015625, 0.7529296875, 0.2490234375}},
    {2047, {0.00048828125, 0.62744140625, 0.93115234375, 0.35107421875, 0.03173828125, 0.76220703125, 0.61572265625, 0.82373046875, 0.47998046875}},
  };
  // clang-format on
  for (const Known& point : known) {
    for (size_t i = 0; i < kDimensions.size(); ++i) {
      EXPECT_EQ(Unscrambled(point.index, kDimensions[i]), point.values[i])
          << point.index << " " << kDimensions[i];
    }
  }
}

// Which of the 2^k equal cells of each coordinate the first 2^k points hit.
int CellsHit(const ScrambledSobol& sobol, int dimension, int cells) {
  std::set<int> hit;
  for (int i = 0; i < cells; ++i) {
    hit.insert(static_cast<int>(sobol.Point(i)[dimension] * cells));
  }
  return static_cast<int>(hit.size());
}

TEST(SobolTest, ScrambledPointsStayEvenInEachCoordinate) {
  const ScrambledSobol sobol(kSobolDimensions, 11);
  for (const int dimension : {0, 1, 5, 100, 255}) {
    EXPECT_EQ(CellsHit(sobol, dimension, 256), 256) << dimension;
  }
}

TEST(SobolTest, ScrambledPointsStayEvenInPairs) {
  const ScrambledSobol sobol(2, 11);
  std::set<std::pair<int, int>> hit;
  for (int i = 0; i < 256; ++i) {
    const std::vector<double> point = sobol.Point(i);
    hit.emplace(point[0] * 16, point[1] * 16);
  }
  EXPECT_EQ(hit.size(), 256u);
}

TEST(SobolTest, SeedsGiveDifferentPointsInsideTheOpenCube) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    const std::vector<double> point = ScrambledSobol(300, seed).Point(0);
    EXPECT_EQ(point, ScrambledSobol(300, seed).Point(0));
    EXPECT_NE(point, ScrambledSobol(300, seed + 1).Point(0));
    for (const double u : point) {
      EXPECT_GE(u, 0);
      EXPECT_LT(u, 1);
    }
  }
}

// E[integral error^2] of Owen's scrambling falls faster than 1/n.
TEST(SobolTest, IntegratesBetterThanRandomPoints) {
  double worst = 0;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const ScrambledSobol sobol(5, seed);
    double sum = 0;
    for (int i = 0; i < 1024; ++i) {
      double product = 1;
      for (const double u : sobol.Point(i)) product *= 2 * u;
      sum += product;
    }
    worst = std::max(worst, std::fabs(sum / 1024 - 1));
  }
  EXPECT_LT(worst, 0.02);  // Random points: about 0.06 each.
}

}  // namespace
}  // namespace assay
