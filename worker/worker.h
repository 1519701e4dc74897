#pragma once

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "assay/v1/worker.pb.h"
#include "worker/config.h"
#include "worker/event_loop.h"
#include "worker/gpu_inventory.h"
#include "worker/scratch_folders.h"
#include "worker/server_link.h"
#include "worker/slot_table.h"
#include "worker/spawner.h"
#include "worker/standby_pool.h"
#include "worker/state_folder.h"
#include "worker/trial_run.h"

namespace assay {

// The agent: takes assignments, gives each its slots, runs it and reports how
// it ended, until it is drained. On the loop's thread.
//
// An attempt goes  assigned -> (waits for slots) -> runs -> ended -> recorded.
// Its slots are free from "ended" on, when its process is gone; its scratch
// folder goes with "recorded".
class Worker {
 public:
  // `loop` and `spawner` must outlive this. Errors: of the state folder.
  static absl::StatusOr<std::unique_ptr<Worker>> Create(
      WorkerConfig config, std::vector<GpuDevice> gpus, EventLoop& loop,
      Spawner& spawner);
  // Kills what runs.
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // A signal or its like. The first takes nothing new and lets trials finish
  // (or hands them back, see --drain), the second hands them back, the third
  // kills them. The loop ends when all that ended is recorded.
  void Drain();

 private:
  struct Running {
    std::unique_ptr<TrialRun> run;
    std::vector<int> slots;
    bool lost = false;  // No longer ours: nobody wants to know how it ends.
  };
  struct Waiting {
    AttemptKey key;
    v1::WorkerAssignment assignment;
  };

  Worker(WorkerConfig config, std::vector<GpuDevice> gpus, EventLoop& loop,
         Spawner& spawner, std::unique_ptr<StateFolder> state);

  v1::Hello MakeHello(const std::vector<GpuDevice>& gpus) const;
  LinkEvents MakeLinkEvents();
  void Assigned(AttemptKey key, v1::WorkerAssignment assignment);
  void StartWaiting();
  void Start(AttemptKey key, const v1::WorkerAssignment& assignment,
             std::vector<int> slots);
  TrialRun::Events MakeRunEvents(AttemptKey key);
  void Ended(AttemptKey key, const AttemptEnd& end,
             const std::vector<TrialAttribute>& attributes);
  void StopAttempt(AttemptKey key, const std::string& reason);
  void Lost(AttemptKey key, const std::string& reason);
  void Recorded(AttemptKey key);
  void HandBackWaiting();
  void Finish(AttemptKey key, const AttemptEnd& end,
              const std::vector<TrialAttribute>& attributes);
  void QuitWhenDone();

  const WorkerConfig config_;
  EventLoop& loop_;
  Spawner& spawner_;
  const std::unique_ptr<StateFolder> state_;
  ScratchFolders scratch_folders_;
  StandbyPool standby_;
  SlotTable slots_;
  std::deque<Waiting> waiting_;  // Assigned, and no slot is free.
  std::map<AttemptKey, Running> running_;
  std::set<AttemptKey> unrecorded_;  // Ended.
  bool drained_by_server_ = false;
  int drains_ = 0;
  // What other threads post finds out whether this still lives.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::unique_ptr<ServerLink> link_;  // Last: its threads call this.
};

}  // namespace assay
