#pragma once

#include <string>
#include <vector>

#include "search/optimal.h"
#include "search/study.h"
#include "search/trial.h"

namespace assay {

// In a study with a schedule a configuration is trained in several runs, each a
// trial that `continues` the one before: a lineage. Of a population a lineage
// is a run at the end with all that it came from.

// The runs that led to `end`, the first first, `end` last, as far as `trials`
// has them.
std::vector<Trial> LineageOf(const Trial& end,
                             const std::vector<Trial>& trials);

// Where the run's budget ends; without one that is as far as the program goes,
// beyond all others.
int64_t LastStep(const Trial& run);

// max(10, 2 (parameters + 1)): what a model needs to be worth asking.
size_t EnoughConfigurations(const StudySpec& spec);

// Those of `trials` that ran to the same step, so that they can be compared:
// the COMPLETED ones that reached the largest that `least` of them did, or the
// lowest that anybody did. One of each lineage. Without a schedule `trials` as
// they are.
std::vector<Trial> OfOneBudget(const StudySpec& spec, size_t least,
                               std::vector<Trial> trials);

// The best lineages of a study with a schedule.
struct OptimalLineages {
  Optimal optimal;  // `trials` are their last runs.
  // Of each of these, all runs.
  std::vector<std::vector<Trial>> runs;
  // Why they did not run to the end: "no configuration has reached step 27; the
  // best of 3 that reached step 9". Empty if they did.
  std::string shortfall;
};

// As FindOptimal() of the COMPLETED runs that reached max_steps; if there are
// none, of those that reached the largest number of steps.
OptimalLineages FindOptimalLineages(const StudySpec& spec,
                                    std::vector<Trial> trials,
                                    const OptimalQuery& query);

}  // namespace assay
