#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "worker/attempt_end.h"
#include "worker/event_loop.h"
#include "worker/scratch_folders.h"
#include "worker/spawner.h"
#include "worker/standby_pool.h"
#include "worker/state_folder.h"
#include "worker/trial_output.h"
#include "worker/trial_process.h"
#include "worker/trial_socket.h"

namespace assay {

// What to run, and within which limits.
struct TrialPlan {
  AttemptKey key;
  Command command;
  std::string scratch;     // Made, and where the trial file goes.
  std::string trial_file;  // Its content: JSON.
  std::string socket;      // Path of its socket.
  // Runs in a trainer that waits, and `command` starts one if none does.
  bool in_standby = false;
  std::string devices;  // CUDA_VISIBLE_DEVICES.
  std::vector<std::string> objectives;
  absl::Duration max_time = absl::InfiniteDuration();
  absl::Duration grace = absl::Seconds(10);
  int64_t scratch_limit = 0;  // Bytes; 0: none.
  absl::Duration scratch_check = absl::Seconds(5);
};

// Where a trial's file lies in its scratch folder.
std::string TrialFileIn(const std::string& scratch);

// One attempt on this worker, from its start to its end: process, socket,
// output, limits. On the loop's thread.
//
//   Start() ... measurement and output, any number, then `ended`, once.
//
// Stop() and HandBack() ask the trial to end: over its socket (Stop), by
// SIGTERM (HandBack at once, Stop and the time limit after `grace`), by SIGKILL
// after another `grace`. Destroying this kills at once and tells nothing.
class TrialRun {
 public:
  struct Events {
    // `elapsed_seconds` is set, `sequence` not.
    std::function<void(Measurement)> measurement;
    std::function<void(absl::string_view)> output;
    // It says that its checkpoint is complete; `answer` tells it, later, that
    // it may write there again. nullptr: there are no checkpoints.
    std::function<void(CheckpointNotice, TrialSocket::Answer)> checkpoint =
        nullptr;
    // It ended with exit code 0, after reporting this step last; before
    // `ended`.
    std::function<void(int64_t last_step)> left = nullptr;
    // Last call; may destroy this.
    std::function<void(AttemptEnd, std::vector<TrialAttribute>)> ended;
  };
  // What runs share; must outlive them.
  struct Services {
    EventLoop& loop;
    Spawner& spawner;
    StateFolder& state;
    ScratchFolders& scratch_folders;
    StandbyPool& standby;
  };

  TrialRun(Services services, TrialPlan plan, Events events);
  ~TrialRun();
  TrialRun(const TrialRun&) = delete;
  TrialRun& operator=(const TrialRun&) = delete;

  void Start();
  void Stop(absl::string_view reason);
  void HandBack();
  // SIGKILL at once; `ended` comes when the process is gone.
  void Kill();

  // Reads no reports while paused.
  void SetPaused(bool paused);

 private:
  using Process = std::unique_ptr<TrialProcess>;

  absl::Status Prepare();
  void Started(absl::StatusOr<Process> process);
  void Run(Process process);
  absl::Status Take(TrialMessage message);
  absl::Status TakeAttribute(TrialAttribute attribute);
  void TakeMeasurement(Measurement measurement);
  void CheckScratch(int64_t bytes);
  void MeasureScratchLater();
  void End(EndedBy by, std::string limit);
  void Terminate();
  void Ended(ProcessEnd end);
  void EndedForGood();
  void CannotStart(const absl::Status& status);

  const Services services_;
  const TrialPlan plan_;
  const Events events_;
  const absl::Duration started_at_;  // By SinceBoot().
  TrialOutput output_;
  std::unique_ptr<TrialSocket> socket_;
  Process process_;
  AttemptRecord record_;
  int64_t last_step_ = 0;
  // By namespace and key: a later one replaces an earlier one.
  std::map<std::pair<std::string, std::string>, TrialAttribute> attributes_;
  size_t attribute_bytes_ = 0;
  EventLoop::Handle limit_timer_ = 0;
  EventLoop::Handle grace_timer_ = 0;
  EventLoop::Handle scratch_timer_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace assay
