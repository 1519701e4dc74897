#include "server/timer.h"

#include <chrono>
#include <memory>

namespace assay {

Timer::Timer(const Clock& clock) : clock_(clock), thread_([this] { Run(); }) {}

Timer::~Timer() { Stop(); }

void Timer::Stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.NotifyAll();
  if (thread_.joinable()) thread_.join();
}

void Timer::After(absl::Duration delay, Executor::Task task) {
  {
    MutexLock lock(mutex_);
    if (stopping_) return;
    tasks_.emplace(Key{clock_.SinceBoot() + delay, next_++}, std::move(task));
  }
  changed_.NotifyOne();
}

void Timer::Every(absl::Duration period, absl::AnyInvocable<void()> task) {
  After(period, [this, period, task = std::move(task)]() mutable {
    task();
    Every(period, std::move(task));
  });
}

void Timer::Run() {
  for (;;) {
    Executor::Task task;
    {
      MutexLock lock(mutex_);
      while (!task) {
        if (stopping_) return;
        if (tasks_.empty()) {
          changed_.Wait(mutex_);
          continue;
        }
        const absl::Duration wait =
            tasks_.begin()->first.first - clock_.SinceBoot();
        if (wait > absl::ZeroDuration()) {
          changed_.WaitUntil(mutex_, std::chrono::steady_clock::now() +
                                         absl::ToChronoMicroseconds(wait) +
                                         std::chrono::microseconds(1));
          continue;
        }
        task = std::move(tasks_.begin()->second);
        tasks_.erase(tasks_.begin());
      }
    }
    task();
  }
}

}  // namespace assay
