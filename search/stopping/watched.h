#pragma once

#include <optional>
#include <string>
#include <vector>

#include "search/study.h"

namespace assay {

// A metric that a rule looks at, turned so that lower is better.
struct Watched {
  std::string metric = {};
  Goal goal = Goal::kMinimize;
  std::optional<double> bound = {};  // Not an objective: as a cost, at most it.
};

// The metric of a rule that looks at one: the named one, else the first
// objective. Without `bound`.
Watched WatchedMetric(const StudySpec& study, const RuleSpec& rule);

// The metrics of a rule that ranks trials: the named one alone, else the
// objectives, then the bounds.
std::vector<Watched> RankedMetrics(const StudySpec& study,
                                   const RuleSpec& rule);

// The value turned so that lower is better; NaN is infinity.
double ToCost(double value, Goal goal);

// "0.61", of a cost; "nan" of infinity.
std::string CostText(double cost, Goal goal);

}  // namespace assay
