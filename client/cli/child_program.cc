#include "client/cli/child_program.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace assay {
namespace {

constexpr absl::Duration kLook = absl::Milliseconds(20);

// In the child: only async-signal-safe calls.
[[noreturn]] void Become(const char* program, char* const* argv, int log,
                         pid_t parent) {
  setsid();
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) {
    ::signal(signal, SIG_DFL);
  }
  const int null = open("/dev/null", O_RDONLY);
  dup2(null, STDIN_FILENO);
  dup2(log, STDOUT_FILENO);
  dup2(log, STDERR_FILENO);
  execv(program, argv);
  _exit(127);
}

}  // namespace

absl::StatusOr<std::unique_ptr<ChildProgram>> ChildProgram::Start(
    const std::vector<std::string>& argv, const std::string& log) {
  if (access(argv[0].c_str(), X_OK) != 0) {
    return absl::InternalError(
        absl::StrCat(argv[0], " is not there, or no program"));
  }
  const int descriptor =
      open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (descriptor < 0) {
    return absl::PermissionDeniedError(
        absl::StrCat("cannot write ", log, ": ", std::strerror(errno)));
  }
  std::vector<char*> pointers;
  for (const std::string& argument : argv) {
    pointers.push_back(const_cast<char*>(argument.c_str()));
  }
  pointers.push_back(nullptr);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid == 0) Become(pointers[0], pointers.data(), descriptor, parent);
  close(descriptor);
  if (pid < 0) {
    return absl::ResourceExhaustedError(
        absl::StrCat("fork: ", std::strerror(errno)));
  }
  return std::unique_ptr<ChildProgram>(new ChildProgram(pid));
}

ChildProgram::~ChildProgram() { Stop(absl::ZeroDuration()); }

bool ChildProgram::HasEnded() {
  if (!ended_) ended_ = waitpid(pid_, &status_, WNOHANG) == pid_;
  return ended_;
}

std::string ChildProgram::HowItEnded() const {
  if (WIFSIGNALED(status_)) {
    const int signal = WTERMSIG(status_);
    return absl::StrCat("signal ", signal, " (", strsignal(signal), ")");
  }
  return absl::StrCat("exit code ", WEXITSTATUS(status_));
}

void ChildProgram::Signal(int signal) {
  if (!HasEnded()) kill(pid_, signal);
}

bool ChildProgram::WaitForEnd(absl::Duration time,
                              const std::function<bool()>& enough) {
  const absl::Time deadline = absl::Now() + time;
  while (!HasEnded()) {
    if (absl::Now() >= deadline) return false;
    absl::SleepFor(kLook);
    if (enough != nullptr && enough()) return HasEnded();
  }
  return true;
}

void ChildProgram::Stop(absl::Duration grace) {
  Signal(SIGTERM);
  if (WaitForEnd(grace)) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, &status_, 0);
  ended_ = true;
}

}  // namespace assay
