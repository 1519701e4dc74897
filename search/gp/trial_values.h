#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "search/strategies/observation.h"

namespace assay {

// The value that each trial of a study counts with in the models of its
// objectives, where some were stopped early, or are trained on step by step
// (search/schedules).
//
// Once Enough() trials are COMPLETED, their values are known and the others'
// are assumed (by who uses this). While the others are many and COMPLETED ones
// few, all are compared at the largest step that Enough() of them reached: each
// one's last value up to there is known, of a COMPLETED one that ended before
// it the final one; what ended before it is assumed. Where that step is a rung
// this is the value there, whatever a trial brought beyond.
//
// All is seen as it was after a number of results, so that a fit which is
// repeated later is the same.
class TrialValues {
 public:
  // Of a space of so many parameters.
  TrialValues(int objectives, int parameters);

  // A result of a new trial, after which all is seen.
  void Learn(const Observation& observation);
  // What trial i brought at more steps: a result as well.
  void LearnLonger(int i, const Observation& observation);

  // Sees the first `count` results, and decides by them at which step values
  // are compared.
  void ChooseStep(int count);
  // Sees the first `count` results.
  void See(int count) { seen_ = count; }

  // nullopt: where trials end.
  std::optional<int64_t> step() const { return step_; }

  // max(10, 2 (parameters + 1)).
  int Enough() const { return enough_; }
  // False once that many are COMPLETED: curves tell nothing more.
  bool WantsCurves() const { return completed_ < enough_; }

  // Of trial i, in the order of Learn(), if it was seen.
  bool HasFailed(int i) const { return trials_[i].failed; }
  bool IsKnown(int i) const;
  // NaN if it failed; what it brought first until something is assumed of it.
  double Value(int i, int objective) const;
  void Assume(int i, int objective, double value);
  // Of the noise's variance: 1 / runs; four times as much if it is assumed.
  double NoiseMultiplier(int i) const;

 private:
  struct Point {
    int64_t step = 0;
    std::vector<double> values;
    int result = 0;  // It came with.
  };
  struct Entry {
    bool failed = false;
    int result = 0;     // It came with, from 0.
    int completed = 0;  // The result with which it was; kNever.
    int runs = 1;
    std::vector<double> values;   // [objectives], once completed.
    std::vector<double> assumed;  // [objectives]
    std::vector<Point> curve;
  };
  static constexpr int kNever = std::numeric_limits<int>::max();

  void AddCurve(const Observation& observation, Entry& entry) const;
  bool IsCompleted(const Entry& entry) const { return entry.completed < seen_; }
  // The highest step that was seen; nullopt: none.
  std::optional<int64_t> Reached(const Entry& entry) const;
  // What it had at the step; nullptr if it did not reach it or says nothing.
  const std::vector<double>* AtStep(const Entry& entry) const;

  const int objectives_;
  const int enough_;
  std::vector<Entry> trials_;
  int results_ = 0;
  int seen_ = 0;
  int completed_ = 0;
  std::optional<int64_t> step_;
};

}  // namespace assay
