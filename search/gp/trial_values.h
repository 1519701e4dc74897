#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "search/strategies/observation.h"

namespace assay {

// The value that each trial of a study counts with in the models of its
// objectives, where some were stopped early.
//
// Once Enough() trials are COMPLETED, their values are known and the stopped
// ones' are assumed (by who uses this). While stopped trials are many and
// COMPLETED ones few, all are compared at the largest step that Enough() of
// them reached: each one's last value up to there is known, of a COMPLETED one
// that ended before it the final one; what was stopped before it is assumed.
class TrialValues {
 public:
  // Of a space of so many parameters.
  TrialValues(int objectives, int parameters);

  void Learn(const Observation& observation);

  // Decides by the first `count` trials at which step values are compared.
  void ChooseStep(int count);
  // nullopt: where trials end.
  std::optional<int64_t> step() const { return step_; }

  // max(10, 2 (parameters + 1)).
  int Enough() const { return enough_; }
  // False once that many are COMPLETED: curves tell nothing more.
  bool WantsCurves() const { return completed_ < enough_; }

  // Of trial i, in the order of Learn().
  bool HasFailed(int i) const { return trials_[i].failed; }
  bool IsKnown(int i) const;
  // NaN if it failed; the last one of a stopped trial until it is assumed.
  double Value(int i, int objective) const;
  void Assume(int i, int objective, double value);
  // Of the noise's variance: 1 / runs; four times as much if it is assumed.
  double NoiseMultiplier(int i) const;

 private:
  struct Entry {
    bool failed = false;
    bool completed = false;
    int runs = 1;
    std::vector<double> values;   // [objectives], at the end.
    std::vector<double> assumed;  // [objectives]
    std::vector<Observation::Point> curve;
  };
  // What it had at the step; nullptr if it did not reach it or says nothing.
  const std::vector<double>* AtStep(const Entry& entry) const;

  const int objectives_;
  const int enough_;
  std::vector<Entry> trials_;
  int completed_ = 0;
  std::optional<int64_t> step_;
};

}  // namespace assay
