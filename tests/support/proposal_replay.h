#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "search/search_strategy.h"
#include "search/trial.h"

namespace assay {

// Makes the proposals of a study whose strategy learns once more, from the log
// alone, by what SearchRunner says of them: the results up to `seen_revision`,
// the trials unfinished then, and `batch_index` proposals made before it from
// the same results.
class ProposalReplay {
 public:
  using StrategyMaker =
      std::function<absl::StatusOr<std::unique_ptr<SearchStrategy>>()>;

  // What the trial's last attempt reported, in order.
  using CurveReader =
      std::function<absl::StatusOr<std::vector<Measurement>>(const Trial&)>;

  // `log`: every trial of the study, by rising number. `read_curve`: nullptr if
  // none reported anything.
  ProposalReplay(std::vector<Trial> log, uint64_t seed,
                 StrategyMaker make_strategy, CurveReader read_curve = nullptr);

  // False for what a user brought: enqueued trials, retries, imports.
  static bool IsProposal(const Trial& trial);

  // What `trial` has to be. REQUIRES: IsProposal(trial). One strategy learns on
  // as long as the trials come by rising seen_revision; else a new one learns
  // from the start. DataLoss if the log lacks what the proposal counted on.
  absl::StatusOr<Proposal> Propose(const Trial& trial);

  // Results that the log had when the trial was handed out, and that its
  // proposal does not know.
  int64_t Unseen(const Trial& trial) const;

 private:
  int64_t ResultsBy(int64_t revision) const;
  absl::Status LearnOf(int64_t results);
  absl::Status Learn(const Trial& ended);
  std::vector<Trial> UnfinishedAt(int64_t revision) const;
  std::vector<Trial> MadeBefore(const Trial& trial) const;

  const std::vector<Trial> log_;
  const uint64_t seed_;
  const StrategyMaker make_strategy_;
  const CurveReader read_curve_;
  std::vector<Trial> ended_;  // By rising ended_revision.
  std::unique_ptr<SearchStrategy> strategy_;
  int64_t learned_ = 0;  // Of `ended_`.
};

}  // namespace assay
