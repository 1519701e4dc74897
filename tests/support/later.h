#pragma once

#include <memory>
#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "search/base/mutex.h"

namespace assay {

// The result of a call that answers through a callback. Copies are the same
// result.
template <class T>
class Later {
 public:
  // For the call; may be used once.
  absl::AnyInvocable<void(T)> Callback() {
    return [state = state_](T value) { state->Set(std::move(value)); };
  }

  bool is_there() const {
    MutexLock lock(state_->mutex);
    return state_->value.has_value();
  }

  // Waits for it.
  T Get() const {
    MutexLock lock(state_->mutex);
    while (!state_->value) state_->changed.Wait(state_->mutex);
    return *state_->value;
  }

 private:
  struct State {
    void Set(T given) {
      {
        MutexLock lock(mutex);
        value.emplace(std::move(given));
      }
      changed.NotifyAll();
    }

    Mutex mutex;
    CondVar changed;
    std::optional<T> value ABSL_GUARDED_BY(mutex);
  };

  std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace assay
