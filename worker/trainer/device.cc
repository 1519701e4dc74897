#include "worker/trainer/device.h"

#include <dlfcn.h>

#include <exception>
#include <string>

#include "worker/trainer/torch.h"

namespace assay {

void UseThreads(int64_t count) {
  torch::set_num_threads(static_cast<int>(count));
  // OpenBLAS, built on pthreads, has a pool of its own that Torch knows nothing
  // of.
  using SetThreads = void (*)(int);
  if (void* set_threads = dlsym(RTLD_DEFAULT, "openblas_set_num_threads")) {
    reinterpret_cast<SetThreads>(set_threads)(static_cast<int>(count));
  }
}

Done WarmUp() {
  try {
    UseThreads(1);
    const torch::Device device =
        torch::cuda::is_available() ? torch::kCUDA : torch::kCPU;
    torch::nn::Conv2d convolution(torch::nn::Conv2dOptions(1, 4, 3));
    torch::nn::Linear linear(16, 4);
    convolution->to(device);
    linear->to(device);
    const auto options = torch::TensorOptions().device(device);
    const torch::Tensor images =
        convolution(torch::zeros({2, 1, 6, 6}, options));
    linear(images.flatten(2)).sum().backward();
    return Success();
  } catch (const std::exception& error) {
    return Failure(std::string("LibTorch does not work here: ") + error.what());
  }
}

Done CheckDevice(DeviceKind device) {
  if (device != DeviceKind::kCuda || torch::cuda::is_available()) {
    return Success();
  }
  return BadConfiguration(
      "device: \"cuda\" is wanted, and no GPU can be used here; allowed: auto, "
      "cpu");
}

}  // namespace assay
