#include "worker/nvml.h"

#include <dlfcn.h>

#include <array>

namespace assay {
namespace {

constexpr int kSuccess = 0;
constexpr int kGpuSensor = 0;  // NVML_TEMPERATURE_GPU.

}  // namespace

template <typename Function>
bool Nvml::Load(const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library_, name));
  return function != nullptr;
}

Nvml::Nvml() : library_(dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL)) {
  if (library_ == nullptr) return;
  const bool complete =
      Load("nvmlInit_v2", init_) && Load("nvmlShutdown", shutdown_) &&
      Load("nvmlDeviceGetCount_v2", count_) &&
      Load("nvmlDeviceGetHandleByIndex_v2", handle_) &&
      Load("nvmlDeviceGetName", name_) && Load("nvmlDeviceGetUUID", uuid_) &&
      Load("nvmlDeviceGetMemoryInfo", memory_) &&
      Load("nvmlDeviceGetUtilizationRates", utilization_) &&
      Load("nvmlDeviceGetPowerUsage", power_) &&
      Load("nvmlDeviceGetTemperature", temperature_);
  ready_ = complete && init_() == kSuccess;
}

Nvml::~Nvml() {
  if (ready_) shutdown_();
  if (library_ != nullptr) dlclose(library_);
}

int Nvml::Count() const {
  unsigned count = 0;
  return ready_ && count_(&count) == kSuccess ? static_cast<int>(count) : 0;
}

Nvml::Device Nvml::Find(int index) const {
  Device device = nullptr;
  const bool found =
      ready_ && handle_(static_cast<unsigned>(index), &device) == kSuccess;
  return found ? device : nullptr;
}

GpuDevice Nvml::Describe(int index) const {
  GpuDevice gpu = {.index = index, .uuid = "", .name = "GPU"};
  const Device device = Find(index);
  if (device == nullptr) return gpu;
  std::array<char, 96> text = {};
  if (name_(device, text.data(), text.size()) == kSuccess) {
    gpu.name = text.data();
  }
  if (uuid_(device, text.data(), text.size()) == kSuccess) {
    gpu.uuid = text.data();
  }
  Memory memory = {};
  if (memory_(device, &memory) == kSuccess) {
    gpu.memory_bytes = static_cast<int64_t>(memory.total);
  }
  return gpu;
}

GpuReading Nvml::Read(int index) const {
  GpuReading reading;
  const Device device = Find(index);
  if (device == nullptr) return reading;
  if (Utilization rates = {}; utilization_(device, &rates) == kSuccess) {
    reading.utilization = rates.gpu / 100.0;
  }
  if (Memory memory = {}; memory_(device, &memory) == kSuccess) {
    reading.memory_used_bytes = static_cast<double>(memory.used);
  }
  if (unsigned milliwatts = 0; power_(device, &milliwatts) == kSuccess) {
    reading.power_watts = milliwatts / 1000.0;
  }
  if (unsigned degrees = 0;
      temperature_(device, kGpuSensor, &degrees) == kSuccess) {
    reading.temperature_celsius = degrees;
  }
  return reading;
}

}  // namespace assay
