#pragma once

#include <sys/types.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "search/base/mutex.h"
#include "worker/descriptor.h"

namespace assay {

// A program to start.
struct Command {
  std::vector<std::string> argv;         // argv[0] is looked up in PATH.
  std::vector<std::string> environment;  // "KEY=value": all of it.
  std::string directory;                 // Where it runs.
};

// A program that runs, the leader of a process group of its own.
struct Child {
  pid_t pid = 0;
  int64_t start_time = 0;   // In ticks since the machine started.
  Descriptor pidfd;         // Readable once it ended.
  Descriptor input;         // Its stdin, to write.
  Descriptor output;        // Its stdout, to read.
  Descriptor error_output;  // Its stderr, to read.
};

// Starts programs from one thread that lives as long as this, because the
// kernel kills a child with PDEATHSIG when the *thread* that forked it ends:
// a child never outlives the worker.
class Spawner {
 public:
  // Called on the forking thread.
  using Started = std::function<void(absl::StatusOr<Child>)>;

  Spawner();
  // Every program that it started and that still runs is killed.
  ~Spawner();
  Spawner(const Spawner&) = delete;
  Spawner& operator=(const Spawner&) = delete;

  // Any thread. The status says what went wrong, the exec included: NotFound
  // if there is no such program.
  void Start(Command command, Started started);

 private:
  struct Order {
    Command command;
    Started started;
  };

  void Serve();

  const uint64_t open_files_limit_;  // What children get: before we raised it.
  Mutex mutex_;
  CondVar changed_;
  std::deque<Order> orders_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // Last: it uses the rest.
};

// Field 22 of /proc/PID/stat: when the process started, in ticks since the
// machine did. NotFound if there is no such process.
absl::StatusOr<int64_t> StartTimeOf(pid_t pid);

// Lets this process open as many files as it may; returns the limit before.
uint64_t RaiseOpenFilesLimit();

}  // namespace assay
