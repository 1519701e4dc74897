#include "worker/trial_process.h"

#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace assay {
namespace {

constexpr size_t kErrorTailBytes = 2048;
constexpr size_t kReadBytes = size_t{64} << 10;

}  // namespace

std::string ToText(const ProcessEnd& end) {
  if (!end.by_signal) return absl::StrCat("exit code ", end.code);
  return absl::StrCat("signal ", end.code, " (", strsignal(end.code), ")");
}

TrialProcess::TrialProcess(EventLoop& loop, Child child, absl::Duration drain)
    : loop_(loop), drain_(drain), child_(std::move(child)) {}

TrialProcess::~TrialProcess() {
  StopWatching();
  loop_.Unwatch(end_watch_);
  loop_.Cancel(drain_timer_);
  if (reaped_) return;
  Kill();
  Reap();
}

void TrialProcess::Attach(Events events) {
  events_ = std::move(events);
  output_watch_ = loop_.Watch(child_.output.get(), EPOLLIN, [this](uint32_t) {
    Read(child_.output, output_watch_);
  });
  error_watch_ = loop_.Watch(
      child_.error_output.get(), EPOLLIN,
      [this](uint32_t) { Read(child_.error_output, error_watch_); });
  end_watch_ =
      loop_.Watch(child_.pidfd.get(), EPOLLIN, [this](uint32_t) { Ended(); });
}

bool TrialProcess::Alive() const {
  siginfo_t info = {};
  return waitid(P_PID, static_cast<id_t>(child_.pid), &info,
                WEXITED | WNOHANG | WNOWAIT) == 0 &&
         info.si_pid == 0;
}

bool TrialProcess::WriteInput(absl::string_view text) {
  const ssize_t written = write(child_.input.get(), text.data(), text.size());
  child_.input.Close();
  return written == static_cast<ssize_t>(text.size());
}

void TrialProcess::Terminate() {
  if (!reaped_) kill(-child_.pid, SIGTERM);
}

void TrialProcess::Kill() {
  if (!reaped_) kill(-child_.pid, SIGKILL);
}

void TrialProcess::Read(Descriptor& pipe, EventLoop::Handle& watch) {
  std::array<char, kReadBytes> buffer;
  const ssize_t count = read(pipe.get(), buffer.data(), buffer.size());
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count <= 0) {
    loop_.Unwatch(std::exchange(watch, 0));
    pipe.Close();
    if (ended_ && !child_.output && !child_.error_output) Drained();
    return;
  }
  const absl::string_view bytes(buffer.data(), static_cast<size_t>(count));
  if (&pipe == &child_.error_output) KeepErrorTail(bytes);
  events_.output(bytes);
}

void TrialProcess::KeepErrorTail(absl::string_view bytes) {
  absl::StrAppend(&end_.error_tail, bytes);
  if (end_.error_tail.size() > kErrorTailBytes) {
    end_.error_tail.erase(0, end_.error_tail.size() - kErrorTailBytes);
  }
}

void TrialProcess::Ended() {
  loop_.Unwatch(std::exchange(end_watch_, 0));
  ended_ = true;
  siginfo_t info = {};
  waitid(P_PID, static_cast<id_t>(child_.pid), &info, WEXITED | WNOWAIT);
  end_.by_signal = info.si_code != CLD_EXITED;
  end_.code = info.si_status;
  if (!child_.output && !child_.error_output) return Drained();
  drain_timer_ = loop_.After(drain_, [this] {
    drain_timer_ = 0;
    Drained();
  });
}

void TrialProcess::Drained() {
  loop_.Cancel(std::exchange(drain_timer_, 0));
  StopWatching();
  Kill();  // What the program left behind in its group.
  Reap();
  const auto end = std::move(events_.end);
  end(std::move(end_));
}

void TrialProcess::StopWatching() {
  loop_.Unwatch(std::exchange(output_watch_, 0));
  loop_.Unwatch(std::exchange(error_watch_, 0));
}

void TrialProcess::Reap() {
  while (waitpid(child_.pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  reaped_ = true;
}

}  // namespace assay
