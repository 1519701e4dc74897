#pragma once

#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "search/stopping/curve.h"
#include "search/stopping/watched.h"
#include "search/trial.h"

namespace assay {

// What one trial reported of the watched metrics.
struct TrialCurves {
  int32_t attempt = 0;        // The newest.
  int64_t first_step = 0;     // The lowest of the newest attempt.
  std::vector<Curve> curves;  // [watched metrics]

  // The last step of the first metric; nullptr before its first value.
  const Curve::Point* Newest() const;
};

// The point of the first metric at which a trial is judged: its first at or
// after the last of warmup, warmup + interval, ... that it reached, if it lies
// `grace_steps` beyond the attempt's first. nullptr otherwise.
const Curve::Point* JudgedPoint(const TrialCurves& trial, const RuleSpec& rule);

// The curves of the running trials. A new attempt keeps what the ones before
// reported up to the step at which it begins: the part that it resumed from.
// One that begins anew keeps nothing.
class RunningCurves {
 public:
  explicit RunningCurves(std::vector<Watched> watched,
                         CurveOptions options = {})
      : watched_(std::move(watched)), options_(options) {}

  const std::vector<Watched>& watched() const { return watched_; }

  // The trial with the measurement added; nullptr if that says nothing of the
  // metrics, or belongs to an attempt before the last.
  const TrialCurves* Add(TrialId trial, int32_t attempt,
                         const Measurement& measurement);

  // nullptr if nothing was reported.
  const TrialCurves* Find(TrialId trial) const;

  // Forgets the trial and returns what it reported; empty curves if nothing.
  TrialCurves Remove(TrialId trial);

 private:
  TrialCurves Empty() const;
  bool IsWatched(const Measurement& measurement) const;

  const std::vector<Watched> watched_;  // Not empty.
  const CurveOptions options_;
  absl::flat_hash_map<TrialId, TrialCurves> trials_;
};

}  // namespace assay
