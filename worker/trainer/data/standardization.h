#pragma once

#include <cstdint>
#include <vector>

#include "worker/trainer/data/dataset.h"

namespace assay {

// x -> (x - mean) / scale. Images have one mean and scale a channel, rows of
// numbers one a column, a regression's target one.
struct Standardization {
  std::vector<float> mean;
  std::vector<float> scale;  // A constant column has scale 1.
};

// Mean 0 and standard deviation 1 over `rows`, which must be training rows.
Standardization FitInputs(const Dataset& data,
                          const std::vector<int64_t>& rows);
Standardization FitTargets(const Dataset& data,
                           const std::vector<int64_t>& rows);

// What stands in when none is wanted: bytes to [0, 1], numbers as they are.
Standardization PlainInputs(const Dataset& data);

// The inputs of `rows`, in that order, [rows, ElementsOf(shape)].
std::vector<float> StandardizedInputs(const Dataset& data,
                                      const std::vector<int64_t>& rows,
                                      const Standardization& standardization);

}  // namespace assay
