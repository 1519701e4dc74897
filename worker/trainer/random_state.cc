#include "worker/trainer/random_state.h"

#include <ATen/Context.h>

#include <mutex>

namespace assay {
namespace {

at::Generator GeneratorOf(torch::Device device) {
  return at::globalContext().defaultGenerator(device);
}

}  // namespace

torch::Tensor RandomState(torch::Device device) {
  at::Generator generator = GeneratorOf(device);
  const std::lock_guard<std::mutex> lock(generator.mutex());
  return generator.get_state().cpu();
}

void SetRandomState(torch::Device device, const torch::Tensor& state) {
  at::Generator generator = GeneratorOf(device);
  const std::lock_guard<std::mutex> lock(generator.mutex());
  generator.set_state(state.cpu());
}

}  // namespace assay
