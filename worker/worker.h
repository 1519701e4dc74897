#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "assay/v1/worker.pb.h"
#include "worker/checkpoints.h"
#include "worker/config.h"
#include "worker/event_loop.h"
#include "worker/gpu_inventory.h"
#include "worker/metrics.h"
#include "worker/monitor.h"
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
// An attempt goes  assigned -> (waits for slots) -> (its checkpoint is fetched)
// -> runs -> ended -> (its last checkpoint is sent) -> recorded. Its slots are
// free from "ended" on, when its process is gone; its folders go with
// "recorded".
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
  struct Fetching {
    v1::WorkerAssignment assignment;
    std::vector<int> slots;
  };

  Worker(WorkerConfig config, std::vector<GpuDevice> gpus, EventLoop& loop,
         Spawner& spawner, std::unique_ptr<StateFolder> state,
         std::unique_ptr<ChunkCache> cache,
         std::unique_ptr<ChunkFolder> shared);

  absl::Status StartMonitor(std::vector<GpuDevice> gpus);
  v1::Hello MakeHello(const std::vector<GpuDevice>& gpus) const;
  LinkEvents MakeLinkEvents();
  void Assigned(AttemptKey key, v1::WorkerAssignment assignment);
  void StartWaiting();
  std::optional<std::vector<int>> TakeSlots(int gpus);
  void ReleaseSlots(const std::vector<int>& slots);
  void ShowSlots();
  // Fetches its checkpoint first, if it has one.
  void Start(AttemptKey key, v1::WorkerAssignment assignment,
             std::vector<int> slots);
  void Fetch(AttemptKey key, v1::WorkerAssignment assignment,
             std::vector<int> slots);
  void Fetched(AttemptKey key, const absl::Status& status);
  // `resume`: its folder; empty: from the start.
  void Run(AttemptKey key, const v1::WorkerAssignment& assignment,
           std::vector<int> slots, const std::string& resume);
  void Say(AttemptKey key, absl::string_view text);
  std::unique_ptr<Checkpoints> MakeCheckpoints(
      std::unique_ptr<ChunkCache> cache, std::unique_ptr<ChunkFolder> shared);
  TrialRun::Events MakeRunEvents(AttemptKey key);
  void Ended(AttemptKey key, const AttemptEnd& end,
             const std::vector<TrialAttribute>& attributes);
  void StopAttempt(AttemptKey key, const std::string& reason);
  void Lost(AttemptKey key, const std::string& reason);
  void Recorded(AttemptKey key);
  // Ends what has not started yet; nothing for what has.
  void EndUnstarted(AttemptKey key, const AttemptEnd& end);
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
  WorkerMetrics metrics_;
  std::deque<Waiting> waiting_;  // Assigned, and no slot is free.
  std::map<AttemptKey, Fetching> fetching_;
  std::map<AttemptKey, Running> running_;
  std::set<AttemptKey> sending_;  // Ended; the last checkpoint is on its way.
  std::set<AttemptKey> unrecorded_;  // Ended.
  bool drained_by_server_ = false;
  int drains_ = 0;
  // What other threads post finds out whether this still lives.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::unique_ptr<ServerLink> link_;          // Its threads call this.
  std::unique_ptr<Checkpoints> checkpoints_;  // Its threads call `link_`.
  std::unique_ptr<Monitor> monitor_;  // Last: its thread asks `link_`. May be
                                      // null.
};

}  // namespace assay
