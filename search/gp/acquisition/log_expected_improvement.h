#pragma once

#include "search/gp/acquisition.h"

namespace assay {

// log E[max(f - incumbent, 0)] of the first model, with deviation_all: finite
// and with a useful gradient everywhere (Ament et al. 2023).
class LogExpectedImprovement final : public Acquisition {
 public:
  explicit LogExpectedImprovement(double incumbent) : incumbent_(incumbent) {}

  Score Evaluate(absl::Span<const Belief> beliefs) const override;

 private:
  const double incumbent_;
};

}  // namespace assay
