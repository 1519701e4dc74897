#pragma once

#include <cassert>

#include "search/math/random.h"

namespace assay {

// The best of `size` indices drawn with replacement from [0, count), the first
// drawn of equals. `better(i, k)`: i is better than k.
template <typename Better>
int Tournament(int count, int size, const Better& better, Random& random) {
  assert(count > 0 && size > 0);
  int best = static_cast<int>(random.Below(count));
  for (int i = 1; i < size; ++i) {
    const int other = static_cast<int>(random.Below(count));
    if (better(other, best)) best = other;
  }
  return best;
}

}  // namespace assay
