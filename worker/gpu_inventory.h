#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace assay {

// One GPU of this machine.
struct GpuDevice {
  int index = 0;  // In PCI order, as CUDA counts with CUDA_DEVICE_ORDER set so.
  std::string uuid;
  std::string name;
  int64_t memory_bytes = 0;
};

// The GPUs that NVIDIA's driver knows, by index; none without a driver.
std::vector<GpuDevice> FindGpus();

// Those that `visible`, the value of CUDA_VISIBLE_DEVICES, leaves (indices or
// beginnings of UUIDs, up to the first that fits none), in its order.
std::vector<GpuDevice> VisibleGpus(const std::vector<GpuDevice>& gpus,
                                   const std::string& visible);

}  // namespace assay
