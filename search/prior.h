#pragma once

#include <variant>
#include <vector>

namespace assay {

// The best value of a number lies near `mean`, a user believes: a normal
// distribution over the encoding, cut to its range.
struct NormalPrior {
  static constexpr double kMinDeviation = 0.01;
  static constexpr double kMaxDeviation = 1;

  double mean = 0;          // In the parameter's own unit, within its range.
  double deviation = 0.15;  // A share of the range, on the parameter's scale.
};

// How likely each value of a list is the best one, in the values' order; not
// normalised.
struct WeightsPrior {
  std::vector<double> weights = {};
};

// What a user believes about the best value of one parameter.
using Prior = std::variant<NormalPrior, WeightsPrior>;

}  // namespace assay
