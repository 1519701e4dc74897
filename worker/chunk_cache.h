#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "search/base/mutex.h"
#include "storage/chunk_folder.h"

namespace assay {

// Chunks of checkpoints that this machine has seen: what is here need not be
// fetched. Keeps up to `capacity` bytes, also over restarts; what was not used
// for longest goes first. A cache that cannot write keeps nothing and says
// nothing. Thread-safe; calls wait for the disk.
class ChunkCache {
 public:
  // Errors: what the file system says.
  static absl::StatusOr<std::unique_ptr<ChunkCache>> Open(
      const std::string& path, int64_t capacity);

  // NotFound, also for one that is damaged, which goes.
  absl::StatusOr<std::string> Get(const std::string& hash)
      ABSL_LOCKS_EXCLUDED(mutex_);
  void Put(const std::string& hash, absl::string_view data)
      ABSL_LOCKS_EXCLUDED(mutex_);

  int64_t bytes() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Entry {
    int64_t size = 0;
    std::list<std::string>::iterator place;
  };

  ChunkCache(std::unique_ptr<ChunkFolder> folder, int64_t capacity)
      : folder_(std::move(folder)), capacity_(capacity) {}
  void Load() ABSL_LOCKS_EXCLUDED(mutex_);
  void Add(const std::string& hash, int64_t size)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Drop(const std::string& hash) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void MakeRoom() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::unique_ptr<ChunkFolder> folder_;
  const int64_t capacity_;

  mutable Mutex mutex_;
  int64_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  std::list<std::string> by_age_ ABSL_GUARDED_BY(mutex_);  // Oldest first.
  absl::flat_hash_map<std::string, Entry> entries_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace assay
