#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "worker/event_loop.h"
#include "worker/spawner.h"
#include "worker/state_folder.h"
#include "worker/trial_process.h"

namespace assay {

// Trainers that have loaded Torch and wait for their trial, one for each set of
// GPUs (CUDA_VISIBLE_DEVICES counts from the start of a process). On the
// loop's thread; all but `make` must outlive this.
class StandbyPool {
 public:
  // The command of a trainer that sees `devices`.
  using MakeCommand = std::function<Command(const std::string& devices)>;

  StandbyPool(EventLoop& loop, Spawner& spawner, StateFolder& state,
              MakeCommand make);
  // Ends those that wait.
  ~StandbyPool();
  StandbyPool(const StandbyPool&) = delete;
  StandbyPool& operator=(const StandbyPool&) = delete;

  // Starts one ahead if none waits. A failure is told by the trial that then
  // has to start its own.
  void Prepare(const std::string& devices);

  // The one that waits, if it lives.
  std::unique_ptr<TrialProcess> Take(const std::string& devices);

 private:
  void Started(const std::string& devices,
               absl::StatusOr<std::unique_ptr<TrialProcess>> process);
  void Discard(std::unique_ptr<TrialProcess> process);

  EventLoop& loop_;
  Spawner& spawner_;
  StateFolder& state_;
  const MakeCommand make_;
  // Null: it starts.
  std::map<std::string, std::unique_ptr<TrialProcess>> waiting_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

// Starts `command`; `started` gets the process, recorded in `state`, on the
// loop's thread. If it is no longer wanted there, dropping it kills it.
void StartOnLoop(
    EventLoop& loop, Spawner& spawner, StateFolder& state, Command command,
    std::function<void(absl::StatusOr<std::unique_ptr<TrialProcess>>)> started);

}  // namespace assay
