#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace assay {

// A process of its own that answers Report, Suggest and worker streams at once
// and stores nothing: what gRPC itself costs on this machine, with the very
// messages. Never returns.
[[noreturn]] void RunEchoServer(const std::string& address);

// Another program, killed with this object, and with this program however that
// ends. Made by a thread that lives as long as the child shall.
class ChildProcess {
 public:
  explicit ChildProcess(const std::vector<std::string>& argv);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;

  void Kill(int signal);
  // Resident bytes.
  int64_t Memory() const;
  // Of all its threads, in user and system mode, to 10 ms.
  absl::Duration CpuTime() const;

 private:
  pid_t pid_ = -1;
};

// Blocks until the address answers an RPC of any kind. The time it took.
absl::Duration WaitUntilServing(const std::string& address);

}  // namespace assay
