#pragma once

#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "search/stopping/recorded_trial.h"
#include "search/study.h"

namespace assay {

// What early stopping and the schedule have saved a study, and what stopping
// may have cost.
struct Savings {
  int64_t stopped = 0;  // Trials that its rule stopped.
  int64_t counted = 0;  // Of these, with a known pace: these save.
  // To where they would have gone: the larger max_steps of rule and schedule,
  // else the largest step that a COMPLETED trial ran. 0: none is known, and
  // nothing is claimed.
  int64_t max_steps = 0;
  int64_t steps = 0;  // Sum over `counted` of max_steps - the steps it ran.
  // The same steps, each at its trial's own SecondsAStep(), less
  // `reload_seconds` unless there is a schedule. May be negative.
  double seconds = 0;
  // Configurations that the schedule trained to less than `max_steps`, and that
  // no trial goes on with so far: what training each to its end had taken more.
  // Nothing for a population, where another goes on in the place of one that is
  // left.
  struct Schedule {
    int64_t configurations = 0;  // With a known pace.
    int64_t steps = 0;
    double seconds = 0;  // Less `reload_seconds`. May be negative.
  };
  Schedule schedule;
  double reload_seconds = 0;  // ReloadSeconds() of all trials.
  double spent_seconds = 0;   // What the trials have run, for comparison.

  // How much better than the best COMPLETED trial's (which keeps the bounds)
  // the first objective may be, had all gone on. A stopped trial is taken to
  // end as Extrapolation says, or, with too few points for it, with the gain
  // that one of the COMPLETED trials had from that step on, each as likely.
  // Trials are taken as independent. nullopt without a COMPLETED trial or a
  // stopped one.
  struct Loss {
    int64_t judged = 0;        // Stopped trials that could be taken so.
    double chance_better = 0;  // That any had become the best.
    double expected = 0;       // Mean of the loss.
    double high = 0;           // Not exceeded with a chance of 95 %.
  };
  std::optional<Loss> loss;
};

// Of the trials recorded so far, in any order. That a STOPPED trial was stopped
// by the rule, and not by a user or a spent budget, is told by a replay of the
// log: the rule has a reason at one of its reports, or when it ended.
absl::StatusOr<Savings> SavingsOf(const StudySpec& study,
                                  absl::Span<const RecordedTrial> recorded);

}  // namespace assay
