#include "search/gp/derivative_kernel.h"

#include <cmath>
#include <functional>

#include <Eigen/Eigenvalues>

#include "gtest/gtest.h"
#include "tests/search/gp/random_derivatives.h"

namespace assay {
namespace {

struct Data {
  Features features;
  Hyperparameters hyperparameters;
  Eigen::MatrixXd x, v, z;
};

Data MixedData(int m, int n, Random& random) {
  const SearchSpace space = MixedSpace();
  Data data{.features = Features(space)};
  data.hyperparameters = Hyperparameters::Default(data.features);
  data.hyperparameters.inverse_squared_lengthscales.setLinSpaced(0.5, 3);
  data.hyperparameters.gaps.setLinSpaced(0.1, 0.9);
  data.hyperparameters.signal_variance = 1.7;
  const Eigen::MatrixXd points = RandomPoints(space, m, random);
  data.x = data.features.EmbedRows(points);
  data.v = RandomDirections(data.features, points, random);
  data.z = data.features.EmbedRows(RandomPoints(space, n, random));
  return data;
}

// Central differences, extrapolated: the error is of order h^4.
template <typename Function>
double Slope(Function f, double h = 1e-3) {
  const auto slope = [&](double step) {
    return (f(step) - f(-step)) / (2 * step);
  };
  return (4 * slope(h / 2) - slope(h)) / 3;
}

TEST(DerivativeKernelTest, CovarianceWithValuesIsThatOfFiniteDifferences) {
  Random random(1);
  const Data data = MixedData(12, 9, random);
  const Kernel kernel(data.features, data.hyperparameters);
  const Eigen::MatrixXd cross = DerivativeCross(kernel, data.x, data.v, data.z);
  for (int i = 0; i < 12; ++i) {
    for (int j = 0; j < 9; ++j) {
      const double expected = Slope([&](double h) {
        const Eigen::MatrixXd moved = data.x.row(i) + h * data.v.row(i);
        return kernel.Cross(moved, data.z.row(j))(0, 0);
      });
      EXPECT_NEAR(cross(i, j), expected, 1e-9);
    }
  }
}

TEST(DerivativeKernelTest, CovarianceOfDerivativesIsThatOfFiniteDifferences) {
  Random random(2);
  const Data data = MixedData(12, 1, random);
  const Kernel kernel(data.features, data.hyperparameters);
  const Eigen::MatrixXd covariance =
      DerivativeCovariance(kernel, data.x, data.v);
  for (int i = 0; i < 12; ++i) {
    for (int j = 0; j < 12; ++j) {
      if (data.x.row(i) == data.x.row(j)) continue;
      const double expected = Slope([&](double h) {
        const Eigen::MatrixXd moved = data.x.row(j) + h * data.v.row(j);
        return DerivativeCross(kernel, data.x.row(i), data.v.row(i), moved)(0,
                                                                            0);
      });
      EXPECT_NEAR(covariance(i, j), expected, 1e-8);
    }
  }
  EXPECT_LT((covariance.diagonal() - DerivativeVariances(kernel, data.v))
                .cwiseAbs()
                .maxCoeff(),
            1e-13);
}

TEST(DerivativeKernelTest, VarianceIsTheLimitOfDifferences) {
  Random random(3);
  const Data data = MixedData(6, 1, random);
  const Kernel kernel(data.features, data.hyperparameters);
  const Eigen::VectorXd variances = DerivativeVariances(kernel, data.v);
  for (int i = 0; i < 6; ++i) {
    const double h = 1e-4;
    const Eigen::MatrixXd moved = data.x.row(i) + h * data.v.row(i);
    const double difference =
        2 * (kernel.variance() - kernel.Cross(data.x.row(i), moved)(0, 0));
    EXPECT_NEAR(variances[i], difference / (h * h), 1e-3 * variances[i]);
  }
}

TEST(DerivativeKernelTest,
     ValuesAndDerivativesTogetherArePositiveSemidefinite) {
  Random random(4);
  const Data data = MixedData(40, 1, random);
  const Kernel kernel(data.features, data.hyperparameters);
  Eigen::MatrixXd all(80, 80);
  all.topLeftCorner(40, 40) = kernel.Cross(data.x, data.x);
  all.bottomLeftCorner(40, 40) =
      DerivativeCross(kernel, data.x, data.v, data.x);
  all.topRightCorner(40, 40) = all.bottomLeftCorner(40, 40).transpose();
  all.bottomRightCorner(40, 40) = DerivativeCovariance(kernel, data.x, data.v);
  const Eigen::VectorXd values =
      Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>(all).eigenvalues();
  EXPECT_GT(values.minCoeff(), -1e-12 * values.maxCoeff());
}

TEST(DerivativeKernelTest, SlopesGiveTheGradientByTheOtherPoint) {
  Random random(5);
  const Data data = MixedData(15, 1, random);
  const Kernel kernel(data.features, data.hyperparameters);
  const Eigen::VectorXd factors = RandomMatrix(15, 1, random);
  const DerivativeSlopes slopes =
      DerivativeCrossSlopes(kernel, data.x, data.v, data.z);
  EXPECT_LT((slopes.value - DerivativeCross(kernel, data.x, data.v, data.z))
                .cwiseAbs()
                .maxCoeff(),
            1e-14);
  const Eigen::VectorXd turned = factors.cwiseProduct(slopes.turn.col(0));
  const Eigen::VectorXd gradient =
      kernel.Gradient(data.x, data.z.row(0),
                      factors.cwiseProduct(slopes.slope.col(0))) +
      kernel.weights().cwiseProduct(data.v.transpose() * turned);
  for (int c = 0; c < data.features.size(); ++c) {
    if (kernel.IsHamming(c)) continue;
    const double expected = Slope([&](double h) {
      Eigen::MatrixXd moved = data.z;
      moved(0, c) += h;
      return factors.dot(DerivativeCross(kernel, data.x, data.v, moved).col(0));
    });
    EXPECT_NEAR(gradient[c], expected, 1e-8 * (1 + std::abs(expected)));
  }
}

// By log weight of a column: a kernel of one column more or less wide.
double ByLogWeight(const Data& data, int parameter,
                   const std::function<double(const Kernel&)>& sum) {
  return Slope([&](double h) {
    Hyperparameters moved = data.hyperparameters;
    moved.inverse_squared_lengthscales[parameter] *= std::exp(h);
    return sum(Kernel(data.features, moved));
  });
}

TEST(DerivativeKernelTest, SumsByLogWeightAreThoseOfFiniteDifferences) {
  Random random(6);
  const Data data = MixedData(14, 9, random);
  const Kernel kernel(data.features, data.hyperparameters);
  const Eigen::MatrixXd s = RandomMatrix(14, 9, random);
  const Eigen::MatrixXd half = RandomMatrix(14, 14, random);
  const Eigen::MatrixXd symmetric = half + half.transpose();
  const Eigen::VectorXd cross =
      DerivativeCrossByLogWeights(kernel, data.x, data.v, data.z, s);
  const Eigen::VectorXd own =
      DerivativeCovarianceByLogWeights(kernel, data.x, data.v, symmetric);
  for (int j = 0; j < data.features.parameters(); ++j) {
    double of_cross = 0, of_own = 0;
    for (int c = 0; c < data.features.size(); ++c) {
      if (data.features.columns()[c].parameter != j) continue;
      of_cross += cross[c], of_own += own[c];
    }
    const double expected_cross = ByLogWeight(data, j, [&](const Kernel& k) {
      return s.cwiseProduct(DerivativeCross(k, data.x, data.v, data.z)).sum();
    });
    const double expected_own = ByLogWeight(data, j, [&](const Kernel& k) {
      return symmetric.cwiseProduct(DerivativeCovariance(k, data.x, data.v))
          .sum();
    });
    EXPECT_NEAR(of_cross, expected_cross,
                1e-8 * (1 + std::abs(expected_cross)));
    EXPECT_NEAR(of_own, expected_own, 1e-8 * (1 + std::abs(expected_own)));
  }
}

}  // namespace
}  // namespace assay
