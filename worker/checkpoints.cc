#include "worker/checkpoints.h"

#include <filesystem>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "storage/checkpoint_files.h"
#include "worker/checkpoint_download.h"

namespace assay {
namespace {

void RemoveFolder(const std::string& folder) {
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
}

}  // namespace

struct Checkpoints::Entry {
  ~Entry() {
    if (download.joinable()) download.join();
  }

  // Of the loop's thread.
  int copying = 0;
  int64_t copies = 0;
  std::unique_ptr<CheckpointUploader> uploader;
  std::function<void()> finished;
  EventLoop::Handle limit_timer = 0;
  // Of the thread that copies: what the folder looked like when it was copied
  // last.
  std::string last_look;

  Cancellation cancellation;
  std::thread download;
};

Checkpoints::Checkpoints(Options options)
    : options_(std::move(options)), copies_(std::make_unique<TaskThread>()) {}

Checkpoints::~Checkpoints() {
  while (!entries_.empty()) Forget(entries_.begin()->first);
}

std::string Checkpoints::FolderOf(AttemptKey key) const {
  return absl::StrCat(options_.root, "/", key.trial, "-", key.attempt);
}

std::string Checkpoints::OutOf(AttemptKey key) const {
  return FolderOf(key) + "/out";
}

std::string Checkpoints::ResumeOf(AttemptKey key) const {
  return FolderOf(key) + "/resume";
}

Checkpoints::Entry& Checkpoints::EntryOf(AttemptKey key) {
  std::shared_ptr<Entry>& entry = entries_[key];
  if (entry == nullptr) entry = std::make_shared<Entry>();
  return *entry;
}

absl::Status Checkpoints::Open(AttemptKey key) {
  EntryOf(key);
  std::error_code error;
  std::filesystem::create_directories(OutOf(key), error);
  if (!error) return absl::OkStatus();
  return absl::ErrnoToStatus(error.value(),
                             absl::StrCat("cannot create ", OutOf(key)));
}

void Checkpoints::Post(AttemptKey key, std::function<void()> task) {
  options_.loop->Post(
      [this, key, alive = std::weak_ptr<bool>(alive_), task = std::move(task)] {
        if (!alive.expired() && entries_.contains(key)) task();
      });
}

void Checkpoints::Fetch(AttemptKey key, Checkpoint checkpoint, Done done) {
  Entry& entry = EntryOf(key);
  entry.download = std::thread([this, key, &entry, folder = ResumeOf(key),
                                checkpoint = std::move(checkpoint),
                                done = std::move(done)] {
    const absl::Status status = Download(checkpoint, folder, *options_.channel,
                                         *options_.cache, entry.cancellation);
    Post(key, [done, status] { done(status); });
  });
}

void Checkpoints::Take(AttemptKey key, int64_t step, Done done) {
  Copy(key, step, /*only_if_new=*/false, std::move(done));
}

void Checkpoints::TakeLeft(AttemptKey key, int64_t step) {
  Copy(key, step, /*only_if_new=*/true, [this, key](absl::Status status) {
    if (status.ok()) return;
    options_.say(key,
                 absl::StrCat("what lies in ASSAY_CHECKPOINT is not kept: ",
                              std::string(status.message())));
  });
}

void Checkpoints::Copy(AttemptKey key, int64_t step, bool only_if_new,
                       Done done) {
  EntryOf(key).copying += 1;
  const std::shared_ptr<Entry> entry = entries_.at(key);
  CheckpointSnapshot snapshot = {
      absl::StrCat(FolderOf(key), "/copy-", ++entry->copies), step};
  copies_->Order([this, key, entry, only_if_new, out = OutOf(key),
                  snapshot = std::move(snapshot), done = std::move(done)] {
    const absl::StatusOr<std::string> look = LookAtFolder(out);
    absl::Status status = look.status();
    const bool is_empty = look.ok() && look->empty();
    const bool is_known = look.ok() && *look == entry->last_look;
    if (only_if_new && (is_empty || is_known)) {
      return Post(key, [this, key] { Copied(key, std::nullopt); });
    }
    if (is_empty) {
      status = absl::InvalidArgumentError(
          "checkpoint: there is no file in the folder ASSAY_CHECKPOINT");
    }
    if (status.ok()) status = CopyFolder(out, snapshot.folder);
    if (status.ok()) entry->last_look = *look;
    if (!status.ok()) RemoveFolder(snapshot.folder);
    Post(key, [this, key, status, snapshot, done] {
      done(Complain(key, status));
      Copied(key, status.ok() ? std::optional(snapshot) : std::nullopt);
    });
  });
}

// What the trial is told: a full disk here is no fault of its own.
absl::Status Checkpoints::Complain(AttemptKey key, const absl::Status& status) {
  if (status.ok() || absl::IsInvalidArgument(status)) return status;
  options_.say(key,
               absl::StrCat("a checkpoint is not kept, the trial goes on: ",
                            std::string(status.message())));
  return absl::OkStatus();
}

void Checkpoints::Copied(AttemptKey key,
                         std::optional<CheckpointSnapshot> snapshot) {
  Entry& entry = *entries_.at(key);
  entry.copying -= 1;
  if (snapshot) {
    if (entry.uploader == nullptr) {
      entry.uploader =
          std::make_unique<CheckpointUploader>(CheckpointUploader::Options{
              .channel = options_.channel.get(),
              .cache = options_.cache.get(),
              .trial = key.trial,
              .attempt = [this, key] { return options_.number(key); },
              .say =
                  [this, key](const std::string& text) {
                    options_.say(key, text);
                  }});
    }
    entry.uploader->Add(*std::move(snapshot));
  }
  ConcludeWhenIdle(key);
}

void Checkpoints::Finish(AttemptKey key, absl::Duration limit,
                         std::function<void()> done) {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return done();
  found->second->finished = std::move(done);
  found->second->limit_timer = options_.loop->After(limit, [this, key, limit] {
    entries_.at(key)->limit_timer = 0;
    options_.say(key, absl::StrCat("the last checkpoint was not taken by the "
                                   "coordinator within ",
                                   absl::FormatDuration(limit)));
    Conclude(key);
  });
  ConcludeWhenIdle(key);
}

void Checkpoints::ConcludeWhenIdle(AttemptKey key) {
  Entry& entry = *entries_.at(key);
  if (!entry.finished || entry.copying > 0) return;
  if (entry.uploader == nullptr) return Conclude(key);
  entry.uploader->WhenIdle(
      [this, key] { Post(key, [this, key] { Conclude(key); }); });
}

void Checkpoints::Conclude(AttemptKey key) {
  Entry& entry = *entries_.at(key);
  options_.loop->Cancel(std::exchange(entry.limit_timer, 0));
  const auto finished = std::exchange(entry.finished, nullptr);
  if (finished) finished();  // It may forget the entry.
}

void Checkpoints::HurryUp() {
  std::vector<AttemptKey> keys;
  for (const auto& [key, entry] : entries_) {
    if (entry->finished) keys.push_back(key);
  }
  for (const AttemptKey key : keys) Conclude(key);
}

void Checkpoints::Forget(AttemptKey key) {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return;
  std::shared_ptr<Entry> entry = std::move(found->second);
  entries_.erase(found);
  options_.loop->Cancel(std::exchange(entry->limit_timer, 0));
  entry->finished = nullptr;
  entry->cancellation.Cancel();
  // Its threads end there, where nobody waits for them.
  copies_->Order([entry = std::move(entry), folder = FolderOf(key)]() mutable {
    entry = nullptr;
    RemoveFolder(folder);
  });
}

}  // namespace assay
