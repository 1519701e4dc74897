#include "search/rung_steps.h"

#include <cassert>

namespace assay {

std::vector<int64_t> RungSteps(int64_t min, int64_t max, int32_t reduction) {
  assert(1 <= min && min <= max && reduction >= 2);
  std::vector<int64_t> steps;
  for (int64_t step = min; step < max; step *= reduction) {
    steps.push_back(step);
    if (step > max / reduction) break;  // The next one is above, or too large.
  }
  steps.push_back(max);
  return steps;
}

}  // namespace assay
