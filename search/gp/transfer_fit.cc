#include "search/gp/transfer_fit.h"

#include <utility>

#include "search/gp/kernel.h"
#include "search/gp/linalg.h"

namespace assay {
namespace {

struct WeightPrior {
  Eigen::VectorXd mean;       // b
  Eigen::VectorXd variances;  // The diagonal of L.
};

WeightPrior MakePrior(Eigen::Index weights, double scale) {
  const double sources = static_cast<double>(weights) - 1;
  WeightPrior prior{
      Eigen::VectorXd::Constant(weights, scale / sources),
      Eigen::VectorXd::Constant(weights, scale * scale / (4 * sources))};
  prior.mean[0] = 0, prior.variances[0] = 1;
  return prior;
}

// Noise of 1e-6 and more: it can be factorized, but for a mad basis.
Eigen::VectorXd Solve(Eigen::MatrixXd matrix, Eigen::VectorXd x) {
  const Eigen::VectorXd diagonal = matrix.diagonal();
  for (double jitter = 0; jitter < 1; jitter = 10 * jitter + 1e-10) {
    Eigen::MatrixXd factor = matrix;
    factor.diagonal() += jitter * diagonal;
    if (!FactorizeCholesky(factor)) continue;
    SolveLower(factor, x);
    SolveLowerTransposed(factor, x);
    return x;
  }
  return Eigen::VectorXd::Zero(x.size());
}

}  // namespace

TransferFit FitTransfer(const Features& features, const Eigen::MatrixXd& x,
                        const Eigen::MatrixXd& basis, const Eigen::VectorXd& y,
                        const Eigen::VectorXd& noise_multipliers, double scale,
                        MapFitOptions options, Random& random) {
  const WeightPrior prior = MakePrior(basis.cols(), scale);
  const Eigen::VectorXd residual = y - basis * prior.mean;
  options.covariance = basis * prior.variances.asDiagonal() * basis.transpose();
  TransferFit fit;
  fit.map = FitMap(features, x, residual, noise_multipliers, options, random);
  const Hyperparameters& fitted = fit.map.hyperparameters;
  Eigen::MatrixXd matrix, slope;
  Kernel(features, fitted).Lower(x, matrix, slope);
  matrix.diagonal() += fitted.noise_variance * noise_multipliers;
  matrix += options.covariance;
  fit.weights = prior.mean + prior.variances.asDiagonal() *
                                 (basis.transpose() * Solve(matrix, residual));
  return fit;
}

}  // namespace assay
