#include "tests/support/proposal_replay.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "search/base/status_macros.h"

namespace assay {
namespace {

bool EndedBy(const Trial& trial, int64_t revision) {
  return trial.ended_revision != 0 && trial.ended_revision <= revision;
}

// As nobody could know more of it then.
Trial BeforeItsEnd(const Trial& trial) {
  Trial before = trial;
  before.state = TrialState::kRunning;
  before.final_metrics.clear();
  before.reason.clear();
  before.ended.reset();
  before.ended_revision = 0;
  return before;
}

}  // namespace

ProposalReplay::ProposalReplay(std::vector<Trial> log, uint64_t seed,
                               StrategyMaker make_strategy,
                               CurveReader read_curve)
    : log_(std::move(log)),
      seed_(seed),
      make_strategy_(std::move(make_strategy)),
      read_curve_(std::move(read_curve)) {
  std::copy_if(log_.begin(), log_.end(), std::back_inserter(ended_),
               [](const Trial& trial) { return trial.ended_revision != 0; });
  std::sort(ended_.begin(), ended_.end(), [](const Trial& a, const Trial& b) {
    return a.ended_revision < b.ended_revision;
  });
}

bool ProposalReplay::IsProposal(const Trial& trial) {
  const std::string& who = trial.origin.strategy;
  return who != "user" && who != "retry" && who != "import";
}

int64_t ProposalReplay::ResultsBy(int64_t revision) const {
  return std::upper_bound(ended_.begin(), ended_.end(), revision,
                          [](int64_t value, const Trial& trial) {
                            return value < trial.ended_revision;
                          }) -
         ended_.begin();
}

int64_t ProposalReplay::Unseen(const Trial& trial) const {
  return ResultsBy(trial.created_revision) -
         ResultsBy(trial.origin.seen_revision);
}

absl::Status ProposalReplay::LearnOf(int64_t results) {
  if (!strategy_ || results < learned_) {
    ASSAY_ASSIGN_OR_RETURN(strategy_, make_strategy_());
    learned_ = 0;
  }
  for (; learned_ < results; ++learned_) {
    ASSAY_RETURN_IF_ERROR(Learn(ended_[learned_]));
  }
  return absl::OkStatus();
}

absl::Status ProposalReplay::Learn(const Trial& ended) {
  if (read_curve_ && strategy_->WantsReports()) {
    ASSAY_ASSIGN_OR_RETURN(const std::vector<Measurement> curve,
                           read_curve_(ended));
    for (const Measurement& measurement : curve) {
      strategy_->ObserveReport(ended, measurement);
    }
  }
  strategy_->Observe(ended);
  return absl::OkStatus();
}

std::vector<Trial> ProposalReplay::UnfinishedAt(int64_t revision) const {
  std::vector<Trial> unfinished;
  for (const Trial& trial : log_) {
    if (trial.created_revision > revision) break;
    if (!EndedBy(trial, revision)) unfinished.push_back(BeforeItsEnd(trial));
  }
  return unfinished;
}

std::vector<Trial> ProposalReplay::MadeBefore(const Trial& trial) const {
  const int64_t seen = trial.origin.seen_revision;
  const auto count = static_cast<size_t>(trial.origin.batch_index);
  std::vector<Trial> made;
  for (const Trial& other : log_) {
    if (made.size() == count) break;
    if (other.created_revision > seen && IsProposal(other) &&
        ResultsBy(other.origin.seen_revision) == ResultsBy(seen)) {
      made.push_back(AsTrial(AsProposal(other)));  // As it lay in stock.
    }
  }
  return made;
}

absl::StatusOr<Proposal> ProposalReplay::Propose(const Trial& trial) {
  const int64_t results = ResultsBy(trial.origin.seen_revision);
  ASSAY_RETURN_IF_ERROR(LearnOf(results));
  std::vector<Trial> unfinished = UnfinishedAt(trial.origin.seen_revision);
  std::vector<Trial> made = MadeBefore(trial);
  if (static_cast<int32_t>(made.size()) < trial.origin.batch_index) {
    return absl::DataLossError(absl::StrCat(
        "trial ", trial.number, " counted on ", trial.origin.batch_index,
        " proposals before it, the log has ", made.size()));
  }
  unfinished.insert(unfinished.end(), std::make_move_iterator(made.begin()),
                    std::make_move_iterator(made.end()));
  Random random(seed_,
                (static_cast<uint64_t>(results) << 24) + unfinished.size());
  ASSAY_ASSIGN_OR_RETURN(std::vector<Proposal> proposals,
                         strategy_->Suggest(unfinished, 1, random));
  if (proposals.empty()) return absl::NotFoundError("nothing is proposed");
  return std::move(proposals[0]);
}

}  // namespace assay
