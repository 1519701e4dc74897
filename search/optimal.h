#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "search/expression.h"
#include "search/replicates.h"
#include "search/study.h"
#include "search/trial.h"

namespace assay {

// Which trials are asked for.
struct OptimalQuery {
  int count = 1;  // With one objective or with `prefer`; >= 1.
  std::optional<Expression> where = {};
  std::string prefer = {};  // A declared metric, or empty.
};

// The best trials of a study.
struct Optimal {
  // With one objective or with `prefer`: best first, ties by number. Else the
  // Pareto front by number.
  std::vector<Trial> trials;
  TrialId knee;             // Of the front, see Knee(); 0: there is none.
  bool infeasible = false;  // No trial keeps every bound, and these break one.
};

// InvalidArgument if `prefer` is no declared metric, or `where` names what is
// no field, declared parameter or metric and what no trial has.
absl::Status CheckQuery(const StudySpec& spec, const OptimalQuery& query,
                        const std::vector<Trial>& trials);

// True if the trial has a number for each objective.
bool HasObjectives(const StudySpec& spec, const Trial& trial);

// Looks at the COMPLETED ones of `trials` that pass `where`, at STOPPED ones
// only if none is; of these at those that keep every bound, at all only if none
// does. A trial without a number for each objective is none of them.
Optimal FindOptimal(const StudySpec& spec, std::vector<Trial> trials,
                    const OptimalQuery& query);

// The metric that ranks the answer, best first; empty for a front.
std::string RankingMetric(const StudySpec& spec, const OptimalQuery& query);

// The best configurations of a study that runs each several times.
struct OptimalConfigurations {
  // As FindOptimal() of the means; `trials` are those that stand for them.
  Optimal optimal;
  std::vector<ReplicateSummary> replicates;  // As `optimal.trials`.
  std::string tie;  // WhyTied() the first two, if a metric ranks them.
};

// As FindOptimal(), each configuration as one: `where`, bounds and ranks see
// its means over the COMPLETED trials (STOPPED ones only if none is).
OptimalConfigurations FindOptimalConfigurations(const StudySpec& spec,
                                                std::vector<Trial> trials,
                                                const OptimalQuery& query);

}  // namespace assay
