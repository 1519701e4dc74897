#pragma once

#include <cstdint>
#include <vector>

#include <Eigen/Core>

#include "search/gp/acquisition.h"

namespace assay {

// Upper confidence bounds of any number m of objectives, for the area (volume)
// that the front covers (Golovin & Zhang 2020): with directions w > 0 of length
// 1, each equally likely, and u_k = mean_k + 1.8 deviation_all_k,
//
//   s_w(u) = [min_k max(0, u_k - reference_k) / w_k]^m
//   value  = mean_w max(s_w(u), best_w) + 1e-3 mean_w s_w(u)
//
// where best_w is the largest s_w of the points seen. The last term, which is
// ours, gives a slope where no direction improves.
class HypervolumeScalarization final : public Acquisition {
 public:
  static constexpr int kDirections = 256;

  // `seen` is [points, objectives].
  HypervolumeScalarization(const Eigen::MatrixXd& seen,
                           Eigen::VectorXd reference, uint64_t seed);

  Score Evaluate(absl::Span<const Belief> beliefs) const override;

  // mean_w best_w: of a point that improves nothing, up to the last term.
  double ValueOfSeen() const { return best_.mean(); }

 private:
  struct Scaled {
    double value = 0;
    int objective = 0;  // Which one is the minimum.
    double slope = 0;   // By that objective.
  };
  Scaled Scalarize(const Eigen::VectorXd& u, int direction) const;

  const Eigen::VectorXd reference_;
  Eigen::MatrixXd directions_;  // [objectives, kDirections]
  Eigen::VectorXd best_;        // [kDirections]
};

}  // namespace assay
