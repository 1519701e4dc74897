#include "worker/spawner.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "search/base/status_macros.h"
#include "worker/read_file.h"
#include "worker/system_error.h"

namespace assay {
namespace {

struct Pipe {
  Descriptor read;
  Descriptor write;
};

absl::StatusOr<Pipe> MakePipe() {
  std::array<int, 2> ends;
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return SystemError("pipe");
  return Pipe{Descriptor(ends[0]), Descriptor(ends[1])};
}

void SetNonBlocking(const Descriptor& descriptor) {
  fcntl(descriptor.get(), F_SETFL, O_NONBLOCK);
}

std::string PathOf(const std::vector<std::string>& environment) {
  for (const std::string& entry : environment) {
    absl::string_view rest = entry;
    if (absl::ConsumePrefix(&rest, "PATH=")) return std::string(rest);
  }
  return "/usr/local/bin:/usr/bin:/bin";
}

bool IsProgram(const std::string& path) {
  struct stat status;
  return stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
         access(path.c_str(), X_OK) == 0;
}

absl::StatusOr<std::string> FindProgram(const Command& command) {
  if (command.argv.empty() || command.argv[0].empty()) {
    return absl::InvalidArgumentError("an empty command");
  }
  const std::string& name = command.argv[0];
  if (absl::StrContains(name, '/')) return name;
  for (absl::string_view folder :
       absl::StrSplit(PathOf(command.environment), ':')) {
    if (folder.empty()) continue;
    std::string path = absl::StrCat(folder, "/", name);
    if (IsProgram(path)) return path;
  }
  return absl::NotFoundError(
      absl::StrCat("no program \"", name, "\" in the worker's PATH"));
}

// What the child needs, made before the fork: it may not allocate.
struct Prepared {
  std::string program;
  std::vector<char*> argv;
  std::vector<char*> environment;
  const char* directory;
  int input;
  int output;
  int error_output;
  int report;  // The child writes errno here if it cannot exec.
  pid_t parent;
  rlim_t open_files_limit;
};

std::vector<char*> Pointers(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (const std::string& text : texts) {
    pointers.push_back(const_cast<char*>(text.c_str()));
  }
  pointers.push_back(nullptr);
  return pointers;
}

[[noreturn]] void GiveUp(int report) {
  const int error_number = errno;
  static_cast<void>(!write(report, &error_number, sizeof(error_number)));
  _exit(127);
}

// A process that blocks or ignores SIGTERM hands that down through exec.
void ResetSignals() {
  struct sigaction action = {};
  action.sa_handler = SIG_DFL;
  for (int number = 1; number < _NSIG; ++number) {
    sigaction(number, &action, nullptr);  // Fails for SIGKILL and SIGSTOP.
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

void ResetOpenFilesLimit(rlim_t soft) {
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = soft;
  setrlimit(RLIMIT_NOFILE, &limit);
}

// Between fork and exec in a process of many threads: async-signal-safe calls
// only, no allocation.
[[noreturn]] void BecomeProgram(const Prepared& prepared) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != prepared.parent) _exit(127);  // It died before the prctl.
  ResetSignals();
  if (dup2(prepared.input, STDIN_FILENO) < 0 ||
      dup2(prepared.output, STDOUT_FILENO) < 0 ||
      dup2(prepared.error_output, STDERR_FILENO) < 0) {
    GiveUp(prepared.report);
  }
  syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC);
  ResetOpenFilesLimit(prepared.open_files_limit);
  if (chdir(prepared.directory) != 0) GiveUp(prepared.report);
  execve(prepared.program.c_str(), prepared.argv.data(),
         prepared.environment.data());
  GiveUp(prepared.report);
}

// 0 once the child runs its program, else why it does not.
int AwaitExec(const Descriptor& report) {
  int error_number = 0;
  ssize_t count;
  do {
    count = read(report.get(), &error_number, sizeof(error_number));
  } while (count < 0 && errno == EINTR);
  return count == sizeof(error_number) ? error_number : 0;
}

absl::StatusOr<Child> Spawn(const Command& command, rlim_t open_files_limit) {
  Prepared prepared;
  ASSAY_ASSIGN_OR_RETURN(prepared.program, FindProgram(command));
  ASSAY_ASSIGN_OR_RETURN(Pipe input, MakePipe());
  ASSAY_ASSIGN_OR_RETURN(Pipe output, MakePipe());
  ASSAY_ASSIGN_OR_RETURN(Pipe error_output, MakePipe());
  ASSAY_ASSIGN_OR_RETURN(Pipe report, MakePipe());
  prepared.argv = Pointers(command.argv);
  prepared.environment = Pointers(command.environment);
  prepared.directory = command.directory.c_str();
  prepared.input = input.read.get();
  prepared.output = output.write.get();
  prepared.error_output = error_output.write.get();
  prepared.report = report.write.get();
  prepared.parent = getpid();
  prepared.open_files_limit = open_files_limit;

  // _Fork() runs no handlers of libraries; TSan knows fork() alone.
#if defined(__SANITIZE_THREAD__)
  const pid_t pid = fork();
#else
  const pid_t pid = _Fork();
#endif
  if (pid == 0) BecomeProgram(prepared);
  if (pid < 0) return SystemError("fork");
  report.write.Close();
  if (const int error_number = AwaitExec(report.read); error_number != 0) {
    waitpid(pid, nullptr, 0);
    return SystemError(
        absl::StrCat("cannot run ", command.argv[0], " in ", command.directory),
        error_number);
  }
  Child child;
  child.pid = pid;
  // glibc 2.36's <sys/pidfd.h> declares it for C alone.
  child.pidfd = Descriptor(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (!child.pidfd) {
    const absl::Status status = SystemError("pidfd_open");
    kill(-pid, SIGKILL);
    waitpid(pid, nullptr, 0);
    return status;
  }
  child.start_time = StartTimeOf(pid).value_or(0);
  child.input = std::move(input.write);
  child.output = std::move(output.read);
  child.error_output = std::move(error_output.read);
  SetNonBlocking(child.input);
  SetNonBlocking(child.output);
  SetNonBlocking(child.error_output);
  return child;
}

}  // namespace

Spawner::Spawner()
    : open_files_limit_(RaiseOpenFilesLimit()), thread_([this] { Serve(); }) {}

Spawner::~Spawner() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.NotifyAll();
  thread_.join();
}

void Spawner::Start(Command command, Started started) {
  {
    MutexLock lock(mutex_);
    orders_.push_back({std::move(command), std::move(started)});
  }
  changed_.NotifyAll();
}

void Spawner::Serve() {
  for (;;) {
    Order order;
    {
      MutexLock lock(mutex_);
      while (orders_.empty() && !stopping_) changed_.Wait(mutex_);
      if (stopping_) return;
      order = std::move(orders_.front());
      orders_.pop_front();
    }
    order.started(Spawn(order.command, open_files_limit_));
  }
}

absl::StatusOr<int64_t> StartTimeOf(pid_t pid) {
  ASSAY_ASSIGN_OR_RETURN(const std::string text,
                         ReadWholeFile(absl::StrCat("/proc/", pid, "/stat")));
  // Field 2 is the name in parentheses and may hold anything.
  const size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) {
    return absl::NotFoundError(absl::StrCat("no process ", pid));
  }
  const std::vector<std::string> fields =
      absl::StrSplit(text.substr(name_end + 1), ' ', absl::SkipEmpty());
  constexpr size_t kStartTime = 22 - 3;  // `fields` starts with field 3.
  int64_t ticks = 0;
  if (fields.size() <= kStartTime ||
      !absl::SimpleAtoi(fields[kStartTime], &ticks)) {
    return absl::InternalError(absl::StrCat("/proc/", pid, "/stat: ", text));
  }
  return ticks;
}

uint64_t RaiseOpenFilesLimit() {
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  const rlim_t before = limit.rlim_cur;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  return before;
}

}  // namespace assay
