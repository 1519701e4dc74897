#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "worker/trainer/progress.h"
#include "worker/trainer/result.h"

namespace assay {

// The name of the file that holds a checkpoint, in its folder.
inline constexpr char kCheckpointFile[] = "trainer.pt";

// Where a training leaves its checkpoints, one after the other. The file comes
// into being whole, by a rename, and is replaced only once the worker has taken
// the one before.
class CheckpointFolder {
 public:
  // Writes a whole checkpoint into the file of this path.
  using Write = std::function<Done(const std::string& path)>;

  // Nothing is ever due if `folder` is empty. `every_seconds` 0: only at the
  // end. `progress` must outlive this.
  CheckpointFolder(std::string folder, double every_seconds,
                   Progress& progress);

  // Whether the last one is older than `periods` times the interval, and has
  // been taken.
  bool Due(double periods) const;

  // Saves and announces one; `step` was reported last. A failure is told to
  // people and does no more harm: the training goes on.
  void Save(int64_t step, const Write& write);

  // The same, after waiting until the one before is taken; waits until this one
  // is.
  void SaveLast(int64_t step, const Write& write);

 private:
  Done WriteWhole(const Write& write) const;

  const std::string folder_;
  const std::chrono::duration<double> interval_;
  Progress& progress_;
  std::chrono::steady_clock::time_point last_;
};

}  // namespace assay
