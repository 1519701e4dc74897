#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "search/trial.h"

namespace assay {

// Decides whether a running trial is worth going on with. Used by one thread at
// a time. It is an incremental summary of curves: each report costs O(log n) in
// the number of trials, whatever the number of reports.
class EarlyStoppingRule {
 public:
  virtual ~EarlyStoppingRule() = default;

  // Adds one measurement of a trial's curve, in the order of the log. A new
  // attempt of the trial begins with `attempt` rising: of its older curve only
  // what lies before the first step of the new attempt remains.
  virtual void ObserveReport(TrialId trial, int32_t attempt,
                             const Measurement& measurement) = 0;

  // The trial ended; only trials that ended as COMPLETED (or STOPPED) count as
  // history. FAILED and INFEASIBLE ones are forgotten, or count as worst.
  virtual void ObserveEnd(const Trial& trial) = 0;

  // Why the trial should stop now, in words for people, or nullopt. Looks at
  // what was observed so far; changes nothing.
  virtual std::optional<std::string> ReasonToStop(TrialId trial) const = 0;
};

}  // namespace assay
