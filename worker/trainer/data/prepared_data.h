#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "worker/trainer/configuration.h"
#include "worker/trainer/result.h"

namespace assay {

// One part of a set, ready to train on.
struct Examples {
  std::vector<float> inputs;    // [size, ElementsOf(shape)], standardized.
  std::vector<int64_t> labels;  // Classification: [size].
  std::vector<float> targets;   // Regression: [size], standardized.

  int64_t size() const {
    return static_cast<int64_t>(labels.empty() ? targets.size()
                                               : labels.size());
  }
};

struct PreparedData {
  std::vector<int64_t> shape;  // Of one example: {features} or {c, h, w}.
  int64_t classes = 0;         // 0: a regression.
  std::vector<std::string> class_names;  // Of a CSV file; else empty.
  // A target in its own unit is target_mean + target_scale * standardized.
  double target_mean = 0;
  double target_scale = 1;
  Examples train;
  Examples validation;
  Examples test;  // Empty unless it was asked for.
};

enum class TestPart { kUntouched, kWanted };

// Reads or draws the set of `config` under `data_root`, splits and standardizes
// it by its training part, and checks that model and loss fit it. While the
// test part is kUntouched, nothing of it is kept or computed with (of a CSV
// file, the texts that occur in it still count as categories and classes).
Result<PreparedData> PrepareData(const Configuration& config,
                                 const std::string& data_root, TestPart test);

}  // namespace assay
