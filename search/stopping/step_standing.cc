#include "search/stopping/step_standing.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace assay {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

}  // namespace

StepStanding StepStanding::Worst(size_t objectives) {
  return {kInfinity, std::vector<double>(objectives, kInfinity)};
}

StepStanding StandingAt(const TrialCurves& trial,
                        absl::Span<const Watched> watched, int64_t step,
                        PointCost cost) {
  StepStanding standing;
  for (size_t i = 0; i < watched.size(); ++i) {
    const Curve::Point* point = trial.curves[i].LastUpTo(step);
    if (!watched[i].bound) {
      standing.costs.push_back(point->*cost);
    } else if (point) {
      standing.violation += std::max(point->cost - *watched[i].bound, 0.0);
    }
  }
  return standing;
}

bool HasStanding(const TrialCurves& trial, absl::Span<const Watched> watched,
                 int64_t step) {
  for (size_t i = 0; i < watched.size(); ++i) {
    if (!watched[i].bound && !trial.curves[i].LastUpTo(step)) return false;
  }
  return true;
}

std::string ToText(const StepStanding& standing,
                   absl::Span<const Watched> watched) {
  std::vector<std::string> parts;
  size_t objective = 0;
  for (const Watched& metric : watched) {
    if (metric.bound) continue;
    parts.push_back(
        absl::StrCat(metric.metric, " ",
                     CostText(standing.costs[objective++], metric.goal)));
  }
  if (standing.violation > 0) {
    parts.push_back(
        absl::StrFormat("bounds broken by %.6g", standing.violation));
  }
  return absl::StrJoin(parts, ", ");
}

}  // namespace assay
