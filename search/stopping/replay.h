#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "search/stopping/recorded_trial.h"
#include "search/study.h"

namespace assay {

// A trial that a rule would have stopped.
struct ReplayedStop {
  int64_t number = 0;       // In the study.
  int64_t step = 0;         // Its highest step by then.
  std::string reason = {};  // The rule's.
  bool was_best = false;    // One of RuleReplay::best.
  // What it did beyond that step: up to where the record of it ends.
  int64_t steps_saved = 0;
  double seconds_saved = 0;  // At its own SecondsAStep(); 0 if not known.
};

// What a rule would have done to a study as it was recorded. Times do not move:
// nobody else would have run in the time that is saved. A trial that was
// stopped in the record is known up to there only.
struct RuleReplay {
  std::vector<ReplayedStop> stops;  // In the order of the log.
  int64_t trials = 0;               // Ended, with reports.
  int64_t already_stopped = 0;      // Of these, in the record.
  int64_t steps = 0;                // What they ran, and
  double seconds = 0;               // in how long, where it is known.
  int64_t steps_saved = 0;
  double seconds_saved = 0;

  // The best COMPLETED trials (ParetoFront()) by number, how many of them would
  // have been stopped, and the best value of the first objective that they
  // have.
  std::vector<int64_t> best;
  int64_t best_stopped = 0;
  std::optional<double> best_value;
  // How much worse the best value of the trials left is: 0 or more; nullopt if
  // none is left.
  std::optional<double> loss;
};

// Runs the rule of `study` over recorded trials, in any order, by the revisions
// of their reports and ends; unfinished ones have no end. A trial that it says
// to stop reports no more and ends then, as STOPPED. InvalidArgument as
// MakeEarlyStoppingRule(), and for a study without a rule. Looks at `go_on` now
// and then: Cancelled once it says no.
absl::StatusOr<RuleReplay> ReplayRule(
    const StudySpec& study, absl::Span<const RecordedTrial> recorded,
    absl::FunctionRef<bool()> go_on = [] { return true; });

}  // namespace assay
