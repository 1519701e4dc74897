#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "search/search_strategy.h"
#include "search/strategies/fingerprint.h"

namespace assay {

// Any strategy, in a study that runs each configuration several times. It
// proposes trials of replicate 0; the study puts the other replicates into the
// queue as soon as that one starts (search/replicates.h). To the strategy
// inside there is one trial for each configuration: unfinished until all its
// replicates ended, then observed once, as MergeReplicates() of them says. What
// IsReplicated() leaves out is passed on as it is. Of curves it hears nothing,
// since replicates have none in common, but the mean of their gradients.
class ReplicatedStrategy final : public SearchStrategy {
 public:
  // REQUIRES: spec.replicates >= 2.
  ReplicatedStrategy(std::unique_ptr<SearchStrategy> inner,
                     const StudySpec& spec);

  void ObserveEarlier(const EarlierStudy& study) override {
    inner_->ObserveEarlier(study);
  }
  bool WantsReports() const override {
    return !gradient_of_.empty() && inner_->WantsReports();
  }
  void ObserveReport(const Trial& trial,
                     const Measurement& measurement) override;
  void Observe(const Trial& trial) override;
  absl::StatusOr<std::vector<Proposal>> Suggest(
      absl::Span<const Trial> unfinished, int count, Random& random) override;
  bool Learns() const override { return inner_->Learns(); }

 private:
  // Configurations of which some replicates ended and none is in `running`.
  std::vector<Trial> HalfEnded(
      const absl::flat_hash_set<Fingerprint>& running) const;

  struct Ended {
    std::vector<Trial> trials;
    std::vector<std::vector<Measurement>> reports;  // Of each.
  };
  void ObserveAll(const Ended& ended);

  const std::unique_ptr<SearchStrategy> inner_;
  const size_t replicates_;
  const std::string gradient_of_;     // A metric; empty: none is asked for.
  std::vector<Measurement> reports_;  // Of the trial that is observed next.
  // Of configurations of which some replicates ended, these.
  absl::flat_hash_map<Fingerprint, Ended> ended_;
};

}  // namespace assay
