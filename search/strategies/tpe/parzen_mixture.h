#pragma once

#include <vector>

#include "absl/types/span.h"
#include "search/math/random.h"
#include "search/prior_density.h"
#include "search/strategies/tpe/axis.h"

namespace assay {

// A density over the unit cube: a mixture of one kernel for each point, and a
// wide prior kernel around the middle (Bergstra et al. 2011; Watanabe 2023,
// "Tree-structured Parzen estimator", arXiv:2304.11127). A kernel is a product
// over the axes: a normal distribution cut to [0, 1], or for a categorical axis
//   (1 + 1/m) / (1 + K/m) for the point's value, (1/m) / (1 + K/m) for others
// with K values and m = points + 1. A value of an axis with levels has nearly
// the mean density over its cell: the kernel widened by the variance of a cell.
//
// The normal distributions of n points have a deviation sigma, in
// [1 / min(100, n + 2), 1], that is
//   kGaps: of each point and axis, the larger gap to its neighbours on the
//   axis; kShared: of all, 0.1 n^(-1 / (axes + 4)).
// Weights: the newest 25 points and the prior 1, older ones a ramp down to 1/n.
class ParzenMixture {
 public:
  enum class Bandwidth { kGaps, kShared };

  static constexpr int kFullWeights = 25;

  // `axes` and `priors`, one for each axis or none at all, must outlive this.
  // An axis with a user's prior has that one in place of the wide kernel.
  ParzenMixture(absl::Span<const Axis> axes, Bandwidth bandwidth,
                absl::Span<const PriorDensity> priors = {});

  int size() const { return size_; }

  // Points are [axes], encoded, and ordered: the oldest first. After a change,
  // nothing but another change or Settle() may be called.
  void Insert(int position, absl::Span<const double> point);
  void Erase(int position);

  // Takes the changes in. kGaps: O(size axes log size). kShared: O(size), and
  // O(size axes) when the size has grown by 5 % since sigma was computed, which
  // is what the n of its formula may lag.
  void Settle();

  // A point. O(size + axes).
  std::vector<double> Draw(Random& random) const;

  // The logarithm of the density at a point of Draw() to about 1e-4.
  // O(size axes), nearly all of it in vector instructions.
  double LogDensity(absl::Span<const double> point) const;

 private:
  static constexpr int kBlock = 32;  // Kernels at a time.

  struct CategoryWeights {
    double same = 1;
    double other = 0;  // Of each.
  };

  void Reserve(int size);
  void SetWeights();
  void SetCategoryWeights();
  void FitGaps();
  void FitGapsOf(int axis);
  void FitShared();
  void SetSigma(double sigma);
  void SetKernel(int axis, int kernel, double sigma);
  float LogScaleOfShared(int kernel) const;
  CategoryWeights WeightsOf(const Axis& axis) const;
  int DrawKernel(Random& random) const;
  double DrawOn(int axis, int kernel, Random& random) const;
  double DrawPrior(int axis, Random& random) const;
  double LogPriorOn(int axis, double u) const;
  bool HasPrior(int axis) const;
  double LogPrior(absl::Span<const double> point) const;
  std::vector<float> Exponents(absl::Span<const double> point) const;

  const absl::Span<const Axis> axes_;
  const Bandwidth bandwidth_;
  const absl::Span<const PriorDensity> priors_;

  // By kernel: [capacity], whole blocks; [axes][capacity].
  int size_ = 0;
  std::vector<std::vector<float>> means_;
  std::vector<std::vector<float>> sigmas_;  // kGaps only.
  std::vector<float> log_scales_;           // Of the numeric axes, together.
  std::vector<float> weights_;              // 0 beyond size_.
  double total_weight_ = 1;                 // With the prior's.

  // By axis. Numeric: -1 / (2 variance), of kShared; categorical: logarithms.
  struct Slope {
    float curvature = 0;
    float same = 0;
    float other = 0;
  };
  std::vector<Slope> slopes_;
  std::vector<std::vector<float>> curvatures_;  // kGaps only.

  // Of kShared.
  double sigma_ = 0;                     // 0: not computed yet.
  std::vector<float> truncation_table_;  // By mean: -log of the mass inside.
  float log_scale_ = 0;                  // Of a kernel that is not cut.
};

}  // namespace assay
