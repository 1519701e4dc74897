#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "assay/v1/worker.pb.h"
#include "worker/config.h"
#include "worker/spawner.h"
#include "worker/trial_run.h"

namespace assay {

// Where one attempt lives on this worker.
struct TrialPlaces {
  AttemptKey key;
  std::string scratch;
  std::string socket;
  std::string devices;       // CUDA_VISIBLE_DEVICES.
  std::string process_mark;  // StateFolder::ProcessMark().
  std::string checkpoint;    // Folder: ASSAY_CHECKPOINT.
  std::string resume;        // Folder: ASSAY_RESUME; empty: from the start.
};

// How to run what the coordinator assigned. An error is the study's, or this
// worker is not the one for it: trying again here cannot help. It names the
// runner or argument and what there is.
absl::StatusOr<TrialPlan> PlanTrial(const v1::WorkerAssignment& assignment,
                                    const WorkerConfig& config,
                                    const TrialPlaces& places);

// A trainer that waits for its trial.
Command StandbyCommand(const WorkerConfig& config, const std::string& devices,
                       const std::string& process_mark);

}  // namespace assay
