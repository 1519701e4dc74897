#include "storage/sqlite/reader_pool.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "search/base/status_macros.h"

namespace assay {
namespace {

absl::Status ReadOneMoment(Connection& connection,
                           absl::FunctionRef<absl::Status(Connection&)> body) {
  ASSAY_RETURN_IF_ERROR(connection.Prepare("BEGIN").Run());
  absl::Status status = body(connection);
  if (connection.InTransaction()) {
    // Nothing was written: both ends are the same, and this one cannot fail.
    connection.Prepare("ROLLBACK").Run().IgnoreError();
  }
  return status;
}

}  // namespace

ReaderPool::ReaderPool(std::string path, std::string vfs, int max_readers)
    : path_(std::move(path)),
      vfs_(std::move(vfs)),
      max_readers_(std::max(max_readers, 1)) {}

absl::Status ReaderPool::Read(
    absl::FunctionRef<absl::Status(Connection&)> body) {
  std::unique_ptr<Connection> connection = TakeFree();
  absl::Status status;
  if (connection == nullptr) {
    auto opened = Connection::Open(path_, Connection::Mode::kQuery, vfs_);
    status = opened.status();
    if (opened.ok()) connection = *std::move(opened);
  }
  if (status.ok()) status = ReadOneMoment(*connection, body);
  GiveBack(std::move(connection));
  return status;
}

// Counts a reader in; nullptr: it has to open a connection.
std::unique_ptr<Connection> ReaderPool::TakeFree() {
  MutexLock lock(mutex_);
  while (draining_ || in_use_ >= max_readers_) changed_.Wait(mutex_);
  ++in_use_;
  if (free_.empty()) return nullptr;
  std::unique_ptr<Connection> connection = std::move(free_.back());
  free_.pop_back();
  return connection;
}

void ReaderPool::GiveBack(std::unique_ptr<Connection> connection) {
  if (connection != nullptr && connection->trouble() != Trouble::kNone) {
    connection.reset();  // The next read starts afresh.
  }
  {
    MutexLock lock(mutex_);
    --in_use_;
    if (connection != nullptr) free_.push_back(std::move(connection));
  }
  changed_.NotifyAll();
}

void ReaderPool::Drain(absl::Duration patience,
                       absl::FunctionRef<void()> body) {
  bool drained = false;
  {
    MutexLock lock(mutex_);
    draining_ = true;
    drained = WaitForNoReader(patience);
  }
  if (drained) body();
  {
    MutexLock lock(mutex_);
    draining_ = false;
  }
  changed_.NotifyAll();
}

bool ReaderPool::WaitForNoReader(absl::Duration patience) {
  const auto deadline =
      std::chrono::steady_clock::now() + absl::ToChronoNanoseconds(patience);
  while (in_use_ > 0) {
    if (!changed_.WaitUntil(mutex_, deadline)) return in_use_ == 0;
  }
  return true;
}

}  // namespace assay
