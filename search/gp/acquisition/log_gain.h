#pragma once

#include <memory>

#include "search/gp/acquisition.h"

namespace assay {

// The logarithm of what an acquisition function in the models' unit is above a
// reference, for a product with a density (search/gp/prior_pull.h):
//
//   log softplus((a - reference) / kUnit),   softplus(z) = log(1 + e^z)
//
// log (a - reference) where that is large, (a - reference) / kUnit where it is
// far below 0, rising throughout: alone, it is greatest where `a` is. Once the
// gains of a search become small, so does what the density can make up for.
class LogGain final : public Acquisition {
 public:
  static constexpr double kUnit = 0.1;

  LogGain(std::unique_ptr<const Acquisition> acquisition, double reference);

  Score Evaluate(absl::Span<const Belief> beliefs) const override;

 private:
  const std::unique_ptr<const Acquisition> acquisition_;
  const double reference_;
};

}  // namespace assay
