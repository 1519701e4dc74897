#include "server/grpc/study_streams.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/convert.h"
#include "search/base/status_macros.h"
#include "server/grpc/study_service.h"

namespace assay {
namespace {

constexpr int kPage = 500;

v1::TrialMeasurement ToMessage(TrialId trial, int32_t attempt,
                               const Measurement& measurement) {
  v1::TrialMeasurement message;
  message.set_trial_id(trial.value);
  message.set_attempt(attempt);
  *message.mutable_measurement() = assay::ToMessage(measurement);
  return message;
}

}  // namespace

// --- Watch ------------------------------------------------------------------

absl::StatusOr<std::optional<v1::WatchStudyResponse>> WatchStream::Next() {
  if (snapshot_next_) return SnapshotPage();
  return ChangePage();
}

absl::StatusOr<v1::WatchStudyResponse> WatchStream::SnapshotPage() {
  v1::WatchStudyResponse message;
  message.set_snapshot(true);
  const bool is_first = *snapshot_next_ < 0;
  ASSAY_ASSIGN_OR_RETURN(const StudyView view, context_.studies.Get(study_));
  if (is_first) {
    // Trials that change while later pages are read come again as changes.
    after_ = view.study.revision;
    *message.mutable_study() = assay::ToMessage(context_, view);
  }
  std::vector<Trial> trials;
  ASSAY_RETURN_IF_ERROR(
      context_.storage.Read([&](Snapshot& rows) -> absl::Status {
        ASSAY_ASSIGN_OR_RETURN(
            trials, rows.ListTrials(study_, {.after_number = *snapshot_next_,
                                             .limit = kPage}));
        return absl::OkStatus();
      }));
  for (const Trial& trial : trials) {
    *message.add_trials() = assay::ToMessage(trial, view.study.seed);
  }
  if (trials.size() < kPage) {
    snapshot_next_ = std::nullopt;
  } else {
    snapshot_next_ = trials.back().number;
  }
  message.set_revision(after_);
  return message;
}

absl::StatusOr<std::optional<v1::WatchStudyResponse>>
WatchStream::ChangePage() {
  ASSAY_ASSIGN_OR_RETURN(const StudyView view, context_.studies.Get(study_));
  if (after_ < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("after: ", after_, "; at least 0"));
  }
  if (after_ > view.study.revision) {
    return absl::OutOfRangeError(absl::StrCat("after: ", after_,
                                              " is beyond the newest revision ",
                                              view.study.revision));
  }
  if (view.study.revision - after_ > kMaxLag) {
    snapshot_next_ = -1;
    return SnapshotPage();
  }
  Changes changes;
  ASSAY_RETURN_IF_ERROR(
      context_.storage.Read([&](Snapshot& rows) -> absl::Status {
        ASSAY_ASSIGN_OR_RETURN(changes,
                               rows.ChangesAfter(study_, after_, kPage));
        return absl::OkStatus();
      }));
  if (changes.through <= after_) {
    AwaitChange();
    return std::nullopt;
  }
  v1::WatchStudyResponse message;
  *message.mutable_study() = assay::ToMessage(context_, view);
  for (const Trial& trial : changes.trials) {
    *message.add_trials() = assay::ToMessage(trial, view.study.seed);
  }
  for (size_t i = 0; i < changes.measurements.size(); ++i) {
    *message.add_measurements() =
        ToMessage(changes.measurement_trials[i],
                  changes.measurement_attempts[i], changes.measurements[i]);
  }
  after_ = changes.through;
  message.set_revision(after_);
  return message;
}

void WatchStream::AwaitChange() {
  MutexLock lock(mutex_);
  auto self = std::static_pointer_cast<WatchStream>(shared_from_this());
  // Continue() only posts, so that calling it under the lock is fine.
  ticket_ = context_.feed.Await(study_, after_,
                                [self = std::move(self)] { self->Continue(); });
  if (ticket_ != 0 && is_cancelled() && context_.feed.Cancel(study_, ticket_)) {
    ticket_ = 0;
    Continue();  // Which ends the stream.
  }
}

bool WatchStream::StopWaiting() {
  MutexLock lock(mutex_);
  return ticket_ != 0 &&
         context_.feed.Cancel(study_, std::exchange(ticket_, 0));
}

// --- Export -----------------------------------------------------------------

absl::StatusOr<std::optional<v1::ExportStudyResponse>> ExportStream::Next() {
  v1::ExportStudyResponse page;
  if (!std::exchange(began_, true)) {
    ASSAY_ASSIGN_OR_RETURN(const StudyView view, context_.studies.Get(study_));
    seed_ = view.study.seed;
    *page.mutable_study() = assay::ToMessage(context_, view);
    return page;
  }
  ASSAY_RETURN_IF_ERROR(context_.storage.Read([&](Snapshot& rows) {
    return curves_left_.empty() ? AddTrials(rows, page)
                                : AddMeasurements(rows, page);
  }));
  if (page.trials().empty() && page.measurements().empty() &&
      curves_left_.empty()) {
    SetAtEnd();
    return std::nullopt;
  }
  return page;
}

absl::Status ExportStream::AddTrials(Snapshot& rows,
                                     v1::ExportStudyResponse& page) {
  ASSAY_ASSIGN_OR_RETURN(
      std::vector<Trial> trials,
      rows.ListTrials(study_, {.after_number = after_number_, .limit = kPage}));
  for (const Trial& trial : trials) {
    v1::Trial& message = *page.add_trials();
    message = assay::ToMessage(trial, seed_);
    ASSAY_ASSIGN_OR_RETURN(const std::vector<Attempt> attempts,
                           rows.ListAttempts(trial.id));
    for (const Attempt& attempt : attempts) {
      *message.add_attempt_list() = assay::ToMessage(attempt);
    }
    after_number_ = trial.number;
  }
  if (with_measurements_) curves_left_ = std::move(trials);
  return absl::OkStatus();
}

absl::Status ExportStream::AddMeasurements(Snapshot& rows,
                                           v1::ExportStudyResponse& page) {
  while (!curves_left_.empty() && page.measurements_size() < kPage) {
    const Trial& trial = curves_left_.front();
    ASSAY_ASSIGN_OR_RETURN(const std::vector<Measurement> curve,
                           rows.ListMeasurements(trial.id, trial.attempts,
                                                 after_sequence_, kPage));
    for (const Measurement& measurement : curve) {
      *page.add_measurements() =
          ToMessage(trial.id, trial.attempts, measurement);
      after_sequence_ = measurement.sequence;
    }
    if (curve.size() == kPage) return absl::OkStatus();
    curves_left_.erase(curves_left_.begin());
    after_sequence_ = 0;
  }
  // An empty page would end the stream: go on with the next trials.
  if (page.measurements().empty() && curves_left_.empty()) {
    return AddTrials(rows, page);
  }
  return absl::OkStatus();
}

}  // namespace assay
