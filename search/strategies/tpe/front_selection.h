#pragma once

#include <vector>

#include "absl/types/span.h"

namespace assay {

// Indices of the `count` best of points with several objectives, [points]
// [objectives], larger is better, sorted: whole fronts of points that no other
// one left beats; of the last one, chosen greedily, those that together cover
// the largest volume above its worst values less a tenth of its ranges; with
// more than four objectives those with the largest crowding distance (Deb et
// al. 2002, "NSGA-II", III.B). O(points |front|) for each front. REQUIRES: 0 <=
// count <= points.
std::vector<int> SelectByFronts(absl::Span<const std::vector<double>> points,
                                int count);

}  // namespace assay
