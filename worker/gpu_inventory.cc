#include "worker/gpu_inventory.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "worker/nvml.h"

namespace assay {
namespace {

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
