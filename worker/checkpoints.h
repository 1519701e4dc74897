#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "search/checkpoint.h"
#include "worker/attempt_end.h"
#include "worker/cancellation.h"
#include "worker/checkpoint_channel.h"
#include "worker/checkpoint_uploader.h"
#include "worker/chunk_cache.h"
#include "worker/event_loop.h"
#include "worker/task_thread.h"

namespace assay {

// The checkpoints of the attempts that run here: copies what a trial left,
// brings it to the coordinator, and makes the folder that a trial goes on from.
// Called on the loop's thread, which never waits; answers come there, later.
//
// Each attempt has a folder ROOT/TRIAL-ATTEMPT/: `out` is ASSAY_CHECKPOINT,
// `resume` ASSAY_RESUME, the other ones are copies that wait to be sent.
class Checkpoints {
 public:
  struct Options {
    EventLoop* loop = nullptr;  // Must outlive this.
    std::string root;           // Emptied by who makes it.
    std::unique_ptr<CheckpointChannel> channel;
    std::unique_ptr<ChunkCache> cache;
    // The number of an attempt as the coordinator knows it now. Any thread.
    std::function<int32_t(AttemptKey)> number;
    // For the trial's log. Any thread.
    std::function<void(AttemptKey, absl::string_view)> say;
  };
  using Done = std::function<void(absl::Status)>;

  explicit Checkpoints(Options options);
  // Ends what is under way.
  ~Checkpoints();
  Checkpoints(const Checkpoints&) = delete;
  Checkpoints& operator=(const Checkpoints&) = delete;

  std::string OutOf(AttemptKey key) const;
  std::string ResumeOf(AttemptKey key) const;

  // Makes OutOf(key).
  absl::Status Open(AttemptKey key);

  // Makes ResumeOf(key).
  void Fetch(AttemptKey key, Checkpoint checkpoint, Done done);

  // Copies OutOf(key) and sends the copy. OK once it is copied: from then on
  // the trial may write there again. InvalidArgument if there is nothing, or
  // what cannot be kept; trouble of this machine is said in the log, and OK.
  void Take(AttemptKey key, int64_t step, Done done);
  // The same if there is anything that was not taken. Nobody hears of it.
  void TakeLeft(AttemptKey key, int64_t step);

  // Calls `done` once all that was taken is committed or given up, at latest
  // after `limit`.
  void Finish(AttemptKey key, absl::Duration limit, std::function<void()> done);

  // Waits no longer, whatever the limits: those `done` come now.
  void HurryUp();

  // Ends whatever is under way for it and removes its folder; no answer comes
  // any more.
  void Forget(AttemptKey key);

 private:
  struct Entry;

  std::string FolderOf(AttemptKey key) const;
  Entry& EntryOf(AttemptKey key);
  void Copy(AttemptKey key, int64_t step, bool only_if_new, Done done);
  absl::Status Complain(AttemptKey key, const absl::Status& status);
  // `snapshot`: nullopt if nothing was copied.
  void Copied(AttemptKey key, std::optional<CheckpointSnapshot> snapshot);
  void ConcludeWhenIdle(AttemptKey key);
  void Conclude(AttemptKey key);
  // Runs `task` on the loop unless the attempt is forgotten by then.
  void Post(AttemptKey key, std::function<void()> task);

  Options options_;
  std::map<AttemptKey, std::shared_ptr<Entry>> entries_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  // Last: its tasks use everything above. It copies and removes; each upload
  // and each download has a thread of its own.
  std::unique_ptr<TaskThread> copies_;
};

}  // namespace assay
