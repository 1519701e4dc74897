#include "search/gp/transfer_mean.h"

#include <utility>

namespace assay {

TransferMean::TransferMean(std::vector<const GaussianProcess*> sources,
                           Eigen::VectorXd weights)
    : sources_(std::move(sources)), weights_(std::move(weights)) {}

Eigen::MatrixXd TransferMean::Basis(
    const std::vector<const GaussianProcess*>& sources, const Kernel::Rows& z) {
  const auto count = static_cast<Eigen::Index>(sources.size());
  Eigen::MatrixXd basis = Eigen::MatrixXd::Ones(z.rows(), count + 1);
  for (Eigen::Index s = 0; s < count; ++s) {
    basis.col(s + 1) = sources[s]->Mean(z);
  }
  return basis;
}

Eigen::VectorXd TransferMean::Values(const Kernel::Rows& z) const {
  return Basis(sources_, z) * weights_;
}

Eigen::MatrixXd TransferMean::Gradients(const Kernel::Rows& z) const {
  Eigen::MatrixXd gradients = Eigen::MatrixXd::Zero(z.cols(), z.rows());
  for (size_t s = 0; s < sources_.size(); ++s) {
    gradients += weights_[static_cast<Eigen::Index>(s) + 1] *
                 sources_[s]->MeanGradients(z);
  }
  return gradients;
}

}  // namespace assay
