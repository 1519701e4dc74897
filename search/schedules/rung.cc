#include "search/schedules/rung.h"

#include <algorithm>
#include <iterator>

#include "search/strategies/tpe/front_selection.h"

namespace assay {

void Rung::Add(const Observation& observation, bool may_go_on) {
  Standing standing{.run = observation.id.value};
  if (observation.HasFailed()) {
    standing.kind = 2;
  } else {
    standing.kind = observation.IsFeasible() ? 0 : 1;
    standing.missed = observation.Violation();
    standing.loss = -observation.values[0];
  }
  ++size_;
  if (may_go_on && standing.kind < 2) open_.emplace(standing.run, standing);
  if (observation.values.size() > 1 && standing.kind == 0) {
    fronts_.push_back(observation.values);
    front_runs_.push_back(standing.run);
  }
  const bool better = !top_.empty() && standing < *top_.rbegin();
  (better ? top_ : rest_).insert(standing);
  if (better) Offer(standing);
  Balance();
}

void Rung::Offer(const Standing& standing) {
  if (open_.contains(standing.run)) offered_.insert(standing);
}

void Rung::Balance() {
  while (static_cast<int>(top_.size()) > top()) {
    const auto worst = std::prev(top_.end());
    offered_.erase(*worst);
    rest_.insert(top_.extract(worst));
  }
  while (static_cast<int>(top_.size()) < top()) {
    Offer(*rest_.begin());
    top_.insert(rest_.extract(rest_.begin()));
  }
}

void Rung::MarkPromoted(TrialId run) {
  const auto open = open_.find(run.value);
  if (open == open_.end()) return;
  offered_.erase(open->second);
  open_.erase(open);
}

std::optional<TrialId> Rung::Next(
    const absl::flat_hash_set<int64_t>& promoted) const {
  if (static_cast<int>(fronts_.size()) > top()) {
    for (const int64_t run : OfferedByFronts()) {
      if (!promoted.contains(run)) return TrialId{run};
    }
    return std::nullopt;
  }
  for (const Standing& standing : offered_) {
    if (!promoted.contains(standing.run)) return TrialId{standing.run};
  }
  return std::nullopt;
}

// Older ones first.
std::vector<int64_t> Rung::OfferedByFronts() const {
  std::vector<int64_t> runs;
  for (const int i : SelectByFronts(fronts_, top())) {
    if (open_.contains(front_runs_[i])) runs.push_back(front_runs_[i]);
  }
  std::sort(runs.begin(), runs.end());
  return runs;
}

std::vector<TrialId> Rung::Ranking() const {
  std::vector<TrialId> runs;
  for (const std::set<Standing>* part : {&top_, &rest_}) {
    for (const Standing& standing : *part) {
      if (standing.kind < 2) runs.push_back({standing.run});
    }
  }
  return runs;
}

}  // namespace assay
