#include "search/strategies/replicated.h"

#include <algorithm>
#include <utility>

#include "search/gradient/reported_gradient.h"
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
                                       const StudySpec& spec)
    : inner_(std::move(inner)),
      replicates_(static_cast<size_t>(spec.replicates)),
      gradient_of_(spec.gradients.metric) {}

void ReplicatedStrategy::ObserveReport(const Trial& trial,
                                       const Measurement& measurement) {
  if (!IsReplicated(trial)) return inner_->ObserveReport(trial, measurement);
  if (measurement.gradients.contains(gradient_of_)) {
    reports_.push_back(measurement);
  }
}

void ReplicatedStrategy::Observe(const Trial& trial) {
  if (!IsReplicated(trial)) return inner_->Observe(trial);
  const auto group = ended_.try_emplace(FingerprintOf(AsOne(trial))).first;
  group->second.trials.push_back(trial);
  group->second.reports.push_back(std::exchange(reports_, {}));
  if (group->second.trials.size() < replicates_) return;
  ObserveAll(group->second);
  ended_.erase(group);
}

void ReplicatedStrategy::ObserveAll(const Ended& ended) {
  const Trial mean = MergeReplicates(ended.trials);
  const Measurement report =
      MeanGradient(mean, ended.trials, ended.reports, gradient_of_);
  if (WantsReports() && !report.gradients.empty()) {
    inner_->ObserveReport(mean, report);
  }
  inner_->ObserveMean(mean, static_cast<int>(ended.trials.size()));
}

// By number: the map has no order.
std::vector<Trial> ReplicatedStrategy::HalfEnded(
    const absl::flat_hash_set<Fingerprint>& running) const {
  std::vector<Trial> trials;
  for (const auto& [fingerprint, ended] : ended_) {
    if (!running.contains(fingerprint))
      trials.push_back(AsOne(ended.trials.front()));
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
