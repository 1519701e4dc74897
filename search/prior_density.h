#pragma once

#include <vector>

#include "absl/status/status.h"
#include "search/parameter.h"

namespace assay {

// InvalidArgument, without the parameter's name, unless the prior fits the
// domain: a normal one is of a number, its mean in the range, its deviation in
// [0.01, 1]; weights are of a list, one for each value, 0 or more and finite,
// not all 0. REQUIRES: a domain that passed CheckDomain().
absl::Status CheckPrior(const Domain& domain, const Prior& prior);

// A parameter's prior as a density over its encoding u in [0, 1]:
//
//   (1 - kFloor) p(u) + kFloor
//
// with p the normal density cut to [0, 1], or constant on the cell of each
// value by the weights. Nothing is impossible, and no belief so firm that it
// would outweigh results for long. Uniform for a parameter without a prior.
class PriorDensity {
 public:
  static constexpr double kFloor = 0.1;

  // REQUIRES: a prior that passed CheckPrior().
  explicit PriorDensity(const Parameter& parameter);

  bool IsUniform() const { return deviation_ == 0 && cells_.empty(); }

  // Where it is greatest: of equal weights the first; 0.5 if it is uniform.
  double Mode() const;

  // u is clamped to [0, 1].
  double LogDensity(double u) const;

  // The derivative; 0 where it is constant.
  double LogSlope(double u) const;

  // The u below which a share p of its mass lies; rises with p. p is clamped
  // to [0, 1].
  double Quantile(double p) const;

 private:
  double CutNormal(double u) const;  // Density.
  double MassBelow(double u) const;
  double QuantileOfCells(double p) const;

  // A normal prior, encoded.
  double mean_ = 0;
  double deviation_ = 0;  // 0: it is none.
  double below_ = 0;      // Mass of the uncut distribution below 0,
  double inside_ = 1;     // in [0, 1].

  std::vector<double>
      cells_;  // Weights: the density, with the floor, by value.
};

}  // namespace assay
