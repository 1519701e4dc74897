#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace assay {

// A program started by this one, in a session of its own: Ctrl-C at the
// terminal reaches this program only, which then decides. Killed with the
// object, and by the kernel if this program is.
class ChildProgram {
 public:
  // `argv[0]` is a path. Standard output and error go to the end of `log`.
  // Internal if the program is not there.
  static absl::StatusOr<std::unique_ptr<ChildProgram>> Start(
      const std::vector<std::string>& argv, const std::string& log);

  ~ChildProgram();
  ChildProgram(const ChildProgram&) = delete;

  bool HasEnded();

  // "exit code 1", "signal 9 (Killed)". Only once it has ended.
  std::string HowItEnded() const;

  // Nothing if it has ended.
  void Signal(int signal);

  // True once it has ended; false after `time`, or when `enough` says so
  // (looked at after each short wait).
  bool WaitForEnd(absl::Duration time,
                  const std::function<bool()>& enough = nullptr);

  // SIGTERM, and SIGKILL if it has not ended after `grace`.
  void Stop(absl::Duration grace);

 private:
  explicit ChildProgram(pid_t pid) : pid_(pid) {}

  const pid_t pid_;
  bool ended_ = false;
  int status_ = 0;  // As waitpid() tells it.
};

}  // namespace assay
