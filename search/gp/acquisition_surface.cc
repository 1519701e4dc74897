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
    std::vector<const GaussianProcess*> models, const Acquisition& acquisition)
    : models_(std::move(models)), acquisition_(acquisition) {}

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
    values(i) = acquisition_.Evaluate(beliefs).value;
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
    values(i) = acquisition_.Evaluate(beliefs).value;
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
    result.values(i) = score.value;
    result.gradients.col(i) = features().PointGradient(rows.row(i), by_column);
  }
  return result;
}

}  // namespace assay
