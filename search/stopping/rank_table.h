#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "search/stopping/step_standing.h"

namespace assay {

// Standings of trials at one step, in an order. With one objective: by
// violation, then by cost. With several: by violation (constrained domination,
// Deb et al. 2002, "A fast and elitist multiobjective genetic algorithm:
// NSGA-II", section VI), then by how many others dominate a standing (the rank
// of Fonseca & Fleming 1993, "Genetic algorithms for multiobjective
// optimization", less one); with one objective that is the same order. Equal
// ones tie.
//
// A change or a question costs O(log n) comparisons with one objective (and the
// copying of n numbers), O(n) with several.
class RankTable {
 public:
  size_t size() const { return sorted_.size() + dominators_.size(); }

  void Add(const StepStanding& standing);
  // One that equals `standing`. REQUIRES: there is one.
  void Remove(const StepStanding& standing);

  // How many entries rank before `standing`, whether it is among them or not.
  size_t Ahead(const StepStanding& standing) const;

  // True if `standing` ranks behind the best `share` (0 to 1) of the entries:
  // with one objective behind Quantile(share), with several if more than that
  // share of the others are ahead. REQUIRES: size() > 0.
  bool IsBehind(const StepStanding& standing, double share) const;

  // Of one objective: that of which a share of entries is better or equal, by
  // linear interpolation between neighbours, as NumPy's. REQUIRES: size() > 0.
  StepStanding Quantile(double share) const;

 private:
  using Key = std::pair<double, double>;  // Violation, cost.

  const double* Row(size_t i) const { return &numbers_[i * width_]; }
  size_t Dominators(const std::vector<double>& row) const;

  std::vector<Key> sorted_;  // Of one objective.

  // Of several: by row.
  size_t width_ = 0;
  std::vector<double> numbers_;     // [entries][violation, then each cost]
  std::vector<size_t> dominators_;  // [entries] How many dominate it.
};

}  // namespace assay
