#include "search/math/normal.h"

#include <cmath>
#include <limits>

#include "gtest/gtest.h"

namespace assay {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

#define EXPECT_CLOSE(actual, expected) \
  EXPECT_NEAR(actual, expected, 2e-13 * std::fabs(expected))

struct Known {
  double z, log_cdf, log_cdf_slope, log_improvement, log_improvement_slope;
};

// By mpmath 1.3 with 400 digits.
constexpr Known kKnown[] = {
    {-1e+100, -5.0000000000000002e+199, 1.0e+100, -5.0000000000000002e+199,
     1.0e+100},
    {-1e+10, -5.0e+19, 1e+10, -5.0e+19, 1e+10},
    {-1e+5, -5000000012.431864, 100000.00001, -5000000023.9447895,
     100000.00002},
    {-300, -45006.622732118663, 300.00333325926337, -45012.326536814554,
     300.00666644446173},
    {-38, -726.55721601882013, 38.026279466575869, -730.19618340211374,
     38.052522760041328},
    {-10, -53.231285150512471, 10.098093233962512, -55.553122036122356,
     10.194383033412553},
    {-5.0001, -15.065517049221957, 5.1866006975365082, -16.744837348985082,
     5.3619102405997453},
    {-4.9999, -15.06447974842853, 5.1864072368234337, -16.743764985736821,
     5.3617222421599682},
    {-3, -6.6077262215103495, 3.2830986549304365, -7.8696860596030285,
     3.5323375176251605},
    {-1, -1.8410216450092635, 1.5251352761609812, -2.4851210257126413,
     1.9042712333296918},
    {0, -0.69314718055994531, 0.79788456080286536, -0.91893853320467274,
     1.2533141373155003},
    {1, -0.17275377902344989, 0.28759997093917836, 0.08002621884930694,
     0.77663872520173926},
    {5, -2.8665161296376359e-7, 1.4867199409049057e-6, 1.6094379231264314,
     0.19999994053122005},
    {30, -4.9067139271481871e-198, 1.4736461348785475e-196, 3.4011973816621554,
     0.033333333333333333}};

TEST(NormalTest, LogCdfAndItsSlopeAreExactInBothTails) {
  for (const Known& known : kKnown) {
    EXPECT_CLOSE(LogNormalCdf(known.z), known.log_cdf) << known.z;
    EXPECT_CLOSE(LogNormalCdfSlope(known.z), known.log_cdf_slope) << known.z;
  }
}

// Just above the switch to the continued fraction h has lost a factor of 25.
TEST(NormalTest, LogImprovementAndItsSlopeAreExactInBothTails) {
  for (const Known& known : kKnown) {
    EXPECT_NEAR(LogImprovement(known.z), known.log_improvement,
                2e-14 * std::fabs(known.log_improvement) + 1e-14)
        << known.z;
    EXPECT_NEAR(LogImprovementSlope(known.z), known.log_improvement_slope,
                2e-13 * known.log_improvement_slope)
        << known.z;
  }
}

TEST(NormalTest, ErfcxIsExact) {
  constexpr double kKnownErfcx[][2] = {
      {-5, 144009798674.66104},         {-1, 5.0089800807622835},
      {-0.1, 1.1236433541992095},       {0, 1.0},
      {0.5, 0.61569034419292587},       {1, 0.427583576155807},
      {2, 0.25539567631050574},         {4.999, 0.1107259745642754},
      {5, 0.11070463773306863},         {7, 0.079800054329152933},
      {26, 0.021683584850562907},       {1000.0, 0.00056418930145338766},
      {1e+100, 5.6418958354775628e-101}};
  for (const auto& [x, y] : kKnownErfcx) EXPECT_CLOSE(Erfcx(x), y) << x;
}

TEST(NormalTest, QuantileIsExact) {
  constexpr double kKnownQuantile[][2] = {
      {1e-300, -37.047096299361199},     {1e-20, -9.2623400897984076},
      {1e-05, -4.2648907939228246},      {0.01, -2.3263478740408411},
      {0.02425, -1.9729610513118848},    {0.3, -0.52440051270804082},
      {0.7, 0.52440051270804066},        {0.999, 3.0902323061678133},
      {0.9999999999, 6.3613408896974219}};
  for (const auto& [p, z] : kKnownQuantile) {
    EXPECT_CLOSE(NormalQuantile(p), z) << p;
  }
  EXPECT_NEAR(NormalQuantile(0.5), 0, 1e-16);
  EXPECT_EQ(NormalQuantile(0), -kInfinity);
  EXPECT_EQ(NormalQuantile(1), kInfinity);
}

TEST(NormalTest, CdfAndDensityFitEachOther) {
  EXPECT_CLOSE(NormalDensity(0), 0.39894228040143268);
  EXPECT_CLOSE(NormalCdf(1.96), 0.97500210485177957);
  for (const double z : {-3.0, -0.5, 0.0, 2.0}) {
    const double slope = (NormalCdf(z + 1e-5) - NormalCdf(z - 1e-5)) / 2e-5;
    EXPECT_NEAR(slope, NormalDensity(z), 1e-10);
    EXPECT_NEAR(std::log(ImprovementDensity(z)), LogImprovement(z), 1e-13);
  }
}

TEST(NormalTest, DrawsHaveTheMomentsOfTheDistribution) {
  Random random(3);
  double sum = 0, squares = 0;
  constexpr int kDraws = 20000;
  for (int i = 0; i < kDraws; ++i) {
    const double z = DrawNormal(random);
    sum += z, squares += z * z;
  }
  EXPECT_NEAR(sum / kDraws, 0, 0.03);
  EXPECT_NEAR(squares / kDraws, 1, 0.05);
}

TEST(NormalTest, TruncatedDrawsHaveTheMeanOfTheFormula) {
  const auto density = [](double x) {
    return std::exp(-0.5 * x * x) / std::sqrt(2 * M_PI);
  };
  for (const double mean : {0.0, 0.3, 1.0}) {
    for (const double sigma : {0.05, 0.5, 3.0}) {
      Random random(2);
      constexpr int kDraws = 50'000;
      double sum = 0;
      for (int i = 0; i < kDraws; ++i) {
        const double u = DrawTruncatedNormal(mean, sigma, random);
        ASSERT_GE(u, 0);
        ASSERT_LE(u, 1);
        sum += u;
      }
      const double a = -mean / sigma, b = (1 - mean) / sigma;
      const double expected = mean + sigma * (density(a) - density(b)) /
                                         (NormalCdf(b) - NormalCdf(a));
      EXPECT_NEAR(sum / kDraws, expected, 0.01) << mean << " " << sigma;
    }
  }
}

TEST(NormalTest, TruncatedDrawsOfATinySigmaStayAtTheMean) {
  Random random(3);
  for (const double mean : {0.0, 0.5, 1.0}) {
    EXPECT_NEAR(DrawTruncatedNormal(mean, 1e-12, random), mean, 1e-10);
  }
}

}  // namespace
}  // namespace assay
