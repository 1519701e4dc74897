#pragma once

#include <utility>
#include <vector>

#include "search/strategies/observation.h"

namespace assay {

// Finished trials for tests: `values` with larger is better, `violations` of
// the bounds.
inline Observation Completed(std::vector<double> values,
                             std::vector<double> violations = {}) {
  Observation trial;
  trial.values = std::move(values);
  trial.violations = std::move(violations);
  return trial;
}

inline Observation Stopped(std::vector<double> values, int64_t last_step) {
  Observation trial = Completed(std::move(values));
  trial.state = TrialState::kStopped;
  trial.last_step = last_step;
  return trial;
}

inline Observation Failed() {
  Observation trial;
  trial.state = TrialState::kFailed;
  return trial;
}

}  // namespace assay
