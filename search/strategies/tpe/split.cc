#include "search/strategies/tpe/split.h"

#include <algorithm>
#include <iterator>

#include "search/strategies/tpe/front_selection.h"

namespace assay {

void Split::Add(const Observation& observation) {
  const Standing standing = StandingOf(observation, size_++);
  usable_ += standing.kind != Standing::Kind::kFailed;
  const bool better = !good_.empty() && standing < *good_.rbegin();
  (better ? good_ : rest_).insert(standing);
  Balance(std::min({(3 * size_ + 19) / 20, kMostGood, usable_}));
  if (observation.values.size() > 1 &&
      standing.kind == Standing::Kind::kCompleted) {
    completed_.push_back(observation.values);
    completed_order_.push_back(standing.order);
  }
}

void Split::Balance(size_t wanted) {
  while (good_.size() > wanted) {
    rest_.insert(good_.extract(std::prev(good_.end())));
  }
  while (good_.size() < wanted) {
    good_.insert(rest_.extract(rest_.begin()));
  }
}

std::vector<int> Split::Good() const {
  std::vector<int> good;
  if (completed_.size() > good_.size()) {
    good = SelectCompleted(good_.size());
  } else {
    for (const Standing& standing : good_) good.push_back(standing.order);
  }
  std::sort(good.begin(), good.end());
  return good;
}

std::vector<int> Split::SelectCompleted(size_t count) const {
  std::vector<int> selected;
  for (const int i : SelectByFronts(completed_, static_cast<int>(count))) {
    selected.push_back(completed_order_[i]);
  }
  return selected;
}

}  // namespace assay
