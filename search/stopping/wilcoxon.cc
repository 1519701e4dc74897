#include "search/stopping/wilcoxon.h"

#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "search/math/signed_rank.h"
#include "search/pareto.h"

namespace assay {
namespace {

double Mean(const std::map<int64_t, double>& costs) {
  double sum = 0;
  for (const auto& [instance, cost] : costs) sum += cost;
  return sum / static_cast<double>(costs.size());
}

}  // namespace

WilcoxonRule::WilcoxonRule(const StudySpec& study, RuleSpec rule)
    : rule_(std::move(rule)),
      study_(study),
      watched_(WatchedMetric(study, rule_)) {}

void WilcoxonRule::ObserveReport(TrialId trial, int32_t attempt,
                                 const Measurement& measurement) {
  const auto value = measurement.metrics.find(watched_.metric);
  if (!measurement.instance || value == measurement.metrics.end()) return;
  Run& run = running_[trial];
  if (attempt < run.attempt) return;
  if (attempt > run.attempt) run = {.attempt = attempt};
  run.costs[*measurement.instance] = ToCost(value->second, watched_.goal);
}

void WilcoxonRule::ObserveEnd(const Trial& trial) {
  const auto it = running_.find(trial.id);
  if (it == running_.end()) return;
  Costs costs = std::move(it->second.costs);
  running_.erase(it);
  if (trial.state != TrialState::kCompleted) return;
  if (rule_.metric.empty() && !IsFeasible(study_, trial)) return;
  const auto value = trial.final_metrics.find(watched_.metric);
  const double cost = value == trial.final_metrics.end()
                          ? Mean(costs)
                          : ToCost(value->second, watched_.goal);
  if (best_ && best_->cost <= cost) return;
  best_ = {trial.number, cost, std::move(costs)};
}

std::optional<std::string> WilcoxonRule::ReasonToStop(TrialId trial) const {
  const auto it = running_.find(trial);
  if (it == running_.end() || !best_) return std::nullopt;
  std::vector<double> differences;
  double own = 0, best = 0;
  for (const auto& [instance, cost] : it->second.costs) {
    const auto other = best_->costs.find(instance);
    if (other == best_->costs.end()) continue;
    differences.push_back(cost - other->second);
    own += cost;
    best += other->second;
  }
  const double n = static_cast<double>(differences.size());
  if (n < rule_.min_pairs || !(own > best)) return std::nullopt;
  const double p = SignedRankP(differences);
  if (!(p < rule_.p)) return std::nullopt;
  return absl::StrFormat(
      "%s %s on %d instances is worse than %s of trial %d on the same, the "
      "best one: p %.3g in the signed-rank test",
      watched_.metric, CostText(own / n, watched_.goal), differences.size(),
      CostText(best / n, watched_.goal), best_->number, p);
}

}  // namespace assay
