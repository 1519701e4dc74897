#pragma once

#include <vector>

#include "absl/types/span.h"
#include "search/strategies/observation.h"

namespace assay {

// Where a trial stands among others.
struct Rank {
  int front = 0;        // 0: nothing dominates it.
  double crowding = 0;  // In its front; infinite at the ends of an objective.
};

// The crowded comparison: the smaller front, then the lonelier.
bool Precedes(const Rank& a, const Rank& b);

// [trials]. Fronts by Dominates(), so that with one objective a front holds
// equals; crowding distances as in Deb et al. 2002, section III.B: the sum over
// the objectives of the gap between both neighbours in the front, as a share of
// the front's range. O(n^2 objectives).
std::vector<Rank> NonDominatedSort(absl::Span<const Observation> trials);

}  // namespace assay
