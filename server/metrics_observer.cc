#include "server/metrics_observer.h"

#include <cmath>
#include <vector>

#include "absl/strings/str_cat.h"
#include "search/base/status_macros.h"
#include "server/best_trials.h"

namespace assay {
namespace {

constexpr int kPage = 1000;

}  // namespace

absl::Status MetricsObserver::Load() {
  for (StudyId after;;) {
    ASSAY_ASSIGN_OR_RETURN(const std::vector<StudyView> page,
                           parts_.registry.List(after, kPage));
    for (const StudyView& view : page) {
      after = view.study.id;
      if (!Show(view.study)) continue;
      ASSAY_RETURN_IF_ERROR(LoadBest(view.study.id, *view.spec));
    }
    if (page.size() < kPage) return absl::OkStatus();
  }
}

// With several objectives the others follow with the next result.
absl::Status MetricsObserver::LoadBest(StudyId study, const StudySpec& spec) {
  std::vector<Trial> best;
  ASSAY_RETURN_IF_ERROR(
      parts_.storage.Read([&](Snapshot& rows) -> absl::Status {
        ASSAY_ASSIGN_OR_RETURN(best, BestTrials(rows, study, spec, 1));
        return absl::OkStatus();
      }));
  for (const Trial& trial : best) Offer(study, spec, trial);
  return absl::OkStatus();
}

bool MetricsObserver::Show(const Study& study) {
  const bool is_over = study.hidden || (study.state == StudyState::kCompleted &&
                                        study.counts.running == 0);
  if (is_over) {
    parts_.metrics.RemoveStudy(study.id);
    MutexLock lock(mutex_);
    best_.erase(study.id);
    return false;
  }
  bool is_new = false;
  {
    MutexLock lock(mutex_);
    is_new = best_.try_emplace(study.id).second;
    if (is_new) {
      parts_.metrics.AddStudy(study.id,
                              absl::StrCat(study.owner, "/", study.name));
    }
  }
  parts_.metrics.SetTrials(study.id, study.counts);
  return is_new;
}

bool MetricsObserver::IsBetter(const Best& a, const Best& b, Goal goal) {
  if (a.is_whole != b.is_whole) return a.is_whole;
  return assay::IsBetter(a.value, b.value, goal);
}

void MetricsObserver::Offer(StudyId study, const StudySpec& spec,
                            const Trial& trial) {
  if (trial.state != TrialState::kCompleted) return;
  const bool is_whole = trial.to_step >= spec.schedule.max_steps;
  for (const MetricSpec& metric : spec.metrics) {
    const auto value = trial.final_metrics.find(metric.name);
    if (value == trial.final_metrics.end() || std::isnan(value->second)) {
      continue;
    }
    MutexLock lock(mutex_);
    const auto bests = best_.find(study);
    if (bests == best_.end()) return;
    const Best offered = {is_whole, value->second};
    const auto [best, is_first] =
        bests->second.try_emplace(metric.name, offered);
    if (!is_first && !IsBetter(offered, best->second, metric.goal)) continue;
    best->second = offered;
    parts_.metrics.SetBest(study, metric.name, value->second);
  }
}

void MetricsObserver::Changed(const StudyChange& change) {
  for (const Attempt& attempt : change.ended) {
    parts_.metrics.AddTrainingSeconds(attempt.outcome,
                                      attempt.training_seconds);
    if (attempt.outcome == AttemptOutcome::kLost) {
      parts_.metrics.CountLeaseExpiry();
    }
  }
  // A study that was reopened has results already; one read a reopening.
  if (Show(change.study) && change.study.counts.completed > 0) {
    LoadBest(change.study.id, *change.spec).IgnoreError();
  }
  for (const Trial& trial : change.ended_trials) {
    Offer(change.study.id, *change.spec, trial);
  }
}

std::vector<StudyId> MetricsObserver::Shown() const {
  std::vector<StudyId> shown;
  MutexLock lock(mutex_);
  for (const auto& [study, best] : best_) shown.push_back(study);
  return shown;
}

void MetricsObserver::MeasureStock() {
  for (const StudyId study : Shown()) {
    const auto runner = parts_.registry.RunnerIfAny(study);
    if (runner) parts_.metrics.SetStock(study, runner->stock());
  }
}

// Only an ACTIVE study waits.
void MetricsObserver::MeasureWaiting() {
  std::map<StudyId, std::string> reasons;
  for (const auto& candidate : parts_.registry.Candidates()) {
    reasons[candidate.id] = ToText(parts_.workers.ShortageFor(*candidate.spec));
  }
  for (const StudyId study : Shown()) {
    const auto runner = parts_.registry.RunnerIfAny(study);
    const bool failed =
        runner && runner->supply() == SearchRunner::Supply::kFailed;
    parts_.metrics.SetWaiting(study, failed ? "search_failed" : reasons[study]);
  }
}

}  // namespace assay
