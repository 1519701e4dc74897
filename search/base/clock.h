#pragma once

#include "absl/time/time.h"

namespace assay {

// Where the time comes from. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;

  // Wall time, for what people read. May jump; never decides about a lease.
  virtual absl::Time Now() const = 0;

  // Time since the machine started, sleep included (CLOCK_BOOTTIME): never
  // jumps. Leases, timeouts and budgets are measured by it.
  virtual absl::Duration SinceBoot() const = 0;
};

// The machine's clocks. Lives for ever.
const Clock& SystemClock();

}  // namespace assay
