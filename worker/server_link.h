#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "assay/v1/worker.pb.h"
#include "search/base/mutex.h"
#include "worker/attempt_end.h"
#include "worker/spool.h"

namespace assay {

// What the coordinator says about attempts. Called on the link's threads, one
// at a time, in its order, without locks.
struct LinkEvents {
  std::function<void(AttemptKey, v1::WorkerAssignment)> assigned;
  // End it early; its result counts.
  std::function<void(AttemptKey, std::string reason)> stop;
  // It is no longer ours: kill and forget. The link has forgotten it.
  std::function<void(AttemptKey, std::string reason)> lost;
  // Its finish is recorded. The link has forgotten it.
  std::function<void(AttemptKey)> recorded;
  // AddMeasurement() said no; it takes more now.
  std::function<void(AttemptKey)> relieved;
  std::function<void(bool draining)> drain;
  // No coordinator for `self_stop`. Once for each time without.
  std::function<void()> self_stop;
};

// How the stream does.
struct LinkState {
  bool connected = false;
  int64_t streams = 0;      // Welcomed since the start.
  int64_t spool_bytes = 0;  // Not acknowledged.
};

// The stream to the coordinator, for the life of the worker: connects, and
// connects again, says what it holds, and sends each thing until it is
// acknowledged. Thread-safe.
//
// Of what waits, heartbeats go first, then measurements, then finishes, then
// output, which is held to 1 MiB/s and never delays the others.
class ServerLink {
 public:
  struct Options {
    std::string server;  // host:port or unix:/path.
    v1::Hello hello;     // Without `held` and `draining`.
    int64_t spool_bytes = int64_t{64} << 20;
    absl::Duration self_stop = absl::InfiniteDuration();
    absl::Duration first_retry = absl::Milliseconds(200);
    absl::Duration last_retry = absl::Seconds(5);
    // Between Hello and Welcome.
    absl::Duration patience = absl::Seconds(10);
  };

  ServerLink(Options options, LinkEvents events);
  ~ServerLink();
  ServerLink(const ServerLink&) = delete;
  ServerLink& operator=(const ServerLink&) = delete;

  // All by the key of the assignment, whatever number the attempt has by now.
  // An attempt that the link has forgotten is nothing.

  // False: much waits already, read no more until `relieved`.
  bool AddMeasurement(AttemptKey key, v1::Measurement measurement);
  void AddOutput(AttemptKey key, absl::string_view bytes);
  void AddFinish(AttemptKey key, v1::Finish finish);
  // In which slot it runs, from 1: goes with heartbeats and the finish.
  void SetSlot(AttemptKey key, int32_t slot);

  // The number under which the coordinator knows it now.
  int32_t NumberOf(AttemptKey key) const;

  void SetDraining(bool draining);

  // Everything is acknowledged.
  bool Idle() const;
  bool Connected() const;
  LinkState state() const;

 private:
  class Stream;
  using Time = std::chrono::steady_clock::time_point;
  using Calls = std::vector<std::function<void()>>;

  void Run();
  // True if it was of use: the next try may come soon.
  bool ServeStream();
  void LogEnd(const std::string& why);
  void WriteUntilBroken(Stream& stream);
  bool WaitToRetry(absl::Duration wait);
  void CheckSelfStop();
  Time Deadline(const Stream& stream) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::optional<v1::WorkerMessage> NextMessage(Stream& stream)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  v1::WorkerMessage MakeHello() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  v1::WorkerMessage MakeHeartbeat() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::optional<v1::WorkerMessage> NextOutput()
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Relieve(size_t below, Calls& calls)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  void OnMessage(Stream& stream, const v1::ServerMessage& message);
  void OnWelcome(Stream& stream, const v1::Welcome& welcome, Calls& calls)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void OnAssignment(const v1::WorkerAssignment& assignment, Calls& calls)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void OnStop(const v1::StopAttempt& stop, Calls& calls)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void OnVerdict(const v1::Verdict& verdict, Calls& calls)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Options options_;
  const LinkEvents events_;
  std::string last_end_;  // Of the link's thread.

  mutable Mutex mutex_;
  CondVar changed_;
  Spool spool_ ABSL_GUARDED_BY(mutex_);
  std::set<AttemptKey> pressed_ ABSL_GUARDED_BY(mutex_);
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;
  bool connected_ ABSL_GUARDED_BY(mutex_) = false;
  int64_t streams_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool self_stopped_ ABSL_GUARDED_BY(mutex_) = false;
  Time away_since_ ABSL_GUARDED_BY(mutex_);
  std::chrono::nanoseconds heartbeat_interval_ ABSL_GUARDED_BY(mutex_);
  Time next_heartbeat_ ABSL_GUARDED_BY(mutex_);
  Time next_output_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;  // Last: it uses the rest.
};

}  // namespace assay
