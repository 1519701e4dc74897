#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "worker/attempt_end.h"
#include "worker/descriptor.h"
#include "worker/socket_folder.h"

namespace assay {

// What a worker leaves on disk:
//   lock              held (flock) while the worker lives
//   processes/PID     a process group that runs: start time, boot, worker
//   trials/12-1/      scratch folder of attempt 1 of trial 12
//   checkpoints/      of the attempts that run (checkpoints.h)
//   cache/            chunks of checkpoints (chunk_cache.h)
//   output/12-1.log   its output (trial_output.h)
// and a SocketFolder elsewhere.
class StateFolder {
 public:
  // Makes the folder if there is none, then kills the process groups that a
  // worker left behind when it was killed, and removes their scratch folders
  // and checkpoints.
  // AlreadyExists if another worker uses the folder.
  static absl::StatusOr<std::unique_ptr<StateFolder>> Open(
      const std::string& path);
  StateFolder(const StateFolder&) = delete;
  StateFolder& operator=(const StateFolder&) = delete;

  // Absolute.
  const std::string& path() const { return path_; }
  std::string ScratchOf(AttemptKey key) const;
  std::string OutputOf(AttemptKey key) const;
  std::string Checkpoints() const { return path_ + "/checkpoints"; }
  std::string Cache() const { return path_ + "/cache"; }
  // A path for a new socket, in a folder that is closed to other users.
  std::string NewSocket();

  // "KEY=value" that each recorded process has to carry in its environment.
  std::string ProcessMark() const;

  // The leader of a group, from its start to the end of the group.
  void Record(pid_t leader, int64_t start_time);
  void Forget(pid_t leader);
  // Leaders of the groups that are recorded. Of any thread.
  std::vector<pid_t> Groups() const;

  // Groups that were killed by Open().
  int leftovers() const { return leftovers_; }

  // Deletes all but the newest `keep` attempts' output.
  void TrimOutput(size_t keep) const;

 private:
  StateFolder(std::string path, Descriptor lock);
  std::string RecordOf(pid_t leader) const;
  void ClearLeftovers();

  const std::string path_;
  const Descriptor lock_;
  const std::string mark_;  // Random: this worker's.
  std::unique_ptr<SocketFolder> sockets_;
  int64_t last_socket_ = 0;
  int leftovers_ = 0;
};

}  // namespace assay
