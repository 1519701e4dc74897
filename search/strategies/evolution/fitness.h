#pragma once

#include "search/strategies/observation.h"

namespace assay {

// True if `a` is a better result than `b`: constrained domination, Deb et al.
// 2002, "A fast and elitist multiobjective genetic algorithm: NSGA-II", section
// VI. A trial that completed goes before one that was stopped, of those the one
// with more steps, and a failed one is last; then the smaller violation of the
// bounds; then Pareto domination. With one objective it is a strict weak order.
bool Dominates(const Observation& a, const Observation& b);

}  // namespace assay
