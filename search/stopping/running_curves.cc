#include "search/stopping/running_curves.h"

#include <algorithm>
#include <utility>

namespace assay {

const Curve::Point* TrialCurves::Newest() const {
  const std::vector<Curve::Point>& points = curves[0].points();
  return points.empty() ? nullptr : &points.back();
}

const Curve::Point* JudgedPoint(const TrialCurves& trial,
                                const RuleSpec& rule) {
  const Curve::Point* newest = trial.Newest();
  if (newest == nullptr || newest->step < rule.warmup_steps) return nullptr;
  const int64_t beyond =
      (newest->step - rule.warmup_steps) % rule.interval_steps;
  const Curve::Point* judged = trial.curves[0].FirstFrom(newest->step - beyond);
  const int64_t run = judged->step - trial.first_step;
  return run < rule.grace_steps ? nullptr : judged;
}

bool RunningCurves::IsWatched(const Measurement& measurement) const {
  return std::any_of(watched_.begin(), watched_.end(),
                     [&](const Watched& watched) {
                       return measurement.metrics.count(watched.metric) > 0;
                     });
}

TrialCurves RunningCurves::Empty() const {
  TrialCurves empty;
  empty.curves.assign(watched_.size(), Curve(options_));
  return empty;
}

const TrialCurves* RunningCurves::Add(TrialId trial, int32_t attempt,
                                      const Measurement& measurement) {
  if (!IsWatched(measurement)) return nullptr;
  const auto [it, is_new] = trials_.try_emplace(trial);
  TrialCurves& run = it->second;
  if (is_new) run = Empty();
  if (attempt < run.attempt) return nullptr;
  if (attempt > run.attempt) {
    for (Curve& curve : run.curves) curve.CutFrom(measurement.step);
    run.attempt = attempt;
    run.first_step = measurement.step;
  }
  run.first_step = std::min(run.first_step, measurement.step);
  for (size_t i = 0; i < watched_.size(); ++i) {
    const auto value = measurement.metrics.find(watched_[i].metric);
    if (value == measurement.metrics.end()) continue;
    run.curves[i].Add(measurement.step,
                      ToCost(value->second, watched_[i].goal));
  }
  return &run;
}

const TrialCurves* RunningCurves::Find(TrialId trial) const {
  const auto it = trials_.find(trial);
  return it == trials_.end() ? nullptr : &it->second;
}

TrialCurves RunningCurves::Remove(TrialId trial) {
  const auto it = trials_.find(trial);
  if (it == trials_.end()) return Empty();
  TrialCurves run = std::move(it->second);
  trials_.erase(it);
  return run;
}

}  // namespace assay
