#include "tests/support/faulty_storage.h"

#include <memory>
#include <utility>

#include "search/base/status_macros.h"

namespace assay {
namespace {

absl::Status DiskTrouble() {
  return absl::UnavailableError("the disk has trouble, says a test");
}

}  // namespace

void FaultyStorage::FailWhen(std::function<bool()> fails) {
  MutexLock lock(mutex_);
  fails_ = std::move(fails);
}

void FaultyStorage::FailReadsWhen(std::function<bool()> fails) {
  MutexLock lock(mutex_);
  reads_fail_ = std::move(fails);
}

absl::Status FaultyStorage::Read(
    absl::FunctionRef<absl::Status(Snapshot&)> body) {
  {
    MutexLock lock(mutex_);
    if (reads_fail_ && reads_fail_()) return DiskTrouble();
  }
  return storage_.Read(body);
}

void FaultyStorage::BeforeNextCommit(absl::AnyInvocable<void()> action) {
  MutexLock lock(mutex_);
  before_commit_ = std::move(action);
}

void FaultyStorage::Hold() {
  MutexLock lock(mutex_);
  holding_ = true;
}

void FaultyStorage::Release() {
  std::vector<Held> held;
  {
    MutexLock lock(mutex_);
    holding_ = false;
    held.swap(held_);
  }
  for (Held& write : held) Pass(std::move(write));
}

void FaultyStorage::FailTogether() {
  auto held = std::make_shared<std::vector<Held>>();
  {
    MutexLock lock(mutex_);
    holding_ = false;
    held->swap(held_);
  }
  storage_.Write(
      [held](Transaction& rows) {
        for (Held& write : *held) write.body(rows).IgnoreError();
        return DiskTrouble();
      },
      [held](absl::Status status) {
        for (Held& write : *held) write.done(status);
      });
}

int FaultyStorage::held() const {
  MutexLock lock(mutex_);
  return static_cast<int>(held_.size());
}

void FaultyStorage::Write(Body body, Done done, size_t bytes) {
  Held write{std::move(body), std::move(done), bytes};
  {
    MutexLock lock(mutex_);
    if (holding_) {
      held_.push_back(std::move(write));
      return;
    }
  }
  Pass(std::move(write));
}

void FaultyStorage::Pass(Held write) {
  bool fails = false;
  absl::AnyInvocable<void()> action;
  {
    MutexLock lock(mutex_);
    fails = fails_ && fails_();
    action = std::exchange(before_commit_, nullptr);
  }
  storage_.Write(
      [body = std::move(write.body), fails,
       action = std::move(action)](Transaction& rows) mutable -> absl::Status {
        ASSAY_RETURN_IF_ERROR(body(rows));
        if (action) action();
        return fails ? DiskTrouble() : absl::OkStatus();
      },
      std::move(write.done), write.bytes);
}

}  // namespace assay
