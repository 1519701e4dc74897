#include "search/insight/sobol_indices.h"

#include <cmath>
#include <numbers>

#include "gtest/gtest.h"
#include "tests/search/insight/studies.h"

namespace assay {
namespace {

bool Always() { return true; }

Eigen::MatrixXd AtIshigami(const Eigen::MatrixXd& points) {
  const Eigen::MatrixXd x = (2 * points.array() - 1) * std::numbers::pi;
  Eigen::MatrixXd values(x.rows(), 1);
  for (Eigen::Index i = 0; i < x.rows(); ++i) {
    values(i, 0) = Ishigami(x(i, 0), x(i, 1), x(i, 2));
  }
  return values;
}

TEST(SobolIndicesTest, IshigamiHasItsKnownIndices) {
  const auto indices = EstimateSobolIndices(3, 4096, 1, AtIshigami, Always);
  ASSERT_TRUE(indices.ok());
  const Eigen::Vector3d first(0.3139, 0.4424, 0), total(0.5576, 0.4424, 0.2437);
  EXPECT_LT((indices->first_order - first).cwiseAbs().maxCoeff(), 0.01);
  EXPECT_LT((indices->total - total).cwiseAbs().maxCoeff(), 0.01);
}

TEST(SobolIndicesTest, OfALinearFunctionAreItsSquaredSlopes) {
  const auto linear = [](const Eigen::MatrixXd& points) -> Eigen::MatrixXd {
    return points * Eigen::Vector3d(1, 2, 0) +
           Eigen::VectorXd::Constant(points.rows(), 1000);
  };
  const auto indices = EstimateSobolIndices(3, 1024, 2, linear, Always);
  ASSERT_TRUE(indices.ok());
  const Eigen::Vector3d expected(0.2, 0.8, 0);
  EXPECT_LT((indices->first_order - expected).cwiseAbs().maxCoeff(), 0.01);
  EXPECT_LT((indices->total - expected).cwiseAbs().maxCoeff(), 0.01);
}

TEST(SobolIndicesTest, EachFunctionHasItsOwn) {
  const auto two = [](const Eigen::MatrixXd& points) -> Eigen::MatrixXd {
    return points;
  };
  const auto indices = EstimateSobolIndices(2, 512, 3, two, Always);
  ASSERT_TRUE(indices.ok());
  EXPECT_LT((indices->total - Eigen::Matrix2d::Identity()).norm(), 0.05);
}

TEST(SobolIndicesTest, AConstantHasNone) {
  const auto constant = [](const Eigen::MatrixXd& points) -> Eigen::MatrixXd {
    return Eigen::MatrixXd::Constant(points.rows(), 1, 5);
  };
  const auto indices = EstimateSobolIndices(2, 128, 4, constant, Always);
  ASSERT_TRUE(indices.ok());
  EXPECT_TRUE(indices->total.array().isNaN().all());
}

TEST(SobolIndicesTest, EndsOnceNobodyWaits) {
  int evaluations = 0;
  const auto counted = [&](const Eigen::MatrixXd& points) {
    ++evaluations;
    return AtIshigami(points);
  };
  const auto indices =
      EstimateSobolIndices(3, 128, 5, counted, [] { return false; });
  EXPECT_TRUE(absl::IsCancelled(indices.status()));
  EXPECT_EQ(evaluations, 2);
}

}  // namespace
}  // namespace assay
