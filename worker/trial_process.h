#pragma once

#include <functional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "worker/event_loop.h"
#include "worker/spawner.h"

namespace assay {

// How a process ended.
struct ProcessEnd {
  bool by_signal = false;
  int code = 0;            // Exit code, or number of the signal.
  std::string error_tail;  // The last 2 KiB of its stderr.
};

// "exit code 3", "signal 11 (Segmentation fault)".
std::string ToText(const ProcessEnd& end);

// One process and its group, from start to end. On the loop's thread.
//
// The end is the end of the process, not that of its output: a grandchild may
// hold the pipes open. Output is read for `drain` longer, then whatever is
// left of the process group is killed, and only then is the process reaped, so
// that its group's number cannot have become another's.
class TrialProcess {
 public:
  struct Events {
    // stdout and stderr, as they come.
    std::function<void(absl::string_view)> output;
    // Last call. May destroy this.
    std::function<void(ProcessEnd)> end;
  };

  // `loop` must outlive this. Reads nothing before Attach().
  TrialProcess(EventLoop& loop, Child child,
               absl::Duration drain = absl::Seconds(1));
  // Kills the group if it runs.
  ~TrialProcess();
  TrialProcess(const TrialProcess&) = delete;
  TrialProcess& operator=(const TrialProcess&) = delete;

  // From now on output is read and the end is told.
  void Attach(Events events);

  pid_t pid() const { return child_.pid; }
  int64_t start_time() const { return child_.start_time; }
  // False once it has ended, told or not.
  bool Alive() const;

  // Writes to its stdin and closes it. False if it does not take it. Up to
  // 64 KiB.
  bool WriteInput(absl::string_view text);
  void CloseInput() { child_.input.Close(); }

  // SIGTERM, SIGKILL to the group.
  void Terminate();
  void Kill();

 private:
  // One of the two pipes. Closed: at its end.
  void Read(Descriptor& pipe, EventLoop::Handle& watch);
  void KeepErrorTail(absl::string_view bytes);
  void Ended();
  void Drained();
  void StopWatching();
  void Reap();

  EventLoop& loop_;
  const absl::Duration drain_;
  Child child_;
  Events events_;
  EventLoop::Handle end_watch_ = 0;
  EventLoop::Handle output_watch_ = 0;
  EventLoop::Handle error_watch_ = 0;
  EventLoop::Handle drain_timer_ = 0;
  ProcessEnd end_;
  bool ended_ = false;
  bool reaped_ = false;
};

}  // namespace assay
