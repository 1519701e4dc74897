#pragma once

#include <memory>
#include <vector>

#include <Eigen/Core>

#include "search/gp/gaussian_process.h"
#include "search/gp/mean_function.h"

namespace assay {

// weight_0 + sum over sources of weight_s mean_s(x): what other studies' models
// expect, with weights that were learned (search/gp/transfer_fit.h).
class TransferMean final : public MeanFunction {
 public:
  // `weights` is [sources + 1], the constant first. Sources of the same
  // features; they must outlive this.
  TransferMean(std::vector<const GaussianProcess*> sources,
               Eigen::VectorXd weights);

  Eigen::VectorXd Values(const Kernel::Rows& z) const override;
  Eigen::MatrixXd Gradients(const Kernel::Rows& z) const override;

  const Eigen::VectorXd& weights() const { return weights_; }

  // [m, sources + 1]: 1, then what each source expects.
  static Eigen::MatrixXd Basis(
      const std::vector<const GaussianProcess*>& sources,
      const Kernel::Rows& z);

 private:
  const std::vector<const GaussianProcess*> sources_;
  const Eigen::VectorXd weights_;
};

}  // namespace assay
