#include "server/checkpoint_registry.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "search/base/status_macros.h"

namespace assay {
namespace {

// A trial's older checkpoints that are dropped at once for want of room.
constexpr int kMostDropped = 100;

std::vector<std::string> HashesOf(const Checkpoint& checkpoint) {
  std::vector<std::string> hashes;
  for (const auto& [hash, size] : ChunksOf(checkpoint.manifest)) {
    hashes.push_back(hash);
  }
  return hashes;
}

absl::Status OverQuota(const Study& study, int64_t used, int64_t wanted,
                       int64_t allowed) {
  return absl::ResourceExhaustedError(absl::StrCat(
      "study \"", study.name, "\": checkpoints.max_bytes: ", wanted,
      " bytes are wanted beside ", used, " that are used; ", allowed,
      " are allowed"));
}

// The attempt it is of, if it still runs.
absl::StatusOr<Trial> FencedTrial(Snapshot& rows,
                                  const Checkpoint& checkpoint) {
  ASSAY_ASSIGN_OR_RETURN(Trial trial, rows.GetTrial(checkpoint.trial));
  ASSAY_RETURN_IF_ERROR(CheckFence(trial, checkpoint.attempt));
  return trial;
}

// The checkpoint if it was committed before. NotFound without its attempt.
absl::StatusOr<std::optional<Checkpoint>> FindSame(
    Snapshot& rows, const Checkpoint& checkpoint) {
  ASSAY_RETURN_IF_ERROR(
      rows.GetAttempt(checkpoint.trial, checkpoint.attempt).status());
  return rows.FindCheckpoint(checkpoint);
}

}  // namespace

absl::Status CheckpointRegistry::CheckRoom() const {
  MutexLock lock(mutex_);
  if (held_back_.empty()) return absl::OkStatus();
  return absl::ResourceExhaustedError(held_back_);
}

void CheckpointRegistry::HoldBack(std::string why) {
  MutexLock lock(mutex_);
  held_back_ = std::move(why);
}

absl::StatusOr<int64_t> CheckpointRegistry::QuotaOf(Snapshot& rows,
                                                    const Study& study) const {
  ASSAY_ASSIGN_OR_RETURN(const auto spec, parts_.studies.Spec(rows, study));
  return spec->checkpoint_bytes.value_or(parts_.max_bytes);
}

// Before anything is sent: refuses what Commit() would refuse whatever it
// dropped of the trial's older ones.
absl::Status CheckpointRegistry::CheckQuota(
    Snapshot& rows, const Checkpoint& checkpoint) const {
  ASSAY_ASSIGN_OR_RETURN(const Trial trial, FencedTrial(rows, checkpoint));
  ASSAY_ASSIGN_OR_RETURN(const Study study, rows.GetStudy(trial.study));
  ASSAY_ASSIGN_OR_RETURN(const int64_t allowed, QuotaOf(rows, study));
  ASSAY_ASSIGN_OR_RETURN(const int64_t used, rows.CheckpointBytes(study.id));
  ASSAY_ASSIGN_OR_RETURN(
      const int64_t wanted,
      rows.CheckpointBytesNewTo(study.id, checkpoint.manifest));
  ASSAY_ASSIGN_OR_RETURN(const std::vector<Checkpoint> older,
                         rows.ListCheckpoints({}, trial.id, {}, kMostDropped));
  int64_t droppable = 0;
  for (const Checkpoint& one : older) droppable += one.bytes;
  if (used - droppable + wanted <= allowed) return absl::OkStatus();
  return OverQuota(study, used, wanted, allowed);
}

absl::StatusOr<std::vector<std::string>> CheckpointRegistry::Missing(
    Checkpoint checkpoint) {
  ASSAY_RETURN_IF_ERROR(CheckRoom());
  parts_.leases.Renew({checkpoint.trial, checkpoint.attempt});
  bool is_known = false;
  ASSAY_RETURN_IF_ERROR(
      parts_.storage.Read([&](Snapshot& rows) -> absl::Status {
        ASSAY_ASSIGN_OR_RETURN(const std::optional<Checkpoint> same,
                               FindSame(rows, checkpoint));
        is_known = same.has_value();
        return is_known ? absl::OkStatus() : CheckQuota(rows, checkpoint);
      }));
  std::vector<std::string> missing;
  if (is_known) return missing;
  parts_.keeper.Hold(HashesOf(checkpoint));
  for (const auto& [hash, size] : ChunksOf(checkpoint.manifest)) {
    if (!parts_.folder.Has(hash, size)) missing.push_back(hash);
  }
  return missing;
}

absl::Status CheckpointRegistry::PutChunk(const std::string& hash,
                                          absl::string_view data) {
  ASSAY_RETURN_IF_ERROR(CheckRoom());
  parts_.keeper.Hold({hash});
  ASSAY_RETURN_IF_ERROR(parts_.folder.Put(hash, data));
  parts_.metrics.CountChunk(static_cast<int64_t>(data.size()));
  return absl::OkStatus();
}

absl::StatusOr<std::string> CheckpointRegistry::GetChunk(
    const std::string& hash) {
  absl::StatusOr<std::string> data = parts_.folder.Get(hash);
  if (!absl::IsDataLoss(data.status())) return data;
  // Read twice, in case it was the reading. A damaged one goes, so that who has
  // the content sends it again.
  absl::StatusOr<std::string> again = parts_.folder.Get(hash);
  if (absl::IsDataLoss(again.status())) {
    parts_.folder.Remove(hash).IgnoreError();
  }
  return again;
}

absl::Status CheckpointRegistry::CheckChunks(
    const Checkpoint& checkpoint) const {
  int64_t missing = 0;
  const std::map<std::string, int64_t> chunks = ChunksOf(checkpoint.manifest);
  for (const auto& [hash, size] : chunks) {
    if (!parts_.folder.Has(hash, size)) ++missing;
  }
  if (missing == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("manifest: ", missing, " of ", chunks.size(),
                   " chunks are not here; send those that Missing names, then "
                   "commit again"));
}

absl::StatusOr<Checkpoint> CheckpointRegistry::Insert(
    Transaction& rows, Checkpoint checkpoint,
    std::vector<std::string>& freed) const {
  ASSAY_ASSIGN_OR_RETURN(std::optional<Checkpoint> same,
                         FindSame(rows, checkpoint));
  if (same) return *std::move(same);
  ASSAY_ASSIGN_OR_RETURN(const Trial trial, FencedTrial(rows, checkpoint));
  ASSAY_ASSIGN_OR_RETURN(const Study study, rows.GetStudy(trial.study));
  ASSAY_ASSIGN_OR_RETURN(const int64_t allowed, QuotaOf(rows, study));
  ASSAY_ASSIGN_OR_RETURN(const int64_t before, rows.CheckpointBytes(study.id));
  ASSAY_ASSIGN_OR_RETURN(const std::vector<Checkpoint> older,
                         rows.ListCheckpoints({}, trial.id, {}, kMostDropped));
  checkpoint.study = study.id;
  checkpoint.created = parts_.clock.Now();
  checkpoint.unneeded_since = std::nullopt;
  ASSAY_ASSIGN_OR_RETURN(checkpoint.id, rows.InsertCheckpoint(checkpoint));
  ASSAY_ASSIGN_OR_RETURN(int64_t used, rows.CheckpointBytes(study.id));
  const int64_t wanted = used - before;
  for (auto drop = older.begin(); used > allowed && drop != older.end();
       ++drop) {
    ASSAY_ASSIGN_OR_RETURN(std::vector<std::string> nobodys,
                           rows.DeleteCheckpoint(drop->id));
    freed.insert(freed.end(), nobodys.begin(), nobodys.end());
    ASSAY_ASSIGN_OR_RETURN(used, rows.CheckpointBytes(study.id));
  }
  if (used > allowed) return OverQuota(study, before, wanted, allowed);
  return checkpoint;
}

void CheckpointRegistry::Commit(Checkpoint checkpoint, Done done) {
  if (absl::Status status = CheckRoom(); !status.ok()) {
    return done(std::move(status));
  }
  parts_.leases.Renew({checkpoint.trial, checkpoint.attempt});
  // Held first: from here on none of them goes.
  std::vector<std::string> hashes = HashesOf(checkpoint);
  parts_.keeper.Hold(hashes);
  if (absl::Status status = CheckChunks(checkpoint); !status.ok()) {
    return done(std::move(status));
  }
  struct Result {
    Checkpoint checkpoint;
    std::vector<std::string> freed;
  };
  auto result = std::make_shared<Result>();
  const size_t bytes =
      1024 + 96 * hashes.size() + 256 * checkpoint.manifest.files.size();
  parts_.storage.Write(
      [this, result, checkpoint = std::move(checkpoint)](
          Transaction& rows) mutable -> absl::Status {
        ASSAY_ASSIGN_OR_RETURN(
            result->checkpoint,
            Insert(rows, std::move(checkpoint), result->freed));
        return absl::OkStatus();
      },
      [this, result, hashes = std::move(hashes),
       done = std::move(done)](absl::Status status) mutable {
        if (!status.ok()) return done(std::move(status));
        parts_.metrics.CountCheckpoint();
        parts_.pool.Post([this, result, hashes = std::move(hashes)] {
          parts_.keeper.Release(hashes);
          RemoveUnnamed(result->freed);
          Measure();
        });
        done(result->checkpoint);
      },
      bytes);
}

absl::StatusOr<bool> CheckpointRegistry::IsNamed(
    const std::string& hash) const {
  bool is_named = true;
  ASSAY_RETURN_IF_ERROR(
      parts_.storage.Read([&](Snapshot& rows) -> absl::Status {
        ASSAY_ASSIGN_OR_RETURN(is_named, rows.IsChunkNamed(hash));
        return absl::OkStatus();
      }));
  return is_named;
}

// What cannot be asked now is found by the next sweep.
void CheckpointRegistry::RemoveUnnamed(const std::vector<std::string>& hashes) {
  parts_.keeper
      .RemoveUnnamed(hashes,
                     [this](const std::string& hash) { return IsNamed(hash); })
      .IgnoreError();
}

void CheckpointRegistry::Measure() {
  parts_.storage
      .Read([&](Snapshot& rows) -> absl::Status {
        ASSAY_ASSIGN_OR_RETURN(const int64_t bytes, rows.CheckpointBytes({}));
        parts_.metrics.SetCheckpointBytes(bytes);
        return absl::OkStatus();
      })
      .IgnoreError();
}

void CheckpointRegistry::Sweep() {
  parts_.keeper.Sweep([this](const std::string& hash) { return IsNamed(hash); })
      .IgnoreError();
}

absl::StatusOr<Checkpoint> CheckpointRegistry::Get(CheckpointId id) {
  Checkpoint checkpoint;
  ASSAY_RETURN_IF_ERROR(
      parts_.storage.Read([&](Snapshot& rows) -> absl::Status {
        ASSAY_ASSIGN_OR_RETURN(checkpoint, rows.GetCheckpoint(id));
        return absl::OkStatus();
      }));
  return checkpoint;
}

absl::StatusOr<Checkpoint> CheckpointRegistry::Newest(TrialId trial) {
  std::optional<Checkpoint> newest;
  const absl::Status status =
      parts_.storage.Read([&](Snapshot& rows) -> absl::Status {
        ASSAY_RETURN_IF_ERROR(rows.GetTrial(trial).status());
        ASSAY_ASSIGN_OR_RETURN(newest, rows.NewestCheckpoint(trial));
        return absl::OkStatus();
      });
  ASSAY_RETURN_IF_ERROR(status);
  if (newest) return *std::move(newest);
  return absl::NotFoundError(
      absl::StrCat("trial ", trial.value, " has no checkpoint"));
}

absl::StatusOr<CheckpointRegistry::Page> CheckpointRegistry::List(
    const std::string& study, TrialId trial, CheckpointId after, int limit) {
  StudyId of_study;
  if (!trial) {
    ASSAY_ASSIGN_OR_RETURN(of_study, parts_.studies.Resolve(study));
  }
  Page page;
  const absl::Status status =
      parts_.storage.Read([&](Snapshot& rows) -> absl::Status {
        if (trial) {
          ASSAY_ASSIGN_OR_RETURN(const Trial of, rows.GetTrial(trial));
          of_study = of.study;
        }
        ASSAY_ASSIGN_OR_RETURN(const Study found, rows.GetStudy(of_study));
        ASSAY_ASSIGN_OR_RETURN(page.max_bytes, QuotaOf(rows, found));
        ASSAY_ASSIGN_OR_RETURN(page.study_bytes,
                               rows.CheckpointBytes(found.id));
        ASSAY_ASSIGN_OR_RETURN(
            page.checkpoints,
            rows.ListCheckpoints(found.id, trial, after, limit));
        return absl::OkStatus();
      });
  ASSAY_RETURN_IF_ERROR(status);
  return page;
}

}  // namespace assay
