#include "worker/slot_table.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_join.h"

namespace assay {

SlotTable::SlotTable(int slots, std::vector<int> gpus)
    : gpus_(std::move(gpus)), busy_(static_cast<size_t>(slots), false) {
  gpus_.resize(std::min(gpus_.size(), busy_.size()));
}

std::optional<std::vector<int>> SlotTable::Take(int gpus) {
  const size_t end = gpus == 0 ? busy_.size() : gpus_.size();
  const size_t wanted = static_cast<size_t>(std::max(gpus, 1));
  std::vector<int> taken;
  for (size_t i = 0; i < end && taken.size() < wanted; ++i) {
    if (!busy_[i]) taken.push_back(static_cast<int>(i));
  }
  if (taken.size() < wanted) return std::nullopt;
  for (int slot : taken) busy_[static_cast<size_t>(slot)] = true;
  return taken;
}

void SlotTable::Release(const std::vector<int>& slots) {
  for (int slot : slots) busy_[static_cast<size_t>(slot)] = false;
}

bool SlotTable::CanEverTake(int gpus) const {
  return gpus == 0 ? !busy_.empty() : static_cast<size_t>(gpus) <= gpus_.size();
}

int SlotTable::busy() const {
  return static_cast<int>(std::count(busy_.begin(), busy_.end(), true));
}

std::vector<int> SlotTable::BusyGpus() const {
  std::vector<int> busy;
  for (size_t i = 0; i < gpus_.size(); ++i) {
    if (busy_[i]) busy.push_back(gpus_[i]);
  }
  return busy;
}

std::string SlotTable::DevicesOf(const std::vector<int>& slots) const {
  std::vector<int> devices;
  for (int slot : slots) {
    if (static_cast<size_t>(slot) < gpus_.size()) {
      devices.push_back(gpus_[static_cast<size_t>(slot)]);
    }
  }
  return absl::StrJoin(devices, ",");
}

}  // namespace assay
