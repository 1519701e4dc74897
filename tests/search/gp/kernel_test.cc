#include "search/gp/kernel.h"

#include <cmath>

#include <Eigen/Eigenvalues>

#include "gtest/gtest.h"
#include "tests/search/gp/mixed_space.h"

namespace assay {
namespace {

Hyperparameters Mixed(const Features& features) {
  Hyperparameters mixed = Hyperparameters::Default(features);
  mixed.inverse_squared_lengthscales.setLinSpaced(0.5, 3);
  mixed.gaps.setLinSpaced(0.1, 0.9);
  mixed.signal_variance = 1.7;
  return mixed;
}

double Matern(double variance, double r2) {
  const double a = std::sqrt(5 * r2);
  return variance * (1 + a + a * a / 3) * std::exp(-a);
}

// Squared distance by the definition, from points that Encode() gave.
double Distance(const SearchSpace& space, const Hyperparameters& h,
                const Eigen::VectorXd& a, const Eigen::VectorXd& b) {
  double sum = 0;
  int gap = 0;
  for (int j = 0; j < space.encoded_size(); ++j) {
    const Parameter& parameter = space.parameters()[j];
    const bool in_a = !std::isnan(a[j]), in_b = !std::isnan(b[j]);
    double d = 0;
    if (std::holds_alternative<CategoricalDomain>(parameter.domain)) {
      d = in_a != in_b || (in_a && a[j] != b[j]);
    } else if (in_a && in_b) {
      d = (a[j] - b[j]) * (a[j] - b[j]);
    } else if (in_a || in_b) {
      d = std::pow((in_a ? a[j] : b[j]) - 0.5, 2) + h.gaps[gap];
    }
    const bool number =
        !std::holds_alternative<CategoricalDomain>(parameter.domain);
    gap += number && parameter.when.has_value();
    sum += h.inverse_squared_lengthscales[j] * d;
  }
  return sum;
}

TEST(KernelTest, MaternOfTheConditionalDistance) {
  const SearchSpace space = MixedSpace();
  const Features features(space);
  const Hyperparameters h = Mixed(features);
  Random random(1);
  const Eigen::MatrixXd points = RandomPoints(space, 40, random);
  const Eigen::MatrixXd x = features.EmbedRows(points);
  const Eigen::MatrixXd k = Kernel(features, h).Cross(x, x);
  for (int i = 0; i < 40; ++i) {
    for (int j = 0; j < 40; ++j) {
      const double r2 = Distance(space, h, points.row(i), points.row(j));
      EXPECT_NEAR(k(i, j), Matern(1.7, r2), 1e-14);
    }
  }
}

TEST(KernelTest, IsRightFromNearToFar) {
  const Features features = Features::Continuous(1);
  const Kernel kernel(features, Hyperparameters::Default(features));
  for (double x = 1e-9; x < 400; x *= 1.37) {
    const Eigen::MatrixXd zero = Eigen::MatrixXd::Zero(1, 1);
    const Eigen::MatrixXd there = Eigen::MatrixXd::Constant(1, 1, x);
    const double expected = Matern(1, x * x);
    EXPECT_NEAR(kernel.Cross(zero, there)(0, 0) / expected, 1, 2e-13) << x;
  }
}

TEST(KernelTest, FadesToNothingAndStaysANumber) {
  const Features features = Features::Continuous(1);
  const Kernel kernel(features, Hyperparameters::Default(features));
  const Eigen::MatrixXd zero = Eigen::MatrixXd::Zero(1, 1);
  const Eigen::MatrixXd far = Eigen::MatrixXd::Constant(1, 1, 1e9);
  EXPECT_NEAR(kernel.Cross(zero, far)(0, 0), 0, 1e-280);
}

TEST(KernelTest, ConditionalKernelIsPositiveSemidefinite) {
  const SearchSpace space = MixedSpace();
  const Features features(space);
  Random random(2);
  for (int repeat = 0; repeat < 10; ++repeat) {
    const Eigen::VectorXd log =
        4 * RandomMatrix(Hyperparameters::Size(features), 1, random).array() -
        2;
    const Eigen::MatrixXd x =
        features.EmbedRows(RandomPoints(space, 60, random));
    const Kernel kernel(features, Hyperparameters::FromLog(features, log));
    const Eigen::MatrixXd k = kernel.Cross(x, x);
    const Eigen::VectorXd values =
        Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>(k).eigenvalues();
    EXPECT_GT(values.minCoeff(), -1e-12 * values.maxCoeff());
  }
}

TEST(KernelTest, LowerTriangleIsThatOfCross) {
  const SearchSpace space = MixedSpace();
  const Features features(space);
  Random random(3);
  const Eigen::MatrixXd x = features.EmbedRows(RandomPoints(space, 37, random));
  const Kernel kernel(features, Mixed(features));
  Eigen::MatrixXd value, slope;
  kernel.Lower(x, value, slope);
  const Kernel::Slopes all = kernel.CrossSlopes(x, x);
  const auto difference = [](const Eigen::MatrixXd& a,
                             const Eigen::MatrixXd& b) {
    return Eigen::MatrixXd((a - b).triangularView<Eigen::Lower>())
        .cwiseAbs()
        .maxCoeff();
  };
  EXPECT_LT(difference(value, all.value), 1e-14);
  EXPECT_LT(difference(slope, all.slope), 1e-14);
}

TEST(KernelTest, GradientIsThatOfFiniteDifferences) {
  const SearchSpace space = MixedSpace();
  const Features features(space);
  Random random(4);
  const Eigen::MatrixXd x = features.EmbedRows(RandomPoints(space, 20, random));
  const Eigen::VectorXd factors = RandomMatrix(20, 1, random);
  const Kernel kernel(features, Mixed(features));
  const Eigen::MatrixXd z = features.EmbedRows(RandomPoints(space, 1, random));
  const Eigen::VectorXd s =
      kernel.CrossSlopes(x, z).slope.col(0).cwiseProduct(factors);
  const Eigen::VectorXd gradient = kernel.Gradient(x, z.row(0), s);
  for (int c = 0; c < features.size(); ++c) {
    if (features.columns()[c].kind == Features::Kind::kHamming) {
      EXPECT_EQ(gradient[c], 0);
      continue;
    }
    Eigen::MatrixXd up = z, down = z;
    up(0, c) += 1e-5;
    down(0, c) -= 1e-5;
    const double slope = (factors.dot(kernel.Cross(x, up).col(0)) -
                          factors.dot(kernel.Cross(x, down).col(0))) /
                         2e-5;
    EXPECT_NEAR(gradient[c], slope, 1e-7 * (1 + std::abs(slope)));
  }
}

}  // namespace
}  // namespace assay
