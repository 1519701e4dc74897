#include "proto/convert_metrics.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/convert_checks.h"
#include "search/base/status_macros.h"

namespace assay::convert {
namespace {

absl::StatusOr<Goal> ToGoal(v1::Goal goal, const std::string& path) {
  constexpr absl::string_view kAllowed = "MINIMIZE or MAXIMIZE";
  switch (goal) {
    case v1::MINIMIZE:
      return Goal::kMinimize;
    case v1::MAXIMIZE:
      return Goal::kMaximize;
    case v1::GOAL_UNSPECIFIED:
      return Invalid(path, "missing", kAllowed);
    default:
      return Invalid(path, absl::StrCat(static_cast<int>(goal)), kAllowed);
  }
}

absl::StatusOr<Select> ToSelect(v1::Select select, const std::string& path) {
  switch (select) {
    case v1::SELECT_UNSPECIFIED:
    case v1::LAST:
      return Select::kLast;
    case v1::BEST:
      return Select::kBest;
    default:
      return Invalid(path, absl::StrCat(static_cast<int>(select)),
                     "LAST or BEST");
  }
}

absl::StatusOr<MetricSpec> ToMetricSpec(const v1::Metric& message,
                                        const std::string& path) {
  ASSAY_RETURN_IF_ERROR(
      CheckName(message.name(), [&] { return absl::StrCat(path, ".name"); }));
  MetricSpec metric;
  metric.name = message.name();
  ASSAY_ASSIGN_OR_RETURN(metric.goal,
                         ToGoal(message.goal(), absl::StrCat(path, ".goal")));
  ASSAY_ASSIGN_OR_RETURN(
      metric.select, ToSelect(message.select(), absl::StrCat(path, ".select")));
  if (!message.has_bound()) return metric;
  if (!std::isfinite(message.bound())) {
    return Invalid(absl::StrCat(path, ".bound"), Text(message.bound()),
                   "a finite number");
  }
  metric.bound = message.bound();
  return metric;
}

}  // namespace

absl::StatusOr<std::vector<MetricSpec>> ToMetricSpecs(
    const v1::StudySpec& message) {
  if (message.metrics_size() == 0) {
    return Invalid("metrics", "missing", "1 to 64, one without `bound`");
  }
  if (message.metrics_size() > kMaxMetrics) {
    return Invalid("metrics", absl::StrCat(message.metrics_size()),
                   "at most 64");
  }
  std::vector<MetricSpec> metrics;
  std::set<std::string> names;
  for (int i = 0; i < message.metrics_size(); ++i) {
    ASSAY_ASSIGN_OR_RETURN(
        MetricSpec metric,
        ToMetricSpec(message.metrics(i), Element("metrics", i)));
    if (!names.insert(metric.name).second) {
      return Invalid(absl::StrCat(Element("metrics", i), ".name"),
                     Quote(metric.name), "each name once");
    }
    metrics.push_back(std::move(metric));
  }
  const bool objective =
      std::any_of(metrics.begin(), metrics.end(),
                  [](const MetricSpec& metric) { return !metric.bound; });
  if (!objective) {
    return Invalid("metrics", "each has a `bound`",
                   "at least one objective, a metric without");
  }
  return metrics;
}

}  // namespace assay::convert
