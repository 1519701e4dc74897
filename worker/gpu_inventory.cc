#include "worker/gpu_inventory.h"

#include <dlfcn.h>

#include <algorithm>
#include <array>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace assay {
namespace {

// The part of nvml.h (API version 2) that is used: its header comes with the
// CUDA toolkit, the library with the driver.
using NvmlDevice = struct nvmlDevice_st*;
struct NvmlMemory {
  unsigned long long total;
  unsigned long long free;
  unsigned long long used;
};
constexpr int kSuccess = 0;

class Nvml {
 public:
  Nvml() : library_(dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL)) {
    if (library_ == nullptr) return;
    const bool complete =
        Load("nvmlInit_v2", init_) && Load("nvmlShutdown", shutdown_) &&
        Load("nvmlDeviceGetCount_v2", count_) &&
        Load("nvmlDeviceGetHandleByIndex_v2", handle_) &&
        Load("nvmlDeviceGetName", name_) && Load("nvmlDeviceGetUUID", uuid_) &&
        Load("nvmlDeviceGetMemoryInfo", memory_);
    ready_ = complete && init_() == kSuccess;
  }
  ~Nvml() {
    if (ready_) shutdown_();
    if (library_ != nullptr) dlclose(library_);
  }
  Nvml(const Nvml&) = delete;
  Nvml& operator=(const Nvml&) = delete;

  int Count() const {
    unsigned count = 0;
    return ready_ && count_(&count) == kSuccess ? static_cast<int>(count) : 0;
  }

  GpuDevice Describe(int index) const {
    GpuDevice gpu = {.index = index, .uuid = "", .name = "GPU"};
    NvmlDevice device = nullptr;
    if (handle_(static_cast<unsigned>(index), &device) != kSuccess) return gpu;
    std::array<char, 96> text = {};
    if (name_(device, text.data(), text.size()) == kSuccess) {
      gpu.name = text.data();
    }
    if (uuid_(device, text.data(), text.size()) == kSuccess) {
      gpu.uuid = text.data();
    }
    NvmlMemory memory = {};
    if (memory_(device, &memory) == kSuccess) {
      gpu.memory_bytes = static_cast<int64_t>(memory.total);
    }
    return gpu;
  }

 private:
  template <typename Function>
  bool Load(const char* name, Function& function) {
    function = reinterpret_cast<Function>(dlsym(library_, name));
    return function != nullptr;
  }

  void* const library_;
  int (*init_)() = nullptr;
  int (*shutdown_)() = nullptr;
  int (*count_)(unsigned*) = nullptr;
  int (*handle_)(unsigned, NvmlDevice*) = nullptr;
  int (*name_)(NvmlDevice, char*, unsigned) = nullptr;
  int (*uuid_)(NvmlDevice, char*, unsigned) = nullptr;
  int (*memory_)(NvmlDevice, NvmlMemory*) = nullptr;
  bool ready_ = false;
};

bool Names(absl::string_view entry, const GpuDevice& gpu) {
  int index = 0;
  if (absl::SimpleAtoi(entry, &index)) return index == gpu.index;
  return !entry.empty() && absl::StartsWith(gpu.uuid, entry);
}

}  // namespace

std::vector<GpuDevice> FindGpus() {
  const Nvml nvml;
  std::vector<GpuDevice> gpus;
  for (int i = 0; i < nvml.Count(); ++i) gpus.push_back(nvml.Describe(i));
  return gpus;
}

std::vector<GpuDevice> VisibleGpus(const std::vector<GpuDevice>& gpus,
                                   const std::string& visible) {
  std::vector<GpuDevice> left;
  for (absl::string_view entry : absl::StrSplit(visible, ',')) {
    entry = absl::StripAsciiWhitespace(entry);
    const auto gpu = std::find_if(
        gpus.begin(), gpus.end(),
        [&](const GpuDevice& candidate) { return Names(entry, candidate); });
    if (gpu == gpus.end()) break;
    left.push_back(*gpu);
  }
  return left;
}

}  // namespace assay
