#include "search/stopping/savings.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>
#include <vector>

#include "search/base/status_macros.h"
#include "search/factory.h"
#include "search/pareto.h"
#include "search/stopping/extrapolation.h"
#include "search/stopping/running_curves.h"
#include "search/stopping/savings_tally.h"

namespace assay {
namespace {

// Whether the rule had a reason to stop each trial that was STOPPED.
std::vector<bool> StoppedByRule(EarlyStoppingRule& rule,
                                absl::Span<const RecordedTrial> recorded) {
  std::vector<bool> by_rule(recorded.size(), false);
  for (const auto& [revision, i, report] : EventsOf(recorded)) {
    const Trial& trial = recorded[i].trial;
    if (report) {
      rule.ObserveReport(trial.id, report->attempt, report->measurement);
    }
    if (trial.state == TrialState::kStopped && !by_rule[i]) {
      by_rule[i] = rule.ReasonToStop(trial.id).has_value();
    }
    if (!report) rule.ObserveEnd(trial);
  }
  return by_rule;
}

// What the trials show of the first objective, as costs.
class Curves {
 public:
  Curves(const StudySpec& study, absl::Span<const RecordedTrial> recorded)
      : curves_({WatchedMetric(study, {})}) {
    for (const RecordedTrial& one : recorded) {
      for (const auto& [attempt, measurement] : one.reports) {
        curves_.Add(one.trial.id, attempt, measurement);
      }
      if (one.trial.state != TrialState::kCompleted) continue;
      const auto value = one.trial.final_metrics.find(watched().metric);
      if (value == one.trial.final_metrics.end()) continue;
      const double cost = ToCost(value->second, watched().goal);
      if (!std::isfinite(cost)) continue;
      ends_.push_back({one.trial.id, cost});
      if (!IsFeasible(study, one.trial)) continue;
      best_ = best_ ? std::min(*best_, cost) : cost;
    }
  }

  std::optional<double> best() const { return best_; }

  // nullptr without a finite value.
  const Curve* Find(TrialId trial) const {
    const TrialCurves* run = curves_.Find(trial);
    const Curve::Point* newest = run ? run->Newest() : nullptr;
    return newest && std::isfinite(newest->cost) ? &run->curves[0] : nullptr;
  }

  // How much lower each COMPLETED trial ended than it was at `step`.
  std::vector<double> GainsFrom(int64_t step) const {
    std::vector<double> gains;
    for (const auto& [trial, end] : ends_) {
      const TrialCurves* run = curves_.Find(trial);
      const Curve::Point* point = run ? run->curves[0].LastUpTo(step) : nullptr;
      if (point && std::isfinite(point->cost)) {
        gains.push_back(point->cost - end);
      }
    }
    return gains;
  }

 private:
  struct End {
    TrialId trial;
    double cost;
  };

  const Watched& watched() const { return curves_.watched()[0]; }

  RunningCurves curves_;
  std::vector<End> ends_;
  std::optional<double> best_;
};

// Where a stopped trial would have ended.
struct WouldEnd {
  std::optional<Extrapolation> extrapolated;
  std::vector<double> costs;  // Else: each as likely. Sorted.

  double ChanceBelow(double cost) const {
    if (extrapolated) return extrapolated->ChanceBelow(cost);
    const auto below =
        std::lower_bound(costs.begin(), costs.end(), cost) - costs.begin();
    return static_cast<double>(below) / static_cast<double>(costs.size());
  }
};

std::optional<WouldEnd> WhereItWouldEnd(const Curves& curves, TrialId trial,
                                        int64_t max_steps) {
  const Curve* curve = curves.Find(trial);
  if (!curve) return std::nullopt;
  WouldEnd would;
  std::vector<Extrapolation::Point> points;
  for (const Curve::Point& point : curve->points()) {
    points.push_back({point.step, point.cost});
  }
  would.extrapolated = Extrapolation::Of(points, max_steps);
  if (would.extrapolated) return would;
  const Curve::Point& last = curve->points().back();
  for (const double gain : curves.GainsFrom(last.step)) {
    would.costs.push_back(last.cost - gain);
  }
  if (would.costs.empty()) return std::nullopt;
  std::sort(would.costs.begin(), would.costs.end());
  return would;
}

Savings::Loss LossOf(const std::vector<WouldEnd>& ends, double best) {
  // That one of them lies below the best by more than `loss`.
  const auto chance_of = [&](double loss) {
    double none = 1;
    for (const WouldEnd& end : ends) none *= 1 - end.ChanceBelow(best - loss);
    return 1 - none;
  };
  constexpr double kNegligible = 1e-3;
  constexpr int kIntervals = 256;
  Savings::Loss loss{.judged = static_cast<int64_t>(ends.size()),
                     .chance_better = chance_of(0)};
  double width = 1e-12 * std::max(std::abs(best), 1e-12);
  for (int i = 0; i < 100 && chance_of(width) > kNegligible; ++i) width *= 2;
  const double piece = width / kIntervals;
  double before = loss.chance_better;
  for (int i = 1; i <= kIntervals; ++i) {
    const double chance = chance_of(piece * i);
    loss.expected += piece * (before + chance) / 2;
    if (chance > 0.05) loss.high = piece * i;
    before = chance;
  }
  return loss;
}

}  // namespace

absl::StatusOr<Savings> SavingsOf(const StudySpec& study,
                                  absl::Span<const RecordedTrial> recorded) {
  ASSAY_ASSIGN_OR_RETURN(const std::unique_ptr<EarlyStoppingRule> rule,
                         MakeEarlyStoppingRule(study));
  const std::vector<bool> by_rule =
      rule ? StoppedByRule(*rule, recorded)
           : std::vector<bool>(recorded.size(), false);
  SavingsTally tally(study);
  for (size_t i = 0; i < recorded.size(); ++i) {
    tally.Add(recorded[i], by_rule[i]);
  }
  Savings savings = tally.savings();
  const Curves curves(study, recorded);
  std::vector<WouldEnd> ends;
  for (size_t i = 0; i < recorded.size(); ++i) {
    if (!by_rule[i]) continue;
    if (auto end =
            WhereItWouldEnd(curves, recorded[i].trial.id, savings.max_steps)) {
      ends.push_back(*std::move(end));
    }
  }
  if (!ends.empty() && curves.best()) {
    savings.loss = LossOf(ends, *curves.best());
  }
  return savings;
}

}  // namespace assay
