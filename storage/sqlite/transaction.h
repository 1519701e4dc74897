#pragma once

#include <optional>
#include <string>
#include <vector>

#include "storage/sqlite/connection.h"
#include "storage/storage.h"

namespace assay {

// Rows of one connection, inside the SQL transaction that its owner opened:
// read on any connection, written on one that may write.
class SqliteTransaction : public Transaction {
 public:
  // `connection` must outlive this.
  explicit SqliteTransaction(Connection& connection)
      : connection_(connection) {}

  absl::StatusOr<Study> GetStudy(StudyId id) override;
  absl::StatusOr<std::optional<Study>> FindStudy(
      const std::string& owner, const std::string& name) override;
  absl::StatusOr<std::vector<Study>> ListStudies(StudyId after,
                                                 int limit) override;
  absl::StatusOr<SpecRevision> GetSpec(StudyId id, int64_t number) override;

  absl::StatusOr<Trial> GetTrial(TrialId id) override;
  absl::StatusOr<std::optional<Trial>> FindTrial(StudyId study,
                                                 int64_t number) override;
  absl::StatusOr<std::vector<Trial>> ListTrials(
      StudyId study, const TrialQuery& query) override;
  absl::StatusOr<std::vector<Trial>> ListUnfinished(StudyId study) override;
  absl::StatusOr<std::optional<Trial>> FirstPending(StudyId study) override;
  absl::StatusOr<std::vector<Trial>> ListEnded(StudyId study,
                                               int64_t after_revision,
                                               int limit) override;
  absl::StatusOr<std::vector<Trial>> ListNewestEnded(StudyId study,
                                                     int limit) override;
  absl::StatusOr<std::vector<Trial>> ListBest(StudyId study, Goal goal,
                                              int64_t least_to_step,
                                              int limit) override;

  absl::StatusOr<Attempt> GetAttempt(TrialId trial, int32_t number) override;
  absl::StatusOr<std::vector<Attempt>> ListAttempts(TrialId trial) override;
  absl::StatusOr<std::vector<Attempt>> ListRunningAttempts() override;
  absl::StatusOr<std::vector<Attempt>> ListRunningAttempts(
      StudyId study, const std::string& holder) override;

  absl::StatusOr<std::optional<Measurement>> FindMeasurement(
      TrialId trial, int32_t attempt, int64_t sequence) override;
  absl::StatusOr<int64_t> LastSequence(TrialId trial, int32_t attempt) override;
  absl::StatusOr<std::optional<Measurement>> LastMeasurement(
      TrialId trial, int32_t attempt) override;
  absl::StatusOr<std::vector<Measurement>> ListMeasurements(
      TrialId trial, int32_t attempt, int64_t after_sequence,
      int limit) override;
  absl::StatusOr<std::vector<EarlierStudy>> ListEarlier(StudyId study) override;
  absl::StatusOr<std::vector<EarlierStudy>> ListEarlierWithTrials(
      StudyId study) override;
  absl::StatusOr<Changes> ChangesAfter(StudyId study, int64_t revision,
                                       int limit) override;

  absl::StatusOr<std::vector<LogPiece>> ReadLog(TrialId trial, int32_t attempt,
                                                int64_t offset,
                                                int limit) override;
  absl::StatusOr<std::optional<LogPiece>> FindLogPiece(TrialId trial,
                                                       int32_t attempt,
                                                       int64_t offset) override;
  absl::StatusOr<std::vector<Attribute>> ListAttributes(StudyId study,
                                                        TrialId trial) override;
  absl::StatusOr<std::optional<RequestRecord>> FindRequest(
      const std::string& owner, const std::string& request_id) override;
  absl::StatusOr<std::vector<Trial>> ListContinuing(TrialId trial) override;
  absl::StatusOr<std::vector<Trial>> ListContinuations(StudyId study,
                                                       int64_t ordinal,
                                                       TrialId after) override;
  absl::StatusOr<Checkpoint> GetCheckpoint(CheckpointId id) override;
  absl::StatusOr<std::optional<Checkpoint>> NewestCheckpoint(
      TrialId trial) override;
  absl::StatusOr<std::optional<Checkpoint>> FindCheckpoint(
      const Checkpoint& like) override;
  absl::StatusOr<std::vector<Checkpoint>> ListCheckpoints(StudyId study,
                                                          TrialId trial,
                                                          CheckpointId after,
                                                          int limit) override;
  absl::StatusOr<bool> IsChunkNamed(const std::string& hash) override;
  absl::StatusOr<int64_t> CheckpointBytes(StudyId study) override;
  absl::StatusOr<int64_t> CheckpointBytesNewTo(
      StudyId study, const Manifest& manifest) override;

  absl::StatusOr<StudyId> InsertStudy(const Study& study) override;
  absl::Status UpdateStudy(const Study& study) override;
  absl::Status UpdateProgress(const Study& study) override;
  absl::Status InsertSpec(StudyId study, const SpecRevision& spec) override;
  absl::Status InsertEarlier(StudyId study, int32_t place,
                             const EarlierStudy& earlier) override;
  absl::StatusOr<TrialId> InsertTrial(const Trial& trial) override;
  absl::Status UpdateTrial(const Trial& trial,
                           std::optional<double> objective) override;
  absl::Status UpdateLastStep(TrialId trial, int64_t last_step) override;
  absl::Status InsertAttempt(const Attempt& attempt, StudyId study) override;
  absl::Status UpdateAttempt(const Attempt& attempt) override;
  absl::Status InsertMeasurement(StudyId study, TrialId trial, int32_t attempt,
                                 const Measurement& measurement) override;
  absl::Status AppendLog(TrialId trial, int32_t attempt, const LogPiece& piece,
                         int64_t keep_bytes) override;
  absl::Status SetAttribute(StudyId study, TrialId trial,
                            const Attribute& attribute) override;
  absl::Status InsertRequest(const std::string& owner,
                             const std::string& request_id,
                             const RequestRecord& record) override;
  absl::Status DeleteRequestsBefore(absl::Time time) override;
  absl::StatusOr<CheckpointId> InsertCheckpoint(
      const Checkpoint& checkpoint) override;
  absl::Status SetUnneeded(CheckpointId id,
                           std::optional<absl::Time> since) override;
  absl::StatusOr<std::vector<std::string>> DeleteCheckpoint(
      CheckpointId id) override;

 private:
  absl::StatusOr<int64_t> NameChunks(const Checkpoint& checkpoint);
  absl::Status CountBytes(StudyId study, int64_t bytes);
  // True if no checkpoint of the study names it any more.
  absl::StatusOr<bool> ReleaseChunk(StudyId study, const std::string& hash);

  Connection& connection_;
};

}  // namespace assay
