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

  // `step` is the number of epochs done; rises.
  virtual void Report(int64_t step, const Metrics& metrics) = 0;

  virtual void Attribute(const std::string& key, const std::string& value) = 0;

  // Why to stop, once somebody wants it. Asked after every batch: cheap.
  virtual std::optional<std::string> StopReason() = 0;
};

}  // namespace assay
