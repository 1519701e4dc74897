#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "storage/sqlite/transaction.h"

namespace assay {

// The writer's transaction: remembers, from one body and one group to the next,
// the rows that each report reads. Every change goes to the database at once;
// nobody else changes it. Used by the writer thread.
class CachedTransaction final : public SqliteTransaction {
 public:
  static constexpr size_t kMaxTrials = 1024;

  using SqliteTransaction::SqliteTransaction;

  // After anything was rolled back.
  void Forget();

  absl::StatusOr<Study> GetStudy(StudyId id) override;
  absl::Status UpdateStudy(const Study& study) override;
  absl::Status UpdateProgress(const Study& study) override;

  absl::StatusOr<Trial> GetTrial(TrialId id) override;
  absl::Status UpdateTrial(const Trial& trial,
                           std::optional<double> objective) override;
  absl::Status UpdateLastStep(TrialId trial, int64_t last_step) override;

  absl::StatusOr<Attempt> GetAttempt(TrialId trial, int32_t number) override;
  absl::Status UpdateAttempt(const Attempt& attempt) override;

  absl::StatusOr<int64_t> LastSequence(TrialId trial, int32_t attempt) override;
  absl::Status InsertMeasurement(StudyId study, TrialId trial, int32_t attempt,
                                 const Measurement& measurement) override;

 private:
  using AttemptKey = std::pair<TrialId, int32_t>;

  absl::flat_hash_map<StudyId, Study> studies_;
  absl::flat_hash_map<TrialId, Trial> trials_;
  absl::flat_hash_map<AttemptKey, Attempt> attempts_;
  absl::flat_hash_map<AttemptKey, int64_t> last_sequences_;
};

}  // namespace assay
