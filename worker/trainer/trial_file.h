#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "nlohmann/json_fwd.hpp"
#include "worker/trainer/configuration.h"
#include "worker/trainer/result.h"

namespace assay {

// What a budget counts, over the whole lineage of a trial.
enum class BudgetUnit {
  kSteps,     // Epochs.
  kSeconds,   // Of training, evaluation and loading apart.
  kExamples,  // The size of the training part, `epochs` times over.
};

// Reported steps count in the same unit.
struct Budget {
  BudgetUnit unit = BudgetUnit::kSteps;
  // What up to here was measured is known of the trial that this one continues.
  int64_t from = 0;
  std::optional<int64_t> to;   // Unset (or 0 in the file): no limit.
  std::optional<int64_t> max;  // Of the study's largest run; likewise.
};

// What the worker asks for, as it lies in the file that ASSAY_TRIAL names:
//   {"study": {"id": 1, "name": "x"},
//    "trial": {"id": 12, "number": 3, "attempt": 1, "replicate": 0},
//    "config": {..}, "parameters": {"optimizer.learning_rate": 0.01},
//    "budget": {"from": 0, "to": 20, "max": 27, "unit": "STEPS"},
//    "seed": 1234, "metrics": ["accuracy"], "final_test": false,
//    "resume": {"folder": "/path", "step": 9},
//    "checkpoint": {"folder": "/path", "final": false},
//    "gradients": {"metric": "loss", "parameters": ["regularization.l2"],
//                  "method": "", "every": 0, "work": 0, "splits": 0}}
// Only "config" and "parameters" must be there. Other keys are ignored, so that
// a newer worker can say more.
// "gradients" becomes the configuration's `hypergradient`, unless that has a
// method itself ("none" included); what the configuration says of other keys of
// it stays:
//   metric      empty: the first of "metrics"; one without gradient is refused
//   parameters  each must have a gradient. None: those of the trial's
//               parameters that have one, and if none has, no gradients
//   method      empty: truncated
//   every       epochs. 0: after the last alone; of a budget in seconds, whose
//               last epoch nobody knows before, after each
//   work        `steps` of truncated and forward, `terms` of ift_neumann and
//               ift_cg. 0: their defaults
//   splits      0: 4
struct TrialFile {
  std::string study_name;
  int64_t trial_number = 0;
  int64_t attempt = 1;
  int64_t replicate = 0;
  Configuration config;  // The parameters already in place.
  Budget budget;
  uint64_t seed = 0;
  bool final_test = false;  // Measure on the test part when training is done.
  std::string resume;       // The folder to go on from. Empty: none.
  std::string checkpoint;   // The folder for checkpoints. Empty: none.
  bool final_checkpoint = false;  // A later trial may continue this one.
};

// An object without "config" and "parameters" is taken for a configuration
// alone, which is handy by hand. A metric that the study wants and that such a
// training never reports is an error too.
Result<TrialFile> ParseTrialFile(const std::string& text);

Result<TrialFile> ReadTrialFile(const std::string& path);

// The last epoch to train. Of a budget in steps the smaller of `epochs` and its
// end, in seconds `epochs` or no last one, in examples `epochs`; 10 if nothing
// is given.
int64_t LastEpoch(const TrialFile& trial);

// How many epochs a whole training takes, for the schedule: `epochs`, else the
// largest budget of the study in steps, else the last epoch.
int64_t Horizon(const TrialFile& trial);

// The same in seconds, where a budget in seconds decides.
std::optional<int64_t> HorizonSeconds(const TrialFile& trial);

// The configuration's plus the replicate, so that runs of one configuration
// differ; else the trial's, which is its own already.
uint64_t SeedOf(const TrialFile& trial);

}  // namespace assay
