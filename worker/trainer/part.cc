#include "worker/trainer/part.h"

#include <type_traits>

namespace assay {

Part ToDevice(const Examples& examples, const std::vector<int64_t>& shape,
              torch::Device device) {
  const auto view = [](const auto& values, std::vector<int64_t> extents,
                       torch::ScalarType type) {
    using T = typename std::decay_t<decltype(values)>::value_type;
    return torch::from_blob(const_cast<T*>(values.data()), extents, type);
  };
  std::vector<int64_t> extents = {examples.size()};
  extents.insert(extents.end(), shape.begin(), shape.end());
  Part part;
  part.inputs = view(examples.inputs, extents, torch::kFloat32).to(device);
  part.truth = examples.labels.empty()
                   ? view(examples.targets, {examples.size()}, torch::kFloat32)
                   : view(examples.labels, {examples.size()}, torch::kInt64);
  part.truth = part.truth.to(device);
  return part;
}

Part RowsOf(const Part& part, const torch::Tensor& rows) {
  return {.inputs = part.inputs.index_select(0, rows),
          .truth = part.truth.index_select(0, rows)};
}

}  // namespace assay
