// Queries of SqliteTransaction about checkpoints.

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "search/base/sha256.h"
#include "search/base/status_macros.h"
#include "storage/sqlite/json.h"
#include "storage/sqlite/read_rows.h"
#include "storage/sqlite/rows.h"
#include "storage/sqlite/transaction.h"

namespace assay {
namespace {

absl::StatusOr<Checkpoint> ReadWithManifest(Statement& statement) {
  Checkpoint checkpoint = ReadCheckpoint(statement);
  ASSAY_ASSIGN_OR_RETURN(checkpoint.manifest,
                         DecodeManifest(statement.TextView()));
  return checkpoint;
}

}  // namespace

absl::StatusOr<std::vector<Trial>> SqliteTransaction::ListContinuing(
    TrialId trial) {
  Statement statement = connection_.Prepare(
      "SELECT " ASSAY_TRIAL_COLUMNS
      " FROM trial WHERE continues = ? AND continues <> 0 ORDER BY id");
  statement.Bind(trial.value);
  return ReadAll<Trial>(statement, ReadTrial);
}

absl::StatusOr<std::vector<Trial>> SqliteTransaction::ListContinuations(
    StudyId study, int64_t ordinal, TrialId after) {
  Statement statement = connection_.Prepare(
      "SELECT " ASSAY_TRIAL_COLUMNS
      " FROM trial WHERE study = ? AND ordinal = ? AND id > ?"
      " AND continues <> 0 ORDER BY id");
  statement.Bind(study.value);
  statement.Bind(ordinal);
  statement.Bind(after.value);
  return ReadAll<Trial>(statement, ReadTrial);
}

absl::StatusOr<Checkpoint> SqliteTransaction::GetCheckpoint(CheckpointId id) {
  Statement statement =
      connection_.Prepare("SELECT id, " ASSAY_CHECKPOINT_COLUMNS
                          ", manifest FROM checkpoint WHERE id = ?");
  statement.Bind(id.value);
  return ReadOne<Checkpoint>(statement, ReadWithManifest, "checkpoint ",
                             id.value);
}

absl::StatusOr<std::optional<Checkpoint>> SqliteTransaction::NewestCheckpoint(
    TrialId trial) {
  Statement statement = connection_.Prepare(
      "SELECT id, " ASSAY_CHECKPOINT_COLUMNS
      ", manifest FROM checkpoint WHERE trial = ? ORDER BY id DESC LIMIT 1");
  statement.Bind(trial.value);
  return ReadOptional<Checkpoint>(statement, ReadWithManifest);
}

absl::StatusOr<std::optional<Checkpoint>> SqliteTransaction::FindCheckpoint(
    const Checkpoint& like) {
  ASSAY_ASSIGN_OR_RETURN(const std::string manifest,
                         EncodeManifest(like.manifest));
  Statement statement = connection_.Prepare(
      "SELECT id, " ASSAY_CHECKPOINT_COLUMNS
      ", manifest FROM checkpoint"
      " WHERE trial = ? AND attempt = ? AND step = ? AND digest = ?");
  statement.Bind(like.trial.value);
  statement.Bind(like.attempt);
  statement.Bind(like.step);
  const std::string digest = Sha256(manifest);
  statement.BindBlob(digest);
  return ReadOptional<Checkpoint>(statement, ReadWithManifest);
}

absl::StatusOr<std::vector<Checkpoint>> SqliteTransaction::ListCheckpoints(
    StudyId study, TrialId trial, CheckpointId after, int limit) {
  static constexpr char kAll[] = "SELECT id, " ASSAY_CHECKPOINT_COLUMNS
                                 " FROM checkpoint WHERE id > ?2 AND ?1 = 0"
                                 " ORDER BY id LIMIT ?3";
  static constexpr char kOfStudy[] =
      "SELECT id, " ASSAY_CHECKPOINT_COLUMNS
      " FROM checkpoint WHERE study = ?1 AND id > ?2"
      " ORDER BY id LIMIT ?3";
  static constexpr char kOfTrial[] =
      "SELECT id, " ASSAY_CHECKPOINT_COLUMNS
      " FROM checkpoint WHERE trial = ?1 AND id > ?2"
      " ORDER BY id LIMIT ?3";
  Statement statement =
      connection_.Prepare(trial ? kOfTrial : (study ? kOfStudy : kAll));
  statement.Bind(trial ? trial.value : study.value);
  statement.Bind(after.value);
  statement.Bind(std::max(limit, 0));
  return ReadAll<Checkpoint>(statement, ReadCheckpoint);
}

absl::StatusOr<bool> SqliteTransaction::IsChunkNamed(const std::string& hash) {
  Statement statement = connection_.Prepare(
      "SELECT EXISTS (SELECT 1 FROM study_chunk WHERE hash = ?)");
  statement.BindBlob(hash);
  ASSAY_ASSIGN_OR_RETURN(const bool row, statement.Step());
  return row && statement.Int() != 0;
}

absl::StatusOr<int64_t> SqliteTransaction::CheckpointBytes(StudyId study) {
  Statement statement = connection_.Prepare(
      "SELECT COALESCE(SUM(bytes), 0) FROM checkpoint_usage"
      " WHERE study = ?1 OR ?1 = 0");
  statement.Bind(study.value);
  ASSAY_ASSIGN_OR_RETURN(const bool row, statement.Step());
  return row ? statement.Int() : 0;
}

absl::StatusOr<int64_t> SqliteTransaction::CheckpointBytesNewTo(
    StudyId study, const Manifest& manifest) {
  int64_t bytes = 0;
  for (const auto& [hash, size] : ChunksOf(manifest)) {
    Statement statement = connection_.Prepare(
        "SELECT 1 FROM study_chunk WHERE hash = ? AND study = ?");
    statement.BindBlob(hash);
    statement.Bind(study.value);
    ASSAY_ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) bytes += size;
  }
  return bytes;
}

absl::Status SqliteTransaction::CountBytes(StudyId study, int64_t bytes) {
  Statement statement = connection_.Prepare(
      "INSERT INTO checkpoint_usage (study, bytes) VALUES (?1, MAX(?2, 0))"
      " ON CONFLICT DO UPDATE SET bytes = bytes + ?2");
  statement.Bind(study.value);
  statement.Bind(bytes);
  return Named(statement.Run(), "study ", study.value, " checkpoint bytes");
}

// Gives the bytes of those that are new to the study.
absl::StatusOr<int64_t> SqliteTransaction::NameChunks(
    const Checkpoint& checkpoint) {
  int64_t bytes = 0;
  for (const auto& [hash, size] : ChunksOf(checkpoint.manifest)) {
    Statement statement = connection_.Prepare(
        "INSERT INTO study_chunk (hash, study, size, checkpoints)"
        " VALUES (?,?,?,1) ON CONFLICT DO UPDATE SET"
        " checkpoints = checkpoints + 1 RETURNING checkpoints");
    statement.BindBlob(hash);
    statement.Bind(checkpoint.study.value);
    statement.Bind(size);
    ASSAY_ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (row && statement.Int() == 1) bytes += size;
    ASSAY_RETURN_IF_ERROR(statement.Run());
  }
  return bytes;
}

absl::StatusOr<CheckpointId> SqliteTransaction::InsertCheckpoint(
    const Checkpoint& checkpoint) {
  ASSAY_ASSIGN_OR_RETURN(const std::string manifest,
                         EncodeManifest(checkpoint.manifest));
  const std::string digest = Sha256(manifest);
  Statement statement =
      connection_.Prepare("INSERT INTO checkpoint (" ASSAY_CHECKPOINT_COLUMNS
                          ", digest, manifest) VALUES (?,?,?,?,?,?,?,?,?,?)");
  BindCheckpoint(statement, checkpoint);
  statement.BindBlob(digest);
  statement.BindText(manifest);
  ASSAY_RETURN_IF_ERROR(
      Named(statement.Run(), "checkpoint of trial ", checkpoint.trial.value,
            " attempt ", checkpoint.attempt, " at step ", checkpoint.step));
  const CheckpointId id{connection_.LastInsertId()};
  ASSAY_ASSIGN_OR_RETURN(const int64_t bytes, NameChunks(checkpoint));
  ASSAY_RETURN_IF_ERROR(CountBytes(checkpoint.study, bytes));
  return id;
}

absl::Status SqliteTransaction::SetUnneeded(CheckpointId id,
                                            std::optional<absl::Time> since) {
  Statement statement = connection_.Prepare(
      "UPDATE checkpoint SET unneeded_since = ? WHERE id = ?");
  statement.BindTime(since);
  statement.Bind(id.value);
  return RunOnOneRow(connection_, statement, "checkpoint ", id.value);
}

absl::StatusOr<bool> SqliteTransaction::ReleaseChunk(StudyId study,
                                                     const std::string& hash) {
  Statement drop = connection_.Prepare(
      "DELETE FROM study_chunk WHERE hash = ? AND study = ?"
      " AND checkpoints = 1");
  drop.BindBlob(hash);
  drop.Bind(study.value);
  ASSAY_RETURN_IF_ERROR(drop.Run());
  if (connection_.Changes() > 0) return true;
  Statement count = connection_.Prepare(
      "UPDATE study_chunk SET checkpoints = checkpoints - 1"
      " WHERE hash = ? AND study = ?");
  count.BindBlob(hash);
  count.Bind(study.value);
  ASSAY_RETURN_IF_ERROR(count.Run());
  return false;
}

absl::StatusOr<std::vector<std::string>> SqliteTransaction::DeleteCheckpoint(
    CheckpointId id) {
  ASSAY_ASSIGN_OR_RETURN(const Checkpoint checkpoint, GetCheckpoint(id));
  std::vector<std::string> nobodys;
  int64_t bytes = 0;
  for (const auto& [hash, size] : ChunksOf(checkpoint.manifest)) {
    ASSAY_ASSIGN_OR_RETURN(const bool is_last,
                           ReleaseChunk(checkpoint.study, hash));
    if (!is_last) continue;
    bytes += size;
    ASSAY_ASSIGN_OR_RETURN(const bool is_named, IsChunkNamed(hash));
    if (!is_named) nobodys.push_back(hash);
  }
  ASSAY_RETURN_IF_ERROR(CountBytes(checkpoint.study, -bytes));
  Statement statement =
      connection_.Prepare("DELETE FROM checkpoint WHERE id = ?");
  statement.Bind(id.value);
  ASSAY_RETURN_IF_ERROR(
      RunOnOneRow(connection_, statement, "checkpoint ", id.value));
  return nobodys;
}

}  // namespace assay
