#pragma once

#include <cmath>
#include <functional>

#include <Eigen/Core>

#include "gtest/gtest.h"
#include "search/gp/gaussian_process.h"

namespace assay {

inline double Difference(const Eigen::MatrixXd& a, const Eigen::MatrixXd& b) {
  return (a - b).cwiseAbs().maxCoeff();
}

inline void ExpectSame(const Posterior& a, const Posterior& b,
                       double tolerance) {
  EXPECT_LT(Difference(a.mean, b.mean), tolerance);
  EXPECT_LT(Difference(a.variance, b.variance), tolerance);
  EXPECT_LT(Difference(a.variance_all, b.variance_all), tolerance);
}

// `gradient` is that of f(z).part, by central differences in each column of the
// one row `z` that is not Hamming. `slack`: of the gradient's length, for
// columns in which it is small beside.
inline void ExpectGradients(const GaussianProcess& process,
                            const Eigen::MatrixXd& z,
                            const std::function<double(const Posterior&)>& part,
                            const Eigen::VectorXd& gradient,
                            double slack = 1e-3) {
  for (int c = 0; c < z.cols(); ++c) {
    if (process.features().columns()[c].kind == Features::Kind::kHamming) {
      EXPECT_EQ(gradient[c], 0);
      continue;
    }
    const auto slope = [&](double h) {
      Eigen::MatrixXd up = z, down = z;
      up(0, c) += h;
      down(0, c) -= h;
      return (part(process.Predict(up)) - part(process.Predict(down))) /
             (2 * h);
    };
    const double expected = (4 * slope(5e-4) - slope(1e-3)) / 3;
    EXPECT_NEAR(gradient[c], expected,
                1e-6 * (std::abs(expected) + slack * gradient.norm()));
  }
}

}  // namespace assay
