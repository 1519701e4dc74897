#include "worker/chunk_cache.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "search/base/status_macros.h"

namespace assay {

absl::StatusOr<std::unique_ptr<ChunkCache>> ChunkCache::Open(
    const std::string& path, int64_t capacity) {
  ASSAY_ASSIGN_OR_RETURN(std::unique_ptr<ChunkFolder> folder,
                         ChunkFolder::Open(path, ChunkFolder::Sync::kNone));
  std::unique_ptr<ChunkCache> cache(
      new ChunkCache(std::move(folder), capacity));
  cache->Load();
  return cache;
}

void ChunkCache::Load() {
  std::vector<ChunkFolder::Entry> found;
  folder_->ForEach(
      [&](const ChunkFolder::Entry& entry) { found.push_back(entry); });
  std::sort(found.begin(), found.end(),
            [](const auto& a, const auto& b) { return a.touched < b.touched; });
  MutexLock lock(mutex_);
  for (const ChunkFolder::Entry& entry : found) Add(entry.hash, entry.size);
  MakeRoom();
}

void ChunkCache::Add(const std::string& hash, int64_t size) {
  Drop(hash);
  const auto place = by_age_.insert(by_age_.end(), hash);
  entries_[hash] = {size, place};
  bytes_ += size;
}

void ChunkCache::Drop(const std::string& hash) {
  const auto found = entries_.find(hash);
  if (found == entries_.end()) return;
  bytes_ -= found->second.size;
  by_age_.erase(found->second.place);
  entries_.erase(found);
}

void ChunkCache::MakeRoom() {
  while (bytes_ > capacity_) {
    const std::string oldest = by_age_.front();
    folder_->Remove(oldest).IgnoreError();
    Drop(oldest);
  }
}

absl::StatusOr<std::string> ChunkCache::Get(const std::string& hash) {
  absl::StatusOr<std::string> data = folder_->Get(hash);
  if (data.ok()) folder_->Touch(hash);
  MutexLock lock(mutex_);
  if (data.ok()) {
    Add(hash, static_cast<int64_t>(data->size()));
    return data;
  }
  folder_->Remove(hash).IgnoreError();
  Drop(hash);
  return absl::NotFoundError("the chunk is not in the cache");
}

void ChunkCache::Put(const std::string& hash, absl::string_view data) {
  if (static_cast<int64_t>(data.size()) > capacity_) return;
  if (!folder_->Put(hash, data).ok()) return;
  MutexLock lock(mutex_);
  Add(hash, static_cast<int64_t>(data.size()));
  MakeRoom();
}

int64_t ChunkCache::bytes() const {
  MutexLock lock(mutex_);
  return bytes_;
}

}  // namespace assay
