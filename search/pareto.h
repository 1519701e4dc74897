#pragma once

#include <cstddef>
#include <optional>
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

// The index in `front`, a Pareto front, of its knee: where it bulges most
// towards the point that is best in everything, so that a little more of one
// objective costs much of another. Each objective is scaled to [0, 1] over the
// front, 1 is best; the knee has the largest distance from the hyperplane
// through the trials that are best in one objective each, on the better side of
// it (Das 1999, "On characterizing the 'knee' of the Pareto curve based on
// normal-boundary intersection", Structural Optimization 18; there with the
// individual minima as extremes). Where those do not span a hyperplane that
// falls in each objective it goes through the corners (1, 0, ..., 0) and so on.
// Objectives in which all are equal, and trials with an infinite value, are
// left out. nullopt for fewer than three trials or two objectives, and if no
// trial lies on the better side. Of equal ones the first.
std::optional<size_t> Knee(const StudySpec& spec,
                           const std::vector<Trial>& front);

}  // namespace assay
