#include "search/gp/acquisition_surface.h"

#include <cmath>
#include <utility>

namespace assay {
namespace {

Belief BeliefAt(const Posterior& posterior, Eigen::Index i) {
  return {posterior.mean(i), std::sqrt(posterior.variance(i)),
          std::sqrt(posterior.variance_all(i))};
}

}  // namespace

AcquisitionSurface::AcquisitionSurface(
    std::vector<const GaussianProcess*> models, const Acquisition& acquisition,
    std::optional<PriorPull> pull)
    : models_(std::move(models)), acquisition_(acquisition), pull_(pull) {}

double AcquisitionSurface::Pull(const Eigen::VectorXd& point) const {
  if (!pull_) return 0;
  return pull_->weight * pull_->prior.LogDensity(
                             {point.data(), static_cast<size_t>(point.size())});
}

Eigen::VectorXd AcquisitionSurface::PullGradient(
    const Eigen::VectorXd& point) const {
  Eigen::VectorXd gradient = Eigen::VectorXd::Zero(point.size());
  for (int i = 0; pull_ && i < point.size(); ++i) {
    gradient[i] = pull_->weight * pull_->prior.LogSlope(i, point[i]);
  }
  return gradient;
}

Eigen::VectorXd AcquisitionSurface::Values(
    const Eigen::MatrixXd& points) const {
  const Eigen::MatrixXd rows = features().EmbedRows(points);
  std::vector<Posterior> posteriors;
  for (const GaussianProcess* model : models_) {
    posteriors.push_back(model->Predict(rows));
  }
  Eigen::VectorXd values(points.rows());
  std::vector<Belief> beliefs(models_.size());
  for (Eigen::Index i = 0; i < points.rows(); ++i) {
    for (size_t k = 0; k < beliefs.size(); ++k) {
      beliefs[k] = BeliefAt(posteriors[k], i);
    }
    values(i) = acquisition_.Evaluate(beliefs).value + Pull(points.row(i));
  }
  return values;
}

Eigen::VectorXd AcquisitionSurface::Bounds(
    const Eigen::MatrixXd& points) const {
  const Eigen::MatrixXd rows = features().EmbedRows(points);
  std::vector<Eigen::VectorXd> means, variances;
  for (const GaussianProcess* model : models_) {
    means.push_back(model->Mean(rows));
    variances.push_back(model->VarianceBound(rows));
  }
  Eigen::VectorXd values(points.rows());
  std::vector<Belief> beliefs(models_.size());
  for (Eigen::Index i = 0; i < points.rows(); ++i) {
    for (size_t k = 0; k < beliefs.size(); ++k) {
      const double deviation = std::sqrt(variances[k](i));
      beliefs[k] = {means[k](i), deviation, deviation};
    }
    values(i) = acquisition_.Evaluate(beliefs).value + Pull(points.row(i));
  }
  return values;
}

// d deviation = d variance / (2 deviation).
AcquisitionSurface::Gradients AcquisitionSurface::ValuesAndGradients(
    const Eigen::MatrixXd& points) const {
  const Eigen::MatrixXd rows = features().EmbedRows(points);
  std::vector<PosteriorWithGradients> posteriors;
  for (const GaussianProcess* model : models_) {
    posteriors.push_back(model->PredictWithGradients(rows));
  }
  Gradients result{Eigen::VectorXd(points.rows()),
                   Eigen::MatrixXd(points.cols(), points.rows())};
  std::vector<Belief> beliefs(models_.size());
  for (Eigen::Index i = 0; i < points.rows(); ++i) {
    for (size_t k = 0; k < beliefs.size(); ++k) {
      beliefs[k] = BeliefAt(posteriors[k], i);
    }
    const Score score = acquisition_.Evaluate(beliefs);
    Eigen::VectorXd by_column = Eigen::VectorXd::Zero(rows.cols());
    for (size_t k = 0; k < beliefs.size(); ++k) {
      const Belief& slope = score.slopes[k];
      const PosteriorWithGradients& model = posteriors[k];
      by_column += slope.mean * model.mean_gradient.col(i) +
                   slope.deviation / (2 * beliefs[k].deviation) *
                       model.variance_gradient.col(i) +
                   slope.deviation_all / (2 * beliefs[k].deviation_all) *
                       model.variance_all_gradient.col(i);
    }
    result.values(i) = score.value + Pull(points.row(i));
    result.gradients.col(i) = features().PointGradient(rows.row(i), by_column) +
                              PullGradient(points.row(i));
  }
  return result;
}

}  // namespace assay
