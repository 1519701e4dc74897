#pragma once

#include <array>
#include <vector>

#include "absl/types/span.h"
#include "search/gp/acquisition.h"

namespace assay {

// log of the expected growth of the area between a reference point and the
// front of two objectives that are independent normal variables (of the first
// two models, with deviation_all). Exact, O(front): with the front by rising
// first objective, the strip between its values l and u lies on the height b,
//
//   sum over strips [psi_1(l) - psi_1(u)] psi_2(b),   psi(a) = s h((mean-a)/s)
//
// (Emmerich et al. 2011, maximised). Logarithms throughout: nothing underflows.
class HypervolumeImprovement final : public Acquisition {
 public:
  using Pair = std::array<double, 2>;

  // Points that do not beat `reference` in both objectives, or are beaten by
  // another one, are left out.
  HypervolumeImprovement(absl::Span<const Pair> points, Pair reference);

  Score Evaluate(absl::Span<const Belief> beliefs) const override;

 private:
  struct Strip {
    double from, to;  // Of the first objective; `to` may be infinite.
    double height;    // Of the second.
  };
  std::vector<Strip> strips_;
};

}  // namespace assay
