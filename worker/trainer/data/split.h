#pragma once

#include <cstdint>
#include <vector>

#include "worker/trainer/configuration.h"
#include "worker/trainer/result.h"

namespace assay {

// Rows of one set, each in one part at most.
struct Split {
  std::vector<int64_t> train;
  std::vector<int64_t> validation;
  std::vector<int64_t> test;  // Empty if the set has test files of its own.
};

// Shuffles by data.split_seed, cuts off the test part, then the validation part
// of what is left; data.train_examples takes the first of the rest. So neither
// the test nor the validation part depends on how much is trained on, and a
// smaller training part lies inside a larger one. `test` is unset for a set
// with test files.
Result<Split> MakeSplit(int64_t examples, const DataConfig& config,
                        const std::optional<Share>& test);

}  // namespace assay
