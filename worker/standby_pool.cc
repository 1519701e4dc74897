#include "worker/standby_pool.h"

#include <utility>

namespace assay {

StandbyPool::StandbyPool(EventLoop& loop, Spawner& spawner, StateFolder& state,
                         MakeCommand make)
    : loop_(loop), spawner_(spawner), state_(state), make_(std::move(make)) {}

StandbyPool::~StandbyPool() {
  for (auto& [devices, process] : waiting_) Discard(std::move(process));
}

void StandbyPool::Prepare(const std::string& devices) {
  const auto found = waiting_.find(devices);
  if (found != waiting_.end()) {
    if (found->second == nullptr || found->second->Alive()) return;
    Discard(std::move(found->second));
  }
  waiting_[devices] = nullptr;
  StartOnLoop(loop_, spawner_, state_, make_(devices),
              [this, devices, alive = std::weak_ptr<bool>(alive_)](
                  absl::StatusOr<std::unique_ptr<TrialProcess>> process) {
                if (alive.expired()) return;
                Started(devices, std::move(process));
              });
}

void StandbyPool::Started(
    const std::string& devices,
    absl::StatusOr<std::unique_ptr<TrialProcess>> process) {
  if (process.ok()) {
    waiting_[devices] = *std::move(process);
  } else {
    waiting_.erase(devices);
  }
}

std::unique_ptr<TrialProcess> StandbyPool::Take(const std::string& devices) {
  const auto found = waiting_.find(devices);
  if (found == waiting_.end() || found->second == nullptr) return nullptr;
  std::unique_ptr<TrialProcess> process = std::move(found->second);
  waiting_.erase(found);
  if (process->Alive()) return process;
  Discard(std::move(process));
  return nullptr;
}

void StandbyPool::Discard(std::unique_ptr<TrialProcess> process) {
  if (process == nullptr) return;
  const pid_t leader = process->pid();
  process.reset();
  state_.Forget(leader);
}

void StartOnLoop(
    EventLoop& loop, Spawner& spawner, StateFolder& state, Command command,
    std::function<void(absl::StatusOr<std::unique_ptr<TrialProcess>>)>
        started) {
  spawner.Start(
      std::move(command), [&loop, &state, started = std::move(started)](
                              absl::StatusOr<Child> child) {
        // std::function copies what it holds, and a Child cannot be.
        auto shared = std::make_shared<absl::StatusOr<Child>>(std::move(child));
        loop.Post([&loop, &state, started, shared] {
          if (!shared->ok()) return started(shared->status());
          state.Record((*shared)->pid, (*shared)->start_time);
          started(std::make_unique<TrialProcess>(loop, *std::move(*shared)));
        });
      });
}

}  // namespace assay
