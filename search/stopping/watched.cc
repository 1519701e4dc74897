#include "search/stopping/watched.h"

#include <cmath>
#include <limits>

#include "absl/strings/str_format.h"

namespace assay {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

const MetricSpec* Find(const StudySpec& study, const std::string& name) {
  for (const MetricSpec& metric : study.metrics) {
    if (metric.name == name) return &metric;
  }
  return nullptr;
}

}  // namespace

Watched WatchedMetric(const StudySpec& study, const RuleSpec& rule) {
  const MetricSpec* named = Find(study, rule.metric);
  const MetricSpec& metric =
      named ? *named : study.metrics[Objectives(study)[0]];
  return {metric.name, metric.goal};
}

std::vector<Watched> RankedMetrics(const StudySpec& study,
                                   const RuleSpec& rule) {
  if (Find(study, rule.metric)) return {WatchedMetric(study, rule)};
  std::vector<Watched> ranked;
  for (const int i : Objectives(study)) {
    ranked.push_back({study.metrics[i].name, study.metrics[i].goal});
  }
  for (const MetricSpec& metric : study.metrics) {
    if (!metric.bound) continue;
    ranked.push_back(
        {metric.name, metric.goal, ToCost(*metric.bound, metric.goal)});
  }
  return ranked;
}

double ToCost(double value, Goal goal) {
  const double cost = goal == Goal::kMaximize ? -value : value;
  return std::isnan(cost) ? kInfinity : cost;
}

std::string CostText(double cost, Goal goal) {
  if (cost == kInfinity) return "nan";
  return absl::StrFormat("%.6g", goal == Goal::kMaximize ? -cost : cost);
}

}  // namespace assay
