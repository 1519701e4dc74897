// assay_recompute DATA_DIR STUDY: makes each proposal of a study once more from
// what a coordinator, which must not run, left on disk, and tells, a JSON
// object a line and trial: number, why, batch_index, unseen (results that the
// log had when it was handed out, not known to the proposal), same, and where
// that is false what was stored and what is proposed now.

#include <iostream>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "search/base/status_macros.h"
#include "search/factory.h"
#include "server/grpc/spec_codec.h"
#include "storage/sqlite_storage.h"
#include "tests/support/proposal_replay.h"

namespace assay {
namespace {

// What the disk holds of one study.
struct Stored {
  StudySpec spec;  // As first submitted, with the seed.
  std::vector<Trial> trials;
  std::vector<EarlierStudy> earlier;
};

absl::Status ReadStudy(Snapshot& rows, const std::string& name,
                       Stored& stored) {
  ASSAY_ASSIGN_OR_RETURN(const std::optional<Study> study,
                         rows.FindStudy("local", name));
  if (!study) return absl::NotFoundError(absl::StrCat("no study ", name));
  ASSAY_ASSIGN_OR_RETURN(const SpecRevision spec, rows.GetSpec(study->id, 1));
  ASSAY_ASSIGN_OR_RETURN(stored.spec, MessageSpecCodec().Decode(spec.spec));
  stored.spec.seed = study->seed;
  ASSAY_ASSIGN_OR_RETURN(
      stored.trials,
      rows.ListTrials(study->id, {.limit = std::numeric_limits<int>::max()}));
  ASSAY_ASSIGN_OR_RETURN(stored.earlier, rows.ListEarlierWithTrials(study->id));
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<SearchStrategy>> MakeStrategy(
    const Stored& stored) {
  ASSAY_ASSIGN_OR_RETURN(auto strategy, MakeSearchStrategy(stored.spec));
  for (const EarlierStudy& study : stored.earlier) {
    strategy->ObserveEarlier(study);
  }
  return strategy;
}

absl::StatusOr<std::vector<Measurement>> ReadCurve(Storage& storage,
                                                   const Trial& trial) {
  std::vector<Measurement> curve;
  ASSAY_RETURN_IF_ERROR(storage.Read([&](Snapshot& rows) -> absl::Status {
    ASSAY_ASSIGN_OR_RETURN(curve,
                           rows.ListMeasurements(trial.id, trial.attempts, 0,
                                                 SearchStrategy::kReports));
    return absl::OkStatus();
  }));
  return curve;
}

std::string TextOf(const Parameters& parameters, const Origin& origin) {
  return absl::StrCat(ToText(parameters), " #", origin.ordinal, ": ",
                      origin.why);
}

bool IsSame(const Proposal& proposal, const Trial& trial) {
  return proposal.parameters == trial.parameters &&
         proposal.replicate == trial.replicate &&
         proposal.from_step == trial.from_step &&
         proposal.to_step == trial.to_step &&
         proposal.continues == trial.continues &&
         proposal.origin.ordinal == trial.origin.ordinal &&
         proposal.origin.why == trial.origin.why;
}

nlohmann::json Compare(ProposalReplay& replay, const Trial& trial) {
  const absl::StatusOr<Proposal> proposal = replay.Propose(trial);
  nlohmann::json line = {
      {"number", trial.number},
      {"why", trial.origin.why},
      {"batch_index", trial.origin.batch_index},
      {"unseen", replay.Unseen(trial)},
      {"same", proposal.ok() && IsSame(*proposal, trial)},
  };
  if (line["same"]) return line;
  line["stored"] = TextOf(trial.parameters, trial.origin);
  line["proposed"] = proposal.ok()
                         ? TextOf(proposal->parameters, proposal->origin)
                         : proposal.status().ToString();
  return line;
}

absl::Status Run(const std::string& folder, const std::string& name) {
  ASSAY_ASSIGN_OR_RETURN(const auto storage, OpenSqliteStorage(folder));
  Stored stored;
  ASSAY_RETURN_IF_ERROR(storage->Read(
      [&](Snapshot& rows) { return ReadStudy(rows, name, stored); }));
  ProposalReplay replay(
      stored.trials, stored.spec.seed, [&] { return MakeStrategy(stored); },
      [&](const Trial& trial) { return ReadCurve(*storage, trial); });
  for (const Trial& trial : stored.trials) {
    if (!ProposalReplay::IsProposal(trial)) continue;
    std::cout << Compare(replay, trial).dump() << "\n";
  }
  return absl::OkStatus();
}

}  // namespace
}  // namespace assay

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: assay_recompute DATA_DIR STUDY\n";
    return 2;
  }
  const absl::Status status = assay::Run(argv[1], argv[2]);
  if (status.ok()) return 0;
  std::cerr << status << "\n";
  return 1;
}
