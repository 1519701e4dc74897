#include "search/search_strategy.h"

namespace assay {

Trial AsTrial(const Proposal& proposal) {
  Trial trial;
  trial.parameters = proposal.parameters;
  trial.from_step = proposal.from_step;
  trial.to_step = proposal.to_step;
  trial.continues = proposal.continues;
  trial.replicate = proposal.replicate;
  trial.origin = proposal.origin;
  return trial;
}

Proposal AsProposal(const Trial& trial) {
  Proposal proposal;
  proposal.parameters = trial.parameters;
  proposal.from_step = trial.from_step;
  proposal.to_step = trial.to_step;
  proposal.continues = trial.continues;
  proposal.replicate = trial.replicate;
  proposal.origin = trial.origin;
  return proposal;
}

}  // namespace assay
