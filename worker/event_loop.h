#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "search/base/mutex.h"
#include "worker/descriptor.h"

namespace assay {

// The worker's one thread of work: descriptors, timers and tasks of other
// threads, one after the other. Everything that runs on it needs no locks.
//
// Post() and Quit() may be called from any thread; all else from the thread
// that runs the loop, or before it runs.
class EventLoop {
 public:
  using Task = std::function<void()>;
  // Gets the EPOLL* bits that are ready.
  using Ready = std::function<void(uint32_t events)>;
  // Never 0, never used again.
  using Handle = uint64_t;

  EventLoop();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Runs until Quit().
  void Run();
  // Runs until `done` is true, which it asks after each turn. False if that
  // takes longer than `limit`.
  bool RunUntil(const std::function<bool()>& done, absl::Duration limit);
  void Quit();

  // Runs `task` on the loop, in the order of the calls.
  void Post(Task task);

  // Calls `ready` whenever one of `events` (EPOLLIN, EPOLLOUT) or EPOLLHUP or
  // EPOLLERR holds. Borrows `fd`: Unwatch() before it is closed.
  Handle Watch(int fd, uint32_t events, Ready ready);
  void ChangeEvents(Handle watch, uint32_t events);
  // `ready` is not called again, not even for what is ready already. 0 is
  // nothing.
  void Unwatch(Handle watch);

  Handle After(absl::Duration delay, Task task);
  // Nothing if the timer has fired, or for 0.
  void Cancel(Handle timer);

 private:
  struct Watched {
    int fd;
    std::shared_ptr<const Ready> ready;
  };
  using Due = std::pair<absl::Duration, Handle>;  // By SinceBoot().

  void Turn(absl::Duration longest_wait);
  absl::Duration UntilNextTimer(absl::Duration longest) const;
  void RunTasks();
  void RunTimers();

  const Descriptor epoll_;
  const Descriptor wake_;
  Handle last_handle_ = 0;
  std::unordered_map<Handle, Watched> watched_;
  std::map<Due, Task> timers_;
  std::unordered_map<Handle, absl::Duration> due_;

  Mutex mutex_;
  std::vector<Task> tasks_ ABSL_GUARDED_BY(mutex_);
  bool quit_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace assay
