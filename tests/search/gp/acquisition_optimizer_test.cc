#include "search/gp/acquisition_optimizer.h"

#include <cmath>

#include "gtest/gtest.h"
#include "search/gp/acquisition/feasibility.h"
#include "search/gp/acquisition/log_expected_improvement.h"
#include "search/gp/acquisition/upper_confidence_bound.h"

namespace assay {
namespace {

using Eigen::MatrixXd;
using Eigen::VectorXd;

ParameterValue Text(const char* text) { return std::string(text); }

// A model of a hill over the points of a space, its top at `top` in each
// number; the first level of each categorical parameter adds 1.
GaussianProcess Hill(const CandidateSpace& space, double top, int points) {
  const Features features(space.space());
  Random random(5);
  MatrixXd x(points, features.size());
  VectorXd y = VectorXd::Zero(points);
  for (int i = 0; i < points; ++i) {
    const VectorXd point = space.Resolve(space.Draw(random));
    x.row(i) = features.Embed(absl::MakeConstSpan(point.data(), space.size()));
    for (int j = 0; j < space.size(); ++j) {
      if (std::isnan(point[j])) continue;
      y[i] += space.IsCategorical(j) ? (point[j] < 0.3 ? 1 : 0)
                                     : -4 * std::pow(point[j] - top, 2);
    }
  }
  Hyperparameters hyperparameters = Hyperparameters::Default(features);
  hyperparameters.noise_variance = 1e-4;
  return GaussianProcess(features, hyperparameters, x, y);
}

struct Case {
  SearchSpace space;
  CandidateSpace candidates;
  GaussianProcess model;
  TrustRegion region;
  absl::flat_hash_set<uint64_t> taken;
  std::vector<VectorXd> best;

  Case(SearchSpace of, double top, int points)
      : space(std::move(of)),
        candidates(space),
        model(Hill(candidates, top, points)),
        region(candidates) {}

  std::optional<AcquisitionOptimizer::Found> Maximize(
      const Acquisition& acquisition, uint64_t seed = 1) {
    const AcquisitionSurface surface({&model}, acquisition);
    Random random(seed);
    return AcquisitionOptimizer(candidates)
        .Maximize({surface, region, best, taken}, random);
  }
};

SearchSpace Numbers(int count) {
  std::vector<Parameter> parameters;
  for (int i = 0; i < count; ++i) {
    parameters.push_back(
        {std::string(1, char('a' + i)), DoubleDomain{}, {}, {}});
  }
  return *SearchSpace::Create(parameters);
}

SearchSpace Mixed(std::vector<std::string> constraints = {}) {
  return *SearchSpace::Create(
      {{"x", DoubleDomain{}, {}, {}},
       {"k", IntegerDomain{.min = 1, .max = 10}, {}, {}},
       {"n", IntegerDomain{.min = 1, .max = 100000}, {}, {}},
       {"c", CategoricalDomain{{Text("a"), Text("b"), Text("c")}}, {}, {}},
       {"y", DoubleDomain{}, {}, Condition{"c", {Text("a"), Text("b")}}}},
      std::move(constraints));
}

TEST(AcquisitionOptimizerTest, FindsTheTopOfASmoothFunction) {
  Case of(Numbers(4), 0.3, 80);
  const auto found = of.Maximize(UpperConfidenceBound(0));
  ASSERT_TRUE(found.has_value());
  for (const double u : found->point) EXPECT_NEAR(u, 0.3, 0.03);
}

TEST(AcquisitionOptimizerTest, FindsTheTopOfAMixedConditionalSpace) {
  Case of(Mixed(), 0.65, 150);
  const auto found = of.Maximize(UpperConfidenceBound(0));
  ASSERT_TRUE(found.has_value());
  EXPECT_NEAR(found->point[0], 0.65, 0.05);
  EXPECT_NEAR(found->point[1], 0.65, 1e-9);  // The seventh of ten.
  EXPECT_NEAR(found->point[2], 0.65, 0.05);
  EXPECT_NEAR(found->point[3], 1.0 / 6, 1e-9);
  EXPECT_NEAR(found->point[4], 0.65, 0.05);
}

TEST(AcquisitionOptimizerTest, KeepsToTheConstraints) {
  Case of(Mixed({"x + k <= 5"}), 0.65, 100);
  const auto found = of.Maximize(UpperConfidenceBound(0));
  ASSERT_TRUE(found.has_value());
  EXPECT_TRUE(of.candidates.Satisfies(found->point));
}

TEST(AcquisitionOptimizerTest, KeepsToTheTrustRegion) {
  Case of(Numbers(3), 0.8, 60);
  of.region.AddBox(VectorXd::Constant(3, 0.2), 0.2);
  const auto found = of.Maximize(UpperConfidenceBound(0));
  ASSERT_TRUE(found.has_value());
  EXPECT_TRUE(of.region.Contains(found->point));
  for (const double u : found->point) EXPECT_NEAR(u, 0.4, 1e-6);
}

TEST(AcquisitionOptimizerTest, NamesEachPointOfASmallSpaceOnceThenNone) {
  Case of(
      *SearchSpace::Create({{"a", IntegerDomain{.min = 1, .max = 3}, {}, {}},
                            {"b", IntegerDomain{.min = 1, .max = 4}, {}, {}}}),
      0.5, 5);
  for (int i = 0; i < 12; ++i) {
    const auto found = of.Maximize(LogExpectedImprovement(0));
    ASSERT_TRUE(found.has_value()) << i;
    EXPECT_TRUE(of.taken.insert(of.candidates.Key(found->point)).second);
  }
  EXPECT_FALSE(of.Maximize(LogExpectedImprovement(0)).has_value());
}

TEST(AcquisitionOptimizerTest, NeverNamesATakenPointOfALargeDiscreteSpace) {
  std::vector<Parameter> parameters;
  for (int i = 0; i < 6; ++i) {
    parameters.push_back({std::string(1, char('a' + i)),
                          IntegerDomain{.min = 1, .max = 7},
                          {},
                          {}});
  }
  Case of(*SearchSpace::Create(parameters), 0.5, 40);
  std::vector<double> values;
  for (int i = 0; i < 8; ++i) {
    const auto found = of.Maximize(UpperConfidenceBound(0));
    ASSERT_TRUE(found.has_value());
    of.best = {found->point};  // Starts from a taken one.
    values.push_back(found->value);
    EXPECT_TRUE(of.taken.insert(of.candidates.Key(found->point)).second);
  }
  for (size_t i = 1; i < values.size(); ++i) EXPECT_LE(values[i], values[0]);
}

TEST(AcquisitionOptimizerTest, SameRandomNumbersSamePoint) {
  Case of(Mixed(), 0.4, 120);
  const LogExpectedImprovement acquisition(1);
  const auto a = of.Maximize(acquisition, 3), b = of.Maximize(acquisition, 3);
  EXPECT_EQ(of.candidates.Key(a->point), of.candidates.Key(b->point));
  EXPECT_EQ(a->value, b->value);
}

SearchSpace MixedWithPriors() {
  SearchSpace space = Mixed();
  std::vector<Parameter> parameters(space.parameters().begin(),
                                    space.parameters().end());
  parameters[0].prior = NormalPrior{.mean = 0.3, .deviation = 0.2};
  parameters[4].prior = NormalPrior{.mean = 0.6};
  return *SearchSpace::Create(std::move(parameters));
}

void ExpectGradientsAreFiniteDifferences(const AcquisitionSurface& surface,
                                         const CandidateSpace& space) {
  Random random(2);
  MatrixXd points(10, 5);
  for (int i = 0; i < 10; ++i) {
    points.row(i) = space.Resolve(space.Draw(random));
  }
  const auto scores = surface.ValuesAndGradients(points);
  EXPECT_TRUE(scores.values.isApprox(surface.Values(points), 1e-12));
  for (const int j : {0, 2, 4}) {
    constexpr double kStep = 1e-5;
    MatrixXd up = points, down = points;
    up.col(j).array() += kStep, down.col(j).array() -= kStep;
    const VectorXd slope =
        (surface.Values(up) - surface.Values(down)) / (2 * kStep);
    for (int i = 0; i < 10; ++i) {
      EXPECT_NEAR(scores.gradients(j, i), slope[i],
                  1e-6 * (1 + std::fabs(slope[i])));
    }
  }
}

// Of the acquisitions, through the models, by the coordinates of the cube.
TEST(AcquisitionSurfaceTest, GradientsAreFiniteDifferences) {
  Case of(Mixed(), 0.4, 60);
  GaussianProcess bound = Hill(of.candidates, 0.9, 30);
  const VectorXd pending = of.model.x().row(3).transpose() * 0.9;
  of.model.AppendPending(pending.transpose());
  const Feasibility acquisition(std::make_unique<LogExpectedImprovement>(0.5),
                                1, {Requirement::kBound});
  ExpectGradientsAreFiniteDifferences(
      AcquisitionSurface({&of.model, &bound}, acquisition), of.candidates);
}

TEST(AcquisitionSurfaceTest, GradientsWithPriorsAreFiniteDifferences) {
  Case of(MixedWithPriors(), 0.4, 60);
  const SpacePrior prior(of.space);
  const LogExpectedImprovement acquisition(0.5);
  ExpectGradientsAreFiniteDifferences(
      AcquisitionSurface({&of.model}, acquisition, PriorPull{prior, 0.7}),
      of.candidates);
}

TEST(AcquisitionSurfaceTest, APullAddsTheLogarithmOfThePriors) {
  Case of(MixedWithPriors(), 0.4, 60);
  const SpacePrior prior(of.space);
  const LogExpectedImprovement acquisition(0.5);
  const AcquisitionSurface alone({&of.model}, acquisition);
  const AcquisitionSurface pulled({&of.model}, acquisition,
                                  PriorPull{prior, 0.7});
  Random random(3);
  const VectorXd point = of.candidates.Resolve(of.candidates.Draw(random));
  const MatrixXd row = point.transpose();
  const double added = 0.7 * prior.LogDensity({point.data(), 5});
  EXPECT_NEAR(pulled.Values(row)[0] - alone.Values(row)[0], added, 1e-12);
  EXPECT_NEAR(pulled.Bounds(row)[0] - alone.Bounds(row)[0], added, 1e-12);
}

TEST(AcquisitionSurfaceTest, BoundsAreAboveTheValues) {
  Case of(Mixed(), 0.4, 60);
  Random random(2);
  MatrixXd points(50, 5);
  for (int i = 0; i < 50; ++i) {
    points.row(i) = of.candidates.Resolve(of.candidates.Draw(random));
  }
  const UpperConfidenceBound bound;
  const LogExpectedImprovement improvement(0.5);
  for (const Acquisition* acquisition :
       {static_cast<const Acquisition*>(&bound),
        static_cast<const Acquisition*>(&improvement)}) {
    const AcquisitionSurface surface({&of.model}, *acquisition);
    EXPECT_GE((surface.Bounds(points) - surface.Values(points)).minCoeff(),
              -1e-12);
  }
}

}  // namespace
}  // namespace assay
