#include "server/checkpoint_collector.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include "search/base/status_macros.h"
#include "search/checkpoint_retention.h"
#include "server/best_trials.h"

namespace assay {
namespace {

constexpr int kPage = 200;
// In one write, which others wait for: each may have thousands of chunks.
constexpr size_t kMostExecuted = 10;

bool IsUnfinished(const Trial& trial) {
  return trial.state == TrialState::kPending ||
         trial.state == TrialState::kRunning;
}

bool HasResult(const Trial& trial) {
  return trial.state == TrialState::kCompleted ||
         trial.state == TrialState::kStopped;
}

absl::StatusOr<bool> IsBest(Snapshot& rows, const StudySpec& spec,
                            const Trial& trial) {
  ASSAY_ASSIGN_OR_RETURN(const std::vector<Trial> best,
                         BestTrials(rows, trial.study, spec, 1));
  return !best.empty() && best[0].id == trial.id;
}

// A child that succeeds it, of a child that does, and so on.
absl::StatusOr<bool> HasSuccessor(Snapshot& rows, const Trial& trial,
                                  const ScheduleSpec& schedule,
                                  int generations) {
  if (generations == 0) return true;
  ASSAY_ASSIGN_OR_RETURN(const std::vector<Trial> children,
                         rows.ListContinuing(trial.id));
  for (const Trial& child : children) {
    if (!Succeeds(child, trial, schedule)) continue;
    ASSAY_ASSIGN_OR_RETURN(
        const bool found, HasSuccessor(rows, child, schedule, generations - 1));
    if (found) return true;
  }
  return false;
}

// A later run of its member went on from another one's.
absl::StatusOr<bool> WasLeft(Snapshot& rows, const Trial& trial) {
  ASSAY_ASSIGN_OR_RETURN(
      const std::vector<Trial> later,
      rows.ListContinuations(trial.study, MemberOf(trial), trial.id));
  for (const Trial& run : later) {
    ASSAY_ASSIGN_OR_RETURN(const Trial parent, rows.GetTrial(run.continues));
    if (IsDeparture(run, parent)) return true;
  }
  return false;
}

}  // namespace

absl::StatusOr<bool> CheckpointCollector::IsNeededNow(
    Snapshot& rows, const Checkpoint& checkpoint) const {
  CheckpointFacts facts;
  ASSAY_ASSIGN_OR_RETURN(
      const std::vector<Checkpoint> newer,
      rows.ListCheckpoints({}, checkpoint.trial, checkpoint.id, 1));
  facts.is_newest = newer.empty();
  if (!facts.is_newest) return IsNeeded(facts);
  ASSAY_ASSIGN_OR_RETURN(const Trial trial, rows.GetTrial(checkpoint.trial));
  ASSAY_ASSIGN_OR_RETURN(const Study study, rows.GetStudy(trial.study));
  ASSAY_ASSIGN_OR_RETURN(const auto spec, parts_.studies.Spec(rows, study));
  facts.trial_is_unfinished = IsUnfinished(trial);
  facts.trial_has_result = HasResult(trial);
  ASSAY_ASSIGN_OR_RETURN(const std::vector<Trial> children,
                         rows.ListContinuing(trial.id));
  facts.has_unfinished_child =
      std::any_of(children.begin(), children.end(), IsUnfinished);
  ASSAY_ASSIGN_OR_RETURN(
      facts.has_successor,
      HasSuccessor(rows, trial, spec->schedule,
                   /*generations=*/GoesBack(spec->schedule) ? 2 : 1));
  if (!facts.has_successor && spec->schedule.IsPopulation()) {
    ASSAY_ASSIGN_OR_RETURN(facts.has_successor, WasLeft(rows, trial));
  }
  facts.may_be_continued = MayBeContinued(study, *spec, trial);
  if (!study.hidden) {
    ASSAY_ASSIGN_OR_RETURN(facts.is_best, IsBest(rows, *spec, trial));
  }
  return IsNeeded(facts);
}

absl::StatusOr<CheckpointCollector::Verdict> CheckpointCollector::Judge(
    Snapshot& rows, const Checkpoint& checkpoint) const {
  ASSAY_ASSIGN_OR_RETURN(const bool is_needed, IsNeededNow(rows, checkpoint));
  const bool is_marked = checkpoint.unneeded_since.has_value();
  if (is_needed) return is_marked ? Verdict::kUnmark : Verdict::kAsItIs;
  if (!is_marked) return Verdict::kMark;
  const absl::Duration unneeded =
      parts_.clock.Now() - *checkpoint.unneeded_since;
  return unneeded < parts_.grace ? Verdict::kAsItIs : Verdict::kDelete;
}

void CheckpointCollector::Collect() {
  {
    MutexLock lock(mutex_);
    if (std::exchange(collecting_, true)) return;
  }
  CheckpointId after;
  size_t count = 0;
  do {
    std::vector<CheckpointId> due;
    const absl::Status status =
        parts_.storage.Read([&](Snapshot& rows) -> absl::Status {
          ASSAY_ASSIGN_OR_RETURN(const std::vector<Checkpoint> page,
                                 rows.ListCheckpoints({}, {}, after, kPage));
          for (const Checkpoint& checkpoint : page) {
            ASSAY_ASSIGN_OR_RETURN(const Verdict verdict,
                                   Judge(rows, checkpoint));
            if (verdict != Verdict::kAsItIs) due.push_back(checkpoint.id);
          }
          count = page.size();
          if (count > 0) after = page.back().id;
          return absl::OkStatus();
        });
    if (!status.ok()) break;  // The storage's trouble: again in a minute.
    for (size_t begin = 0; begin < due.size(); begin += kMostExecuted) {
      const size_t end = std::min(due.size(), begin + kMostExecuted);
      Execute({due.begin() + static_cast<std::ptrdiff_t>(begin),
               due.begin() + static_cast<std::ptrdiff_t>(end)});
    }
  } while (count == kPage);
  Sweep();
  parts_.checkpoints.Measure();
  MutexLock lock(mutex_);
  collecting_ = false;
}

void CheckpointCollector::Execute(std::vector<CheckpointId> ids) {
  struct Result {
    std::vector<std::string> freed;
    int deleted = 0;
  };
  auto result = std::make_shared<Result>();
  parts_.storage.Write(
      [this, result, ids = std::move(ids)](Transaction& rows) -> absl::Status {
        for (const CheckpointId id : ids) {
          absl::StatusOr<Checkpoint> checkpoint = rows.GetCheckpoint(id);
          if (absl::IsNotFound(checkpoint.status())) continue;
          ASSAY_RETURN_IF_ERROR(checkpoint.status());
          ASSAY_ASSIGN_OR_RETURN(const Verdict verdict,
                                 Judge(rows, *checkpoint));
          if (verdict == Verdict::kMark) {
            ASSAY_RETURN_IF_ERROR(rows.SetUnneeded(id, parts_.clock.Now()));
          } else if (verdict == Verdict::kUnmark) {
            ASSAY_RETURN_IF_ERROR(rows.SetUnneeded(id, std::nullopt));
          } else if (verdict == Verdict::kDelete) {
            ASSAY_ASSIGN_OR_RETURN(std::vector<std::string> freed,
                                   rows.DeleteCheckpoint(id));
            result->freed.insert(result->freed.end(), freed.begin(),
                                 freed.end());
            result->deleted += 1;
          }
        }
        return absl::OkStatus();
      },
      [this, result](absl::Status status) {
        if (!status.ok() || result->deleted == 0) return;
        parts_.metrics.CountDeletedCheckpoints(result->deleted);
        parts_.pool.Post([this, result] {
          parts_.checkpoints.RemoveUnnamed(result->freed);
        });
      });
}

void CheckpointCollector::Sweep() {
  const absl::Duration now = parts_.clock.SinceBoot();
  {
    MutexLock lock(mutex_);
    if (last_sweep_ != absl::ZeroDuration() &&
        now - last_sweep_ < kChunkGrace) {
      return;
    }
    last_sweep_ = now;
  }
  parts_.checkpoints.Sweep();
}

}  // namespace assay
