#include "search/gp/output_transform.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "gtest/gtest.h"
#include "search/math/normal.h"
#include "tests/search/gp/mixed_space.h"

namespace assay {
namespace {

using Kind = OutputTransform::Kind;
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

Eigen::VectorXd Values(std::initializer_list<double> values) {
  return Eigen::Map<const Eigen::VectorXd>(values.begin(), values.size());
}

// A loss with a heavy bad tail, maximised.
Eigen::VectorXd HeavyTail(int n, uint64_t seed) {
  Random random(seed);
  Eigen::VectorXd values(n);
  for (double& value : values) value = -1 / (0.01 + random.Uniform());
  return values;
}

TEST(OutputTransformTest, StandardizedValuesHaveMeanZeroAndDeviationOne) {
  for (const Kind kind : {Kind::kStandardize, Kind::kHalfRankLog}) {
    const Eigen::VectorXd t = OutputTransform(kind, HeavyTail(50, 1)).targets();
    EXPECT_NEAR(t.mean(), 0, 1e-13);
    EXPECT_NEAR(t.squaredNorm() / 50, 1, 1e-13);
  }
}

// The table of search/gp/output_transform.h by hand: the median is 3, the
// deviation of {3, 4, 8} from it sqrt(26 / 3), the ranks of 1 and 2 are 1 and 2
// of 2.5.
TEST(OutputTransformTest, HalfRankLogByHand) {
  const double s = std::sqrt(26.0 / 3);
  Eigen::VectorXd t(5);
  t << 3 + s * NormalQuantile(0.5 * 0.5 / 2.5),
      3 + s * NormalQuantile(0.5 * 1.5 / 2.5), 3, 4, 8;
  const double range = 8 - t[0];
  for (double& value : t) {
    value = 0.5 - std::log1p(0.5 * (8 - value) / range) / std::log(1.5);
  }
  t.array() -= t.mean();
  t /= std::sqrt(t.squaredNorm() / 5);
  const OutputTransform transform(Kind::kHalfRankLog, Values({1, 2, 3, 4, 8}));
  EXPECT_LT((transform.targets() - t).cwiseAbs().maxCoeff(), 1e-13);
}

TEST(OutputTransformTest, HowBadTheWorseHalfIsDoesNotMatter) {
  const auto of = [](double worst) {
    return OutputTransform(Kind::kHalfRankLog,
                           Values({worst, 2, 3, 4, 5, 6, 8}))
        .targets();
  };
  EXPECT_LT((of(1) - of(-1e30)).cwiseAbs().maxCoeff(), 1e-13);
}

TEST(OutputTransformTest, RisesStrictlyAndIsInverted) {
  for (const Kind kind : {Kind::kStandardize, Kind::kHalfRankLog}) {
    for (uint64_t seed = 0; seed < 5; ++seed) {
      const OutputTransform transform(kind, HeavyTail(4 + 13 * seed, seed));
      double last = -kInfinity;
      for (double value = -200; value < 100; value += 0.37) {
        const double target = transform.Forward(value);
        EXPECT_GT(target, last);
        EXPECT_NEAR(transform.Inverse(target), value, 1e-8);
        last = target;
      }
    }
  }
}

TEST(OutputTransformTest, TargetsAreTheMapOfTheirValues) {
  const Eigen::VectorXd values = HeavyTail(31, 2);
  const OutputTransform transform(Kind::kHalfRankLog, values);
  for (int i = 0; i < 31; ++i) {
    EXPECT_DOUBLE_EQ(transform.targets()[i], transform.Forward(values[i]));
  }
}

TEST(OutputTransformTest, AffineChangesOfTheMetricDoNotMatter) {
  const Eigen::VectorXd values = HeavyTail(40, 3);
  for (const Kind kind : {Kind::kStandardize, Kind::kHalfRankLog}) {
    const Eigen::VectorXd t = OutputTransform(kind, values).targets();
    const Eigen::VectorXd u =
        OutputTransform(kind, 1e6 * values.array() + 3).targets();
    EXPECT_LT((t - u).cwiseAbs().maxCoeff(), 1e-9);
  }
}

TEST(OutputTransformTest, FailuresAreWorseThanTheWorstAndTheMeanIsZero) {
  const OutputTransform transform(
      Kind::kStandardize, Values({1, kNaN, 2, 3, -kInfinity, kInfinity, 4}));
  const Eigen::VectorXd t = transform.targets();
  EXPECT_EQ(transform.successes(), 4);
  EXPECT_TRUE(transform.failed(1) && transform.failed(4) &&
              transform.failed(5));
  const double range = t[6] - t[0];
  EXPECT_NEAR(t[1], t[0] - (0.5 * range + 1), 1e-13);
  EXPECT_EQ(t[1], t[4]);
  EXPECT_EQ(t[1], t[5]);
  const double success = (0.5 + 4) / (1 + 7);
  const double mean = (t[0] + t[2] + t[3] + t[6]) / 4;
  EXPECT_NEAR(success * mean + (1 - success) * t[1], 0, 1e-13);
}

TEST(OutputTransformTest, WithoutFailuresNothingIsShifted) {
  EXPECT_NEAR(
      OutputTransform(Kind::kStandardize, Values({1, 3})).targets().sum(), 0,
      1e-15);
}

TEST(OutputTransformTest, EqualValuesAreZeros) {
  for (const Kind kind : {Kind::kStandardize, Kind::kHalfRankLog}) {
    const OutputTransform transform(kind, Values({7, 7, 7, 7, 7}));
    EXPECT_EQ(transform.targets(), Eigen::VectorXd::Zero(5));
    EXPECT_EQ(transform.Inverse(0), 7);
  }
}

TEST(OutputTransformTest, NothingButFailuresIsMinusOne) {
  const OutputTransform transform(Kind::kHalfRankLog, Values({kNaN, kNaN}));
  EXPECT_EQ(transform.targets(), Eigen::VectorXd::Constant(2, -1));
  EXPECT_EQ(transform.successes(), 0);
}

TEST(OutputTransformTest, NoValuesAreNoTargets) {
  EXPECT_EQ(OutputTransform(Kind::kHalfRankLog, {}).targets().size(), 0);
}

TEST(OutputTransformTest, FewerThanFourAreStandardized) {
  EXPECT_EQ(OutputTransform(Kind::kHalfRankLog, Values({1, 2, kNaN, 3})).kind(),
            Kind::kStandardize);
  EXPECT_EQ(OutputTransform(Kind::kHalfRankLog, Values({1, 2, 3, 4})).kind(),
            Kind::kHalfRankLog);
}

// Half of all trials reach the same accuracy: the upper half has no deviation.
TEST(OutputTransformTest, AnUpperHalfOfEqualValuesIsNoTrouble) {
  const OutputTransform transform(Kind::kHalfRankLog,
                                  Values({1, 2, 5, 5, 5, 5, 5}));
  EXPECT_TRUE(transform.targets().allFinite());
  EXPECT_LT(transform.targets()[0], transform.targets()[1]);
  EXPECT_LT(transform.targets()[1], transform.targets()[2]);
}

TEST(OutputTransformTest, HugeAndTinyNumbersAreNoTrouble) {
  for (const double scale : {1e-300, 1e-160, 1e100, 1e300}) {
    for (const Kind kind : {Kind::kStandardize, Kind::kHalfRankLog}) {
      const OutputTransform transform(
          kind, scale * Values({-3, 1, 2, 4, 5, 5.5, 9}).array());
      EXPECT_TRUE(transform.targets().allFinite()) << scale;
    }
  }
}

TEST(OutputTransformTest, SlopeAboveTheMedianIsThatOfFiniteDifferences) {
  const Eigen::VectorXd values = HeavyTail(41, 4);
  const OutputTransform transform(Kind::kHalfRankLog, values);
  for (double value = -1.9; value < -1; value += 0.05) {
    const double slope =
        (transform.Forward(value + 1e-5) - transform.Forward(value - 1e-5)) /
        2e-5;
    EXPECT_NEAR(transform.Slope(value) / slope, 1, 1e-6) << value;
  }
}

// 30 values in [0, 1), given by `lower`, below 30 fixed ones: the targets are
// the same whatever the lower ones are.
template <typename Function>
OutputTransform LowerHalf(Function lower) {
  Eigen::VectorXd values(60);
  for (int i = 0; i < 30; ++i) values[i] = lower(i);
  for (int i = 0; i < 30; ++i) values[30 + i] = 1 + i / 30.0;
  return OutputTransform(Kind::kHalfRankLog, values);
}

// For evenly distributed values the true slope is that of the table of evenly
// spaced ones. Without the correction the average is 0.10 too large.
TEST(OutputTransformTest, LogSlopesHaveNoBiasFromTheStepsOfTheTable) {
  const OutputTransform even = LowerHalf([](int i) { return (i + 0.5) / 30; });
  double expected = 0;
  for (int i = 0; i < 30; ++i) {
    const double left = i / 30.0, right = (i + 1) / 30.0;
    const double rise = even.Forward(right) - even.Forward(left);
    expected += std::log(rise * 30) / 30;
  }
  double mean = 0;
  for (uint64_t seed = 0; seed < 1000; ++seed) {
    Random random(seed);
    const auto sample = LowerHalf([&](int) { return random.Uniform(); });
    mean += sample.LogSlopes().head(30).mean() / 1000;
  }
  EXPECT_NEAR(mean, expected, 0.02);
}

TEST(OutputTransformTest, WhatIsBelowTheMedianCountsByItsRank) {
  const Eigen::VectorXd values = Values({1, 2, 3, 4, 5});
  const OutputTransform ranked(Kind::kHalfRankLog, values);
  EXPECT_TRUE(ranked.IsRanked(2));
  EXPECT_FALSE(ranked.IsRanked(3));
  EXPECT_FALSE(OutputTransform(Kind::kStandardize, values).IsRanked(2));
}

TEST(OutputTransformTest, FailedValuesHaveNoSlope) {
  const OutputTransform transform(Kind::kStandardize, Values({1, kNaN, 3}));
  EXPECT_EQ(transform.LogSlopes()[1], 0);
  EXPECT_DOUBLE_EQ(transform.LogSlopes()[0], 0);  // The deviation is 1.
}

}  // namespace
}  // namespace assay
