#pragma once

#include <vector>

#include "search/study.h"
#include "search/trial.h"

namespace assay {

// True if every metric with a bound has a value within it.
bool IsFeasible(const StudySpec& spec, const Trial& trial);

// Trials that no other one beats: as good in each objective and better in one.
// Looks at `trials` that have every objective, none of them NaN, and are
// feasible; if none is feasible, at all of them. By rising number. With one
// objective: the best ones. O(n^2) in the worst case, O(n |front|) usually.
std::vector<Trial> ParetoFront(const StudySpec& spec,
                               const std::vector<Trial>& trials);

}  // namespace assay
