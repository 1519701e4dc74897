#pragma once

#include <string>

#include "worker/trainer/result.h"

namespace assay {

struct Run {
  std::string trial;      // The file to read.
  std::string data_root;  // Where data sets lie, by name.
  std::string socket;     // The worker's; empty: none.
  // Folders, where the trial's file names none. Empty: none.
  std::string resume;
  std::string checkpoint;
};

// Reads, trains and reports one trial; prints to stdout.
Done RunTrial(const Run& run);

// Everything that RunTrial() would refuse, data included, without training.
Done CheckTrial(const Run& run);

}  // namespace assay
