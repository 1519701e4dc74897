#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "search/study.h"
#include "search/trial.h"

namespace assay {

// Runs of one configuration that differ by seed or fold only
// (StudySpec::replicates). When the trial of replicate 0 starts, those of the
// other replicates are put into the queue, so that they are handed out before
// any new configuration and whatever max_trials says.

// True if its configuration is run as often as the study's `replicates` say:
// not what was imported or is run again, and not what resumes another trial's
// checkpoint.
bool IsReplicated(const Trial& trial);

// The waiting trial, without an id, that runs the configuration of `first`, a
// trial of replicate 0, again.
Trial ReplicateOf(const Trial& first, int32_t replicate);

// The trials of one configuration and budget together. REQUIRES: at least one,
// all ended. The first's parameters and origin, replicate 0; each metric is the
// mean of the COMPLETED ones that have it. COMPLETED if half of them or more
// are; else FAILED if more than half are FAILED; else INFEASIBLE if one is;
// else STOPPED, with the means of those that have values. `last_step` is the
// lowest of those that count.
Trial MergeReplicates(const std::vector<Trial>& trials);

// What the replicates of one configuration say together.
struct ReplicateSummary {
  Trial first;                  // The one of the lowest number, as it is.
  Trial mean;                   // The same with the means as its metrics.
  int32_t count = 0;            // Trials in it.
  Metrics standard_error = {};  // Of the means; of two values or more.
};

// One for each configuration and budget, by number. The standard error of the
// mean of n values is their standard deviation (n - 1) over the root of n.
std::vector<ReplicateSummary> SummarizeReplicates(
    const std::vector<Trial>& trials);

// Why the means of `a` and `b` cannot be told apart in the metric, in words:
// they differ by no more than 2 standard errors of the difference, the root of
// the sum of squares of both errors. Empty if they can be told apart. Fewer
// than two values have no error: it says so.
std::string WhyTied(const std::string& metric, const ReplicateSummary& a,
                    const ReplicateSummary& b);

}  // namespace assay
