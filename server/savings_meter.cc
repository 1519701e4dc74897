#include "server/savings_meter.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "search/base/status_macros.h"

namespace assay {
namespace {

constexpr int kPage = 1000;

bool LeavesConfigurations(const StudySpec& spec) {
  return spec.schedule.exists() && !spec.schedule.IsPopulation();
}

// Reports and ends in the order of the log.
void Feed(const Changes& changes, RunningSavings& savings) {
  size_t next = 0;
  const auto feed_until = [&](int64_t revision) {
    for (; next < changes.measurements.size() &&
           changes.measurements[next].revision < revision;
         ++next) {
      savings.ObserveReport(changes.measurement_trials[next],
                            changes.measurement_attempts[next],
                            changes.measurements[next]);
    }
  };
  for (const Trial& trial : changes.trials) {
    if (!IsFinished(trial)) {
      savings.ObserveUnfinished(trial);
      continue;
    }
    feed_until(trial.ended_revision);
    savings.ObserveEnd(trial);
  }
  feed_until(std::numeric_limits<int64_t>::max());
}

}  // namespace

absl::Status SavingsMeter::Load() {
  for (StudyId after;;) {
    ASSAY_ASSIGN_OR_RETURN(const std::vector<StudyView> page,
                           parts_.registry.List(after, kPage));
    for (const StudyView& view : page) {
      after = view.study.id;
      Note(view.study, view.spec);
    }
    if (page.size() < kPage) return absl::OkStatus();
  }
}

void SavingsMeter::Changed(const StudyChange& change) {
  Note(change.study, change.spec);
}

void SavingsMeter::Note(const Study& study,
                        std::shared_ptr<const StudySpec> spec) {
  if (spec->stopping.empty() && !LeavesConfigurations(*spec)) return;
  const bool is_over = study.hidden || (study.state == StudyState::kCompleted &&
                                        study.counts.running == 0);
  MutexLock lock(mutex_);
  if (is_over) {
    if (wanted_.erase(study.id) > 0) over_.insert(study.id);
    return;
  }
  wanted_[study.id] = {std::move(spec), true};
}

void SavingsMeter::Measure() {
  {
    MutexLock lock(mutex_);
    const bool is_new =
        !over_.empty() ||
        std::any_of(wanted_.begin(), wanted_.end(),
                    [](const auto& entry) { return entry.second.is_new; });
    if (!is_new || std::exchange(reading_, true)) return;
  }
  parts_.executor.Post([this] { ReadSome(); });
}

void SavingsMeter::ReadSome() {
  std::optional<std::pair<StudyId, std::shared_ptr<const StudySpec>>> next;
  std::set<StudyId> over;
  {
    MutexLock lock(mutex_);
    over.swap(over_);
    for (auto& [study, wanted] : wanted_) {
      if (!std::exchange(wanted.is_new, false)) continue;
      next.emplace(study, wanted.spec);
      break;
    }
    reading_ = next.has_value();
  }
  for (const StudyId study : over) followed_.erase(study);
  if (!next) return;
  const auto& [study, spec] = *next;
  const absl::StatusOr<bool> more = ReadPage(study, *spec);
  if (more.ok() && *more) {
    MutexLock lock(mutex_);
    const auto wanted = wanted_.find(study);
    if (wanted != wanted_.end()) wanted->second.is_new = true;
  }
  parts_.executor.Post([this] { ReadSome(); });
}

absl::StatusOr<bool> SavingsMeter::ReadPage(StudyId study,
                                            const StudySpec& spec) {
  Followed& followed = followed_[study];
  if (!followed.savings) {
    ASSAY_ASSIGN_OR_RETURN(followed.savings, RunningSavings::Create(spec));
  }
  Changes changes;
  ASSAY_RETURN_IF_ERROR(
      parts_.storage.Read([&](Snapshot& rows) -> absl::Status {
        ASSAY_ASSIGN_OR_RETURN(
            changes, rows.ChangesAfter(study, followed.through, kPage));
        return absl::OkStatus();
      }));
  Feed(changes, *followed.savings);
  const bool more = changes.through > followed.through;
  followed.through = changes.through;
  if (!more) Show(study, spec, followed.savings->savings());
  return more;
}

void SavingsMeter::Show(StudyId study, const StudySpec& spec,
                        const Savings& savings) {
  using Saver = ServerMetrics::Saver;
  if (!spec.stopping.empty()) {
    parts_.metrics.SetSaved(study, Saver::kEarlyStopping, savings.seconds);
  }
  if (LeavesConfigurations(spec)) {
    parts_.metrics.SetSaved(study, Saver::kSchedule, savings.schedule.seconds);
  }
}

}  // namespace assay
