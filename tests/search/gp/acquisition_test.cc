#include "search/gp/acquisition.h"

#include <cmath>
#include <memory>

#include "gtest/gtest.h"
#include "search/gp/acquisition/feasibility.h"
#include "search/gp/acquisition/hypervolume_improvement.h"
#include "search/gp/acquisition/hypervolume_scalarization.h"
#include "search/gp/acquisition/log_expected_improvement.h"
#include "search/gp/acquisition/log_gain.h"
#include "search/gp/acquisition/pure_exploration.h"
#include "search/gp/acquisition/upper_confidence_bound.h"
#include "search/math/normal.h"

namespace assay {
namespace {

using Beliefs = std::vector<Belief>;

double& Field(Belief& belief, int field) {
  if (field == 0) return belief.mean;
  return field == 1 ? belief.deviation : belief.deviation_all;
}

void ExpectSlopesAreFiniteDifferences(const Acquisition& acquisition,
                                      const Beliefs& beliefs,
                                      double tolerance = 1e-6) {
  constexpr double kStep = 1e-5;
  Score score = acquisition.Evaluate(beliefs);
  ASSERT_EQ(score.slopes.size(), beliefs.size());
  for (size_t k = 0; k < beliefs.size(); ++k) {
    for (int field = 0; field < 3; ++field) {
      Beliefs up = beliefs, down = beliefs;
      Field(up[k], field) += kStep;
      Field(down[k], field) -= kStep;
      const double slope =
          (acquisition.Evaluate(up).value - acquisition.Evaluate(down).value) /
          (2 * kStep);
      EXPECT_NEAR(Field(score.slopes[k], field), slope,
                  tolerance * (1 + std::fabs(slope)))
          << "model " << k << ", field " << field;
    }
  }
}

const Beliefs kOne[] = {
    {{0.3, 0.5, 0.4}}, {{-2, 0.1, 0.07}}, {{2, 1.5, 1}}, {{-9, 0.3, 0.2}}};
const Beliefs kTwo[] = {{{0.3, 0.5, 0.4}, {0.1, 0.6, 0.5}},
                        {{-1, 0.3, 0.2}, {1.5, 0.4, 0.35}},
                        {{-4, 0.3, 0.2}, {-3, 0.4, 0.35}},
                        {{2.5, 0.3, 0.2}, {2.5, 0.4, 0.35}}};

TEST(AcquisitionTest, UpperConfidenceBoundIsMeanAndDeviationOfAll) {
  const UpperConfidenceBound acquisition;
  EXPECT_DOUBLE_EQ(acquisition.Evaluate(kOne[0]).value, 0.3 + 1.8 * 0.4);
  for (const Beliefs& beliefs : kOne) {
    ExpectSlopesAreFiniteDifferences(acquisition, beliefs);
  }
}

// By mpmath: log E[max(f - incumbent, 0)].
TEST(AcquisitionTest, LogExpectedImprovementIsExactFarFromTheIncumbent) {
  const LogExpectedImprovement acquisition(0);
  EXPECT_NEAR(acquisition.Evaluate({{0, 1, 1}}).value, -0.91893853320467274,
              1e-13);
  EXPECT_NEAR(acquisition.Evaluate({{-10, 1, 1}}).value, -55.553122036122356,
              1e-12);
  EXPECT_NEAR(acquisition.Evaluate({{-1e6, 1, 10}}).value,
              -5000000023.9447895 + std::log(10), 1e-5);
  EXPECT_TRUE(std::isfinite(acquisition.Evaluate({{-1, 1, 1e-30}}).value));
}

TEST(AcquisitionTest, LogExpectedImprovementHasExactSlopes) {
  for (const double incumbent : {-1.0, 0.5}) {
    const LogExpectedImprovement acquisition(incumbent);
    for (const Beliefs& beliefs : kOne) {
      ExpectSlopesAreFiniteDifferences(acquisition, beliefs);
    }
  }
}

LogGain LogGainOfBound(double reference) {
  return LogGain(std::make_unique<UpperConfidenceBound>(), reference);
}

TEST(AcquisitionTest, LogGainIsTheLogarithmOfALargeGainAndLinearBelow) {
  const LogGain gain = LogGainOfBound(-1);
  EXPECT_NEAR(gain.Evaluate({{1, 1, 1}}).value, std::log(3.8 / LogGain::kUnit),
              1e-12);
  EXPECT_NEAR(gain.Evaluate({{-9, 1, 1}}).value, -6.2 / LogGain::kUnit, 1e-12);
}

TEST(AcquisitionTest, LogGainRisesWithWhatItIsOf) {
  const LogGain gain = LogGainOfBound(0);
  double before = gain.Evaluate({{-20, 1, 1}}).value;
  for (double mean = -19.9; mean < 20; mean += 0.1) {
    const double now = gain.Evaluate({{mean, 1, 1}}).value;
    EXPECT_GT(now, before) << mean;
    before = now;
  }
}

TEST(AcquisitionTest, LogGainHasExactSlopes) {
  for (const double reference : {-3.0, 0.0, 5.0}) {
    for (const Beliefs& beliefs : kOne) {
      ExpectSlopesAreFiniteDifferences(LogGainOfBound(reference), beliefs);
    }
  }
}

TEST(AcquisitionTest, PureExplorationPaysForWhatCannotBeGood) {
  const PureExploration acquisition(0);
  EXPECT_DOUBLE_EQ(acquisition.Evaluate({{1, 0.5, 0.4}}).value, 0.4);
  EXPECT_DOUBLE_EQ(acquisition.Evaluate({{-1, 0.5, 0.4}}).value,
                   0.4 - 10 * 0.75);
  for (const Beliefs& beliefs : kOne) {
    ExpectSlopesAreFiniteDifferences(acquisition, beliefs);
  }
}

TEST(AcquisitionTest, FeasibilityAddsTheLogarithmsOfTheProbabilities) {
  const Feasibility acquisition(std::make_unique<UpperConfidenceBound>(), 0.1,
                                {Requirement::kBound, Requirement::kSuccess});
  const Beliefs beliefs = {{0.3, 0.5, 0.4}, {0.7, 0.6, 0.5}, {-0.2, 0.8, 0.7}};
  EXPECT_NEAR(acquisition.Evaluate(beliefs).value,
              0.1 * (0.3 + 1.8 * 0.4) + std::log(NormalCdf(-0.7 / 0.6)) +
                  std::log(NormalCdf(-0.2 / std::sqrt(1.64))),
              1e-12);
  ExpectSlopesAreFiniteDifferences(acquisition, beliefs);
}

using Pair = HypervolumeImprovement::Pair;

// By how much the area grows, counted from scratch.
double Area(std::vector<Pair> points, const Pair& reference) {
  std::sort(points.rbegin(), points.rend());
  double area = 0, height = reference[1];
  for (const Pair& point : points) {
    if (point[0] <= reference[0] || point[1] <= height) continue;
    area += (point[0] - reference[0]) * (point[1] - height);
    height = point[1];
  }
  return area;
}

TEST(AcquisitionTest, HypervolumeImprovementIsTheMeanOfManyDraws) {
  const std::vector<Pair> seen = {
      {0, 1}, {1, 0}, {0.6, 0.7}, {0.2, 0.3}, {-3, 3}};
  const Pair reference = {-0.5, -0.4};
  const HypervolumeImprovement acquisition(seen, reference);
  const double before = Area(seen, reference);
  Random random(1);
  for (const Beliefs& beliefs :
       {kTwo[0], Beliefs{{0.9, 1, 0.3}, {0.8, 1, 0.2}}}) {
    double sum = 0, squares = 0;
    constexpr int kDraws = 100000;
    for (int i = 0; i < kDraws; ++i) {
      std::vector<Pair> more = seen;
      more.push_back(
          {beliefs[0].mean + beliefs[0].deviation_all * DrawNormal(random),
           beliefs[1].mean + beliefs[1].deviation_all * DrawNormal(random)});
      const double gain = Area(more, reference) - before;
      sum += gain, squares += gain * gain;
    }
    const double mean = sum / kDraws;
    const double error = std::sqrt((squares / kDraws - mean * mean) / kDraws);
    EXPECT_NEAR(std::exp(acquisition.Evaluate(beliefs).value), mean, 4 * error);
  }
}

TEST(AcquisitionTest, HypervolumeImprovementHasExactSlopes) {
  const std::vector<Pair> seen = {
      {0, 1}, {1, 0}, {0.6, 0.7}, {0.6 + 1e-9, 0.6}, {0.2, 0.3}};
  const HypervolumeImprovement acquisition(seen, {-0.5, -0.4});
  const HypervolumeImprovement empty({}, {0, 0});
  for (const Beliefs& beliefs : kTwo) {
    ExpectSlopesAreFiniteDifferences(acquisition, beliefs, 2e-6);
    ExpectSlopesAreFiniteDifferences(empty, beliefs, 2e-6);
  }
}

TEST(AcquisitionTest, HypervolumeImprovementStaysFiniteFarBelowTheFront) {
  const HypervolumeImprovement acquisition({{{0, 1}, {1, 0}}}, {-1, -1});
  const Score score =
      acquisition.Evaluate({{-100, 0.1, 0.1}, {-200, 0.1, 0.1}});
  EXPECT_TRUE(std::isfinite(score.value));
  EXPECT_GT(score.slopes[0].mean, 0);
  EXPECT_GT(score.slopes[1].mean, 0);
}

HypervolumeScalarization Scalarization(int objectives) {
  Eigen::MatrixXd seen = Eigen::MatrixXd::Random(5, objectives);
  return HypervolumeScalarization(
      seen, Eigen::VectorXd::Constant(objectives, -1.1), 3);
}

TEST(AcquisitionTest, HypervolumeScalarizationHasExactSlopes) {
  for (const Beliefs& beliefs : kTwo) {
    ExpectSlopesAreFiniteDifferences(Scalarization(2), beliefs, 1e-4);
  }
  ExpectSlopesAreFiniteDifferences(
      Scalarization(4),
      {{0.3, 1, 0.3}, {0.2, 1, 0.4}, {-0.2, 1, 0.3}, {0.6, 1, 0.1}}, 1e-4);
}

// A quarter of a disc of radius r has the area pi r^2 / 4: the mean over
// directions of s_w is that of the box below u, times a constant.
TEST(AcquisitionTest, HypervolumeScalarizationMeasuresTheVolumeOfTheBox) {
  const HypervolumeScalarization none(Eigen::MatrixXd(0, 2),
                                      Eigen::VectorXd::Zero(2), 3);
  const auto volume = [&](double a, double b) {
    return none.Evaluate({{a, 1, 1e-12}, {b, 1, 1e-12}}).value / (1 + 1e-3) *
           M_PI / 4;
  };
  EXPECT_NEAR(volume(1, 1), 1, 0.02);
  EXPECT_NEAR(volume(2, 0.5), 1, 0.02);
  EXPECT_NEAR(volume(3, 2), 6, 0.1);
}

}  // namespace
}  // namespace assay
