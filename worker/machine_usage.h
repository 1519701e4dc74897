#pragma once

#include <sys/types.h>

#include <cstdint>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"

namespace assay {

// What a machine's processors have done since it started, and its memory, as
// /proc tells.
struct MachineUsage {
  double busy_seconds = 0;  // Summed over the processors.
  double idle_seconds = 0;  // Waiting for the disk included.
  double memory_bytes = 0;
  double available_bytes = 0;
};
absl::StatusOr<MachineUsage> ReadMachineUsage();

// Processes that live now.
struct ProcessUsage {
  int64_t processes = 0;
  double cpu_seconds = 0;  // With those of their children that have ended.
  double resident_bytes = 0;
};
// Those of these process groups.
ProcessUsage ReadUsageOf(const absl::flat_hash_set<pid_t>& groups);

// Processor time of this process's children that have ended.
double CpuSecondsOfEndedChildren();

}  // namespace assay
