#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "search/base/clock.h"
#include "search/base/mutex.h"
#include "search/checkpoint.h"
#include "server/chunk_keeper.h"
#include "server/executor.h"
#include "server/lease_table.h"
#include "server/metrics.h"
#include "server/study_registry.h"
#include "storage/chunk_folder.h"
#include "storage/storage.h"

namespace assay {

// Takes checkpoints and gives them back. Chunks lie in a ChunkFolder, rows in
// the storage; a row is written only after all of its chunks are durable. Like
// a report, a commit carries the fence (trial, attempt), and the same again is
// answered the same. Thread-safe. All but Commit()'s end waits for the disk:
// call it from a pool. Errors as in checkpoint.proto.
class CheckpointRegistry {
 public:
  struct Parts {  // All must outlive the registry.
    StudyRegistry& studies;
    Storage& storage;
    LeaseTable& leases;
    const Clock& clock;
    Executor& pool;
    const ChunkFolder& folder;
    ChunkKeeper& keeper;
    ServerMetrics& metrics;
    int64_t max_bytes = 0;  // Of a study that names no quota.
  };
  explicit CheckpointRegistry(Parts parts) : parts_(parts) {}

  // The chunks that a commit of this checkpoint would lack; from now on for
  // kChunkGrace those that are there stay. Only `trial`, `attempt`, `step` and
  // the manifest are read, here and in Commit().
  absl::StatusOr<std::vector<std::string>> Missing(Checkpoint checkpoint);

  absl::Status PutChunk(const std::string& hash, absl::string_view data);
  // One that is damaged is told, DataLoss, and gone afterwards.
  absl::StatusOr<std::string> GetChunk(const std::string& hash);

  // If the quota is short, older checkpoints of the same trial make room.
  using Done = absl::AnyInvocable<void(absl::StatusOr<Checkpoint>)>;
  void Commit(Checkpoint checkpoint, Done done);

  absl::StatusOr<Checkpoint> Get(CheckpointId id);
  absl::StatusOr<Checkpoint> Newest(TrialId trial);

  struct Page {
    std::vector<Checkpoint> checkpoints;  // Without manifests.
    int64_t study_bytes = 0;
    int64_t max_bytes = 0;
  };
  // `trial` 0: of the whole study `study`, which is not read otherwise.
  absl::StatusOr<Page> List(const std::string& study, TrialId trial,
                            CheckpointId after, int limit);

  // Takes nothing while `why` is not empty: the disk is nearly full.
  void HoldBack(std::string why) ABSL_LOCKS_EXCLUDED(mutex_);

  // Of these chunks removes those that no row names and nobody holds; or of all
  // there are, see ChunkKeeper::Sweep().
  void RemoveUnnamed(const std::vector<std::string>& hashes);
  void Sweep();

  // Tells the metrics what is kept.
  void Measure();

 private:
  absl::Status CheckRoom() const ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<int64_t> QuotaOf(Snapshot& rows, const Study& study) const;
  absl::Status CheckQuota(Snapshot& rows, const Checkpoint& checkpoint) const;
  absl::StatusOr<bool> IsNamed(const std::string& hash) const;
  absl::Status CheckChunks(const Checkpoint& checkpoint) const;
  // What the body of a commit does. `freed`: chunks that no row names any more.
  absl::StatusOr<Checkpoint> Insert(Transaction& rows, Checkpoint checkpoint,
                                    std::vector<std::string>& freed) const;

  const Parts parts_;

  mutable Mutex mutex_;
  std::string held_back_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace assay
