#pragma once

#include <cstdint>
#include <vector>

#include "worker/trainer/data/prepared_data.h"
#include "worker/trainer/torch.h"

namespace assay {

// One part of the data where the network is.
struct Part {
  torch::Tensor inputs;  // [size, ...shape].
  torch::Tensor truth;   // [size]: labels (int64) or values (float).

  int64_t size() const { return truth.defined() ? truth.size(0) : 0; }
};

// On a CPU the tensors are views of `examples`, which must outlive them.
Part ToDevice(const Examples& examples, const std::vector<int64_t>& shape,
              torch::Device device);

// The examples at `rows` (int64, [count]), copied.
Part RowsOf(const Part& part, const torch::Tensor& rows);

}  // namespace assay
