#include "search/strategies/replicated.h"

#include <algorithm>
#include <utility>

#include "search/replicates.h"

namespace assay {
namespace {

// The configuration as one trial.
Trial AsOne(Trial trial) {
  trial.replicate = 0;
  return trial;
}

}  // namespace

ReplicatedStrategy::ReplicatedStrategy(std::unique_ptr<SearchStrategy> inner,
                                       int32_t replicates)
    : inner_(std::move(inner)), replicates_(static_cast<size_t>(replicates)) {}

void ReplicatedStrategy::Observe(const Trial& trial) {
  if (!IsReplicated(trial)) return inner_->Observe(trial);
  const auto group = ended_.try_emplace(FingerprintOf(AsOne(trial))).first;
  group->second.push_back(trial);
  if (group->second.size() < replicates_) return;
  inner_->ObserveMean(MergeReplicates(group->second),
                      static_cast<int>(group->second.size()));
  ended_.erase(group);
}

// By number: the map has no order.
std::vector<Trial> ReplicatedStrategy::HalfEnded(
    const absl::flat_hash_set<Fingerprint>& running) const {
  std::vector<Trial> trials;
  for (const auto& [fingerprint, ended] : ended_) {
    if (!running.contains(fingerprint)) trials.push_back(AsOne(ended.front()));
  }
  std::sort(trials.begin(), trials.end(), [](const Trial& a, const Trial& b) {
    return a.id.value < b.id.value;
  });
  return trials;
}

absl::StatusOr<std::vector<Proposal>> ReplicatedStrategy::Suggest(
    absl::Span<const Trial> unfinished, int count, Random& random) {
  absl::flat_hash_set<Fingerprint> seen;
  for (const Trial& trial : unfinished) {
    if (IsReplicated(trial)) seen.insert(FingerprintOf(AsOne(trial)));
  }
  std::vector<Trial> configurations = HalfEnded(seen);
  seen.clear();
  for (const Trial& trial : unfinished) {
    if (!IsReplicated(trial)) {
      configurations.push_back(trial);
      continue;
    }
    Trial one = AsOne(trial);
    if (seen.insert(FingerprintOf(one)).second) {
      configurations.push_back(std::move(one));
    }
  }
  return inner_->Suggest(configurations, count, random);
}

}  // namespace assay
