#include "search/strategies/tpe/split.h"

#include <algorithm>
#include <iterator>

#include "search/strategies/tpe/front_selection.h"

namespace assay {

void Split::Add(const Observation& observation) {
  standings_.push_back(StandingOf(observation, size_++));
  Insert(standings_.back(), observation);
}

void Split::Replace(int order, const Observation& observation) {
  Standing& standing = standings_[order];
  usable_ -= standing.kind != Standing::Kind::kFailed;
  if (good_.erase(standing) == 0) rest_.erase(standing);
  const auto known =
      std::find(completed_order_.begin(), completed_order_.end(), order);
  if (known != completed_order_.end()) {
    completed_.erase(completed_.begin() + (known - completed_order_.begin()));
    completed_order_.erase(known);
  }
  standing = StandingOf(observation, order);
  Insert(standing, observation);
}

void Split::Insert(const Standing& standing, const Observation& observation) {
  usable_ += standing.kind != Standing::Kind::kFailed;
  const bool better = !good_.empty() && standing < *good_.rbegin();
  (better ? good_ : rest_).insert(standing);
  Balance();
  if (observation.values.size() > 1 &&
      standing.kind == Standing::Kind::kCompleted) {
    completed_.push_back(observation.values);
    completed_order_.push_back(standing.order);
  }
}

void Split::Balance() {
  const size_t wanted = static_cast<size_t>(
      std::min({(3 * size_ + 19) / 20, kMostGood, usable_}));
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
