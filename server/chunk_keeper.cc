#include "server/chunk_keeper.h"

#include <algorithm>
#include <utility>

#include "search/base/status_macros.h"
#include "search/checkpoint_retention.h"

namespace assay {

ChunkKeeper::ChunkKeeper(const ChunkFolder& folder, const Clock& clock)
    : folder_(folder), clock_(clock), started_(clock.SinceBoot()) {}

void ChunkKeeper::Hold(const std::vector<std::string>& hashes) {
  const absl::Duration until = clock_.SinceBoot() + kChunkGrace;
  MutexLock lock(mutex_);
  for (const std::string& hash : hashes) held_until_[hash] = until;
  const auto is_going = [this](const std::string& hash)
                            ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
                              return going_.contains(hash);
                            };
  while (std::any_of(hashes.begin(), hashes.end(), is_going)) {
    gone_.Wait(mutex_);
  }
}

void ChunkKeeper::Release(const std::vector<std::string>& hashes) {
  MutexLock lock(mutex_);
  for (const std::string& hash : hashes) held_until_.erase(hash);
}

bool ChunkKeeper::MarkGoing(const std::string& hash) {
  const absl::Duration now = clock_.SinceBoot();
  MutexLock lock(mutex_);
  const auto held = held_until_.find(hash);
  if (held != held_until_.end() && held->second > now) return false;
  return going_.insert(hash).second;
}

void ChunkKeeper::Unmark(const std::string& hash) {
  {
    MutexLock lock(mutex_);
    going_.erase(hash);
  }
  gone_.NotifyAll();
}

absl::StatusOr<int> ChunkKeeper::RemoveUnnamed(
    const std::vector<std::string>& hashes, IsNamed is_named) {
  int removed = 0;
  for (const std::string& hash : hashes) {
    if (!MarkGoing(hash)) continue;
    const absl::StatusOr<bool> named = is_named(hash);
    if (named.ok() && !*named && folder_.Remove(hash).ok()) ++removed;
    Unmark(hash);
    ASSAY_RETURN_IF_ERROR(named.status());
  }
  return removed;
}

absl::StatusOr<int> ChunkKeeper::Sweep(IsNamed is_named) {
  if (clock_.SinceBoot() - started_ < kChunkGrace) return 0;
  ForgetExpired();
  std::vector<std::string> hashes;
  folder_.ForEach(
      [&](const ChunkFolder::Entry& entry) { hashes.push_back(entry.hash); });
  return RemoveUnnamed(hashes, is_named);
}

void ChunkKeeper::ForgetExpired() {
  const absl::Duration now = clock_.SinceBoot();
  MutexLock lock(mutex_);
  absl::erase_if(held_until_,
                 [now](const auto& held) { return held.second <= now; });
}

}  // namespace assay
