#include "storage/sqlite/cached_transaction.h"

#include <algorithm>

#include "search/base/status_macros.h"

namespace assay {
namespace {

// The row in `cache`, else what `read` gives, which is then in it.
template <class Cache, class Read>
absl::StatusOr<typename Cache::mapped_type> FindOrRead(
    Cache& cache, const typename Cache::key_type& key, Read read) {
  const auto it = cache.find(key);
  if (it != cache.end()) return it->second;
  absl::StatusOr<typename Cache::mapped_type> row = read();
  if (!row.ok()) return row;
  if (cache.size() >= CachedTransaction::kMaxTrials) cache.clear();
  cache.emplace(key, *row);
  return row;
}

}  // namespace

void CachedTransaction::Forget() {
  studies_.clear();
  trials_.clear();
  attempts_.clear();
  last_sequences_.clear();
}

absl::StatusOr<Study> CachedTransaction::GetStudy(StudyId id) {
  return FindOrRead(studies_, id,
                    [&] { return SqliteTransaction::GetStudy(id); });
}

absl::Status CachedTransaction::UpdateStudy(const Study& study) {
  studies_.erase(study.id);
  return SqliteTransaction::UpdateStudy(study);
}

absl::Status CachedTransaction::UpdateProgress(const Study& study) {
  ASSAY_RETURN_IF_ERROR(SqliteTransaction::UpdateProgress(study));
  const auto it = studies_.find(study.id);
  if (it == studies_.end()) return absl::OkStatus();
  it->second.counts.measurements = study.counts.measurements;
  it->second.counts.steps = study.counts.steps;
  it->second.revision = study.revision;
  return absl::OkStatus();
}

absl::StatusOr<Trial> CachedTransaction::GetTrial(TrialId id) {
  return FindOrRead(trials_, id,
                    [&] { return SqliteTransaction::GetTrial(id); });
}

absl::Status CachedTransaction::UpdateTrial(const Trial& trial,
                                            std::optional<double> objective) {
  trials_.erase(trial.id);
  return SqliteTransaction::UpdateTrial(trial, objective);
}

absl::Status CachedTransaction::UpdateLastStep(TrialId trial,
                                               int64_t last_step) {
  ASSAY_RETURN_IF_ERROR(SqliteTransaction::UpdateLastStep(trial, last_step));
  const auto it = trials_.find(trial);
  if (it != trials_.end()) it->second.last_step = last_step;
  return absl::OkStatus();
}

absl::StatusOr<Attempt> CachedTransaction::GetAttempt(TrialId trial,
                                                      int32_t number) {
  return FindOrRead(attempts_, {trial, number}, [&] {
    return SqliteTransaction::GetAttempt(trial, number);
  });
}

absl::Status CachedTransaction::UpdateAttempt(const Attempt& attempt) {
  attempts_.erase({attempt.trial, attempt.number});
  return SqliteTransaction::UpdateAttempt(attempt);
}

absl::StatusOr<int64_t> CachedTransaction::LastSequence(TrialId trial,
                                                        int32_t attempt) {
  return FindOrRead(last_sequences_, {trial, attempt}, [&] {
    return SqliteTransaction::LastSequence(trial, attempt);
  });
}

absl::Status CachedTransaction::InsertMeasurement(
    StudyId study, TrialId trial, int32_t attempt,
    const Measurement& measurement) {
  ASSAY_RETURN_IF_ERROR(
      SqliteTransaction::InsertMeasurement(study, trial, attempt, measurement));
  const auto it = last_sequences_.find({trial, attempt});
  if (it == last_sequences_.end()) return absl::OkStatus();
  it->second = std::max(it->second, measurement.sequence);
  return absl::OkStatus();
}

}  // namespace assay
