#include "worker/event_loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <utility>

#include "search/base/clock.h"

namespace assay {
namespace {

constexpr EventLoop::Handle kWake = 0;

epoll_event Event(uint32_t events, EventLoop::Handle handle) {
  epoll_event event = {};
  event.events = events;
  event.data.u64 = handle;
  return event;
}

}  // namespace

EventLoop::EventLoop()
    : epoll_(epoll_create1(EPOLL_CLOEXEC)),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  assert(epoll_ && wake_);
  epoll_event event = Event(EPOLLIN, kWake);
  epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event);
}

EventLoop::~EventLoop() = default;

void EventLoop::Run() {
  for (;;) {
    {
      MutexLock lock(mutex_);
      if (std::exchange(quit_, false)) return;
    }
    Turn(absl::InfiniteDuration());
  }
}

bool EventLoop::RunUntil(const std::function<bool()>& done,
                         absl::Duration limit) {
  const absl::Duration deadline = SystemClock().SinceBoot() + limit;
  while (!done()) {
    const absl::Duration left = deadline - SystemClock().SinceBoot();
    if (left <= absl::ZeroDuration()) return false;
    Turn(left);
  }
  return true;
}

void EventLoop::Quit() {
  {
    MutexLock lock(mutex_);
    quit_ = true;
  }
  eventfd_write(wake_.get(), 1);
}

void EventLoop::Post(Task task) {
  {
    MutexLock lock(mutex_);
    tasks_.push_back(std::move(task));
    if (tasks_.size() > 1) return;  // Woken already.
  }
  eventfd_write(wake_.get(), 1);
}

EventLoop::Handle EventLoop::Watch(int fd, uint32_t events, Ready ready) {
  const Handle handle = ++last_handle_;
  watched_[handle] = {fd, std::make_shared<const Ready>(std::move(ready))};
  epoll_event event = Event(events, handle);
  epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
  return handle;
}

void EventLoop::ChangeEvents(Handle watch, uint32_t events) {
  const auto found = watched_.find(watch);
  if (found == watched_.end()) return;
  epoll_event event = Event(events, watch);
  epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, found->second.fd, &event);
}

void EventLoop::Unwatch(Handle watch) {
  const auto found = watched_.find(watch);
  if (found == watched_.end()) return;
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, found->second.fd, nullptr);
  watched_.erase(found);
}

EventLoop::Handle EventLoop::After(absl::Duration delay, Task task) {
  const Handle handle = ++last_handle_;
  const absl::Duration when = SystemClock().SinceBoot() + delay;
  timers_.emplace(Due(when, handle), std::move(task));
  due_[handle] = when;
  return handle;
}

void EventLoop::Cancel(Handle timer) {
  const auto found = due_.find(timer);
  if (found == due_.end()) return;
  timers_.erase(Due(found->second, timer));
  due_.erase(found);
}

absl::Duration EventLoop::UntilNextTimer(absl::Duration longest) const {
  if (timers_.empty()) return longest;
  const absl::Duration wait =
      timers_.begin()->first.first - SystemClock().SinceBoot();
  return std::clamp(wait, absl::ZeroDuration(), longest);
}

void EventLoop::Turn(absl::Duration longest_wait) {
  const absl::Duration wait = UntilNextTimer(longest_wait);
  const int milliseconds = wait == absl::InfiniteDuration()
                               ? -1
                               : static_cast<int>(std::min<int64_t>(
                                     absl::ToInt64Milliseconds(absl::Ceil(
                                         wait, absl::Milliseconds(1))),
                                     3'600'000));
  std::array<epoll_event, 64> ready;
  const int count = epoll_wait(epoll_.get(), ready.data(),
                               static_cast<int>(ready.size()), milliseconds);
  for (int i = 0; i < count; ++i) {
    if (ready[i].data.u64 == kWake) {
      RunTasks();
      continue;
    }
    const auto found = watched_.find(ready[i].data.u64);
    if (found == watched_.end()) continue;  // Unwatched in this turn.
    const std::shared_ptr<const Ready> callback = found->second.ready;
    (*callback)(ready[i].events);
  }
  RunTimers();
}

void EventLoop::RunTasks() {
  eventfd_t ignored;
  eventfd_read(wake_.get(), &ignored);
  std::vector<Task> tasks;
  {
    MutexLock lock(mutex_);
    tasks.swap(tasks_);
  }
  for (const Task& task : tasks) task();
}

void EventLoop::RunTimers() {
  const absl::Duration now = SystemClock().SinceBoot();
  while (!timers_.empty() && timers_.begin()->first.first <= now) {
    auto timer = timers_.extract(timers_.begin());
    due_.erase(timer.key().second);
    timer.mapped()();
  }
}

}  // namespace assay
