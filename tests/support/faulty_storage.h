#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "search/base/mutex.h"
#include "storage/storage.h"

namespace assay {

// A storage whose commits fail when a test says so. Thread-safe.
class FaultyStorage final : public Storage {
 public:
  // `storage` must outlive this.
  explicit FaultyStorage(Storage& storage) : storage_(storage) {}

  // Asked about each write to come, in order: true undoes it after its body ran
  // and answers Unavailable. nullptr: none fails.
  void FailWhen(std::function<bool()> fails) ABSL_LOCKS_EXCLUDED(mutex_);

  // Called on the writer thread after the body of the next write, before its
  // commit.
  void BeforeNextCommit(absl::AnyInvocable<void()> action)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // Writes wait from now on: until Release(), or FailTogether(), which runs
  // them in one transaction that is undone.
  void Hold() ABSL_LOCKS_EXCLUDED(mutex_);
  void Release() ABSL_LOCKS_EXCLUDED(mutex_);
  void FailTogether() ABSL_LOCKS_EXCLUDED(mutex_);
  int held() const ABSL_LOCKS_EXCLUDED(mutex_);

  void Write(Body body, Done done, size_t bytes) override
      ABSL_LOCKS_EXCLUDED(mutex_);
  // A write that is neither held nor failed.
  void WriteAround(Body body, Done done) {
    storage_.Write(std::move(body), std::move(done));
  }
  // The same of reads; the body is not run.
  void FailReadsWhen(std::function<bool()> fails) ABSL_LOCKS_EXCLUDED(mutex_);

  absl::Status Read(absl::FunctionRef<absl::Status(Snapshot&)> body) override
      ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status Health() const override { return storage_.Health(); }
  StorageStats Stats() const override { return storage_.Stats(); }
  void SetCommitObserver(CommitObserver observer) override {
    storage_.SetCommitObserver(std::move(observer));
  }
  absl::Status Backup(const std::string& path) override {
    return storage_.Backup(path);
  }
  absl::StatusOr<std::vector<std::string>> Check() override {
    return storage_.Check();
  }

 private:
  struct Held {
    Body body;
    Done done;
    size_t bytes = 0;
  };

  void Pass(Held write) ABSL_LOCKS_EXCLUDED(mutex_);

  Storage& storage_;

  mutable Mutex mutex_;
  std::function<bool()> fails_ ABSL_GUARDED_BY(mutex_);
  std::function<bool()> reads_fail_ ABSL_GUARDED_BY(mutex_);
  absl::AnyInvocable<void()> before_commit_ ABSL_GUARDED_BY(mutex_);
  bool holding_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<Held> held_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace assay
