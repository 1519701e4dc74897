#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "worker/trainer/metrics.h"

namespace assay {

// Where a training tells how it goes, and hears whether to go on.
class Progress {
 public:
  virtual ~Progress() = default;

  // `step` counts in the budget's unit, epochs usually; rises. The last one may
  // come twice, when a training goes on at its end. `gradient`, if there is
  // one, is of one of the metrics.
  virtual void Report(int64_t step, const Metrics& metrics,
                      const std::optional<MetricGradient>& gradient) = 0;

  virtual void Attribute(const std::string& key, const std::string& value) = 0;

  // A line for people.
  virtual void Note(const std::string& text) = 0;

  // Says that the folder of checkpoints holds one; `step` was reported last.
  // The folder must stay as it is until this has been answered.
  virtual void AnnounceCheckpoint(int64_t step) = 0;
  virtual bool CheckpointAnswered() = 0;  // Or will never be.
  // Waits for it, up to a minute.
  virtual void AwaitCheckpoint() = 0;

  // Why to stop, once somebody wants it. Asked after every batch: cheap.
  virtual std::optional<std::string> StopReason() = 0;
};

}  // namespace assay
