#pragma once

#include <optional>
#include <string>
#include <vector>

namespace assay {

// The slots of a worker and who has them. GPU i belongs to slot i; the slots
// after the last GPU have none.
class SlotTable {
 public:
  // `gpus`: their numbers; at most `slots` of them are used.
  SlotTable(int slots, std::vector<int> gpus);

  // 0: one slot, one that has a GPU first. n: n slots that have a GPU each.
  // Nothing if they are not free now.
  std::optional<std::vector<int>> Take(int gpus);
  void Release(const std::vector<int>& slots);

  // Whether Take(gpus) can ever succeed.
  bool CanEverTake(int gpus) const;

  // For CUDA_VISIBLE_DEVICES: "0,2"; empty without GPUs.
  std::string DevicesOf(const std::vector<int>& slots) const;

  int slots() const { return static_cast<int>(busy_.size()); }
  int busy() const;
  // Numbers of the GPUs whose slots are taken.
  std::vector<int> BusyGpus() const;

 private:
  std::vector<int> gpus_;
  std::vector<bool> busy_;
};

}  // namespace assay
