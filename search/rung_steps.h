#pragma once

#include <cstdint>
#include <vector>

namespace assay {

// The steps at which configurations are compared, rising: min, min * reduction,
// min * reduction^2, ... below `max`, then `max` itself, also if it is no such
// power. REQUIRES: 1 <= min <= max, reduction >= 2.
std::vector<int64_t> RungSteps(int64_t min, int64_t max, int32_t reduction);

}  // namespace assay
