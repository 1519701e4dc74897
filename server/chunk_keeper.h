#pragma once

#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "search/base/clock.h"
#include "search/base/mutex.h"
#include "storage/chunk_folder.h"

namespace assay {

// Keeps chunks that no checkpoint names yet, because somebody is about to: what
// was asked for, sent or committed is held for kChunkGrace. In memory only;
// after a restart everything counts as held since the start. Thread-safe; calls
// may wait for the disk.
//
// A chunk is removed in this order, so that none is that a commit has looked
// for: marked as going; asked whether a row names it; removed. Hold() waits
// while one of its chunks is going, and whoever holds looks for it afterwards.
class ChunkKeeper {
 public:
  // Both must outlive this.
  ChunkKeeper(const ChunkFolder& folder, const Clock& clock);

  // Renews what is held already.
  void Hold(const std::vector<std::string>& hashes) ABSL_LOCKS_EXCLUDED(mutex_);
  // A checkpoint names them now: its row keeps them.
  void Release(const std::vector<std::string>& hashes)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // Of these chunks removes each that is not held and that `is_named` does not
  // keep. Gives how many. `is_named`: what the rows say at that moment; it is
  // asked for each.
  using IsNamed =
      absl::FunctionRef<absl::StatusOr<bool>(const std::string& hash)>;
  absl::StatusOr<int> RemoveUnnamed(const std::vector<std::string>& hashes,
                                    IsNamed is_named)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // The same for all that lie in the folder: what crashes and broken uploads
  // left. Nothing within kChunkGrace of the start.
  absl::StatusOr<int> Sweep(IsNamed is_named) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  bool MarkGoing(const std::string& hash) ABSL_LOCKS_EXCLUDED(mutex_);
  void Unmark(const std::string& hash) ABSL_LOCKS_EXCLUDED(mutex_);
  void ForgetExpired() ABSL_LOCKS_EXCLUDED(mutex_);

  const ChunkFolder& folder_;
  const Clock& clock_;
  const absl::Duration started_;  // Since boot.

  Mutex mutex_;
  CondVar gone_;
  absl::flat_hash_map<std::string, absl::Duration> held_until_
      ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_set<std::string> going_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace assay
