#include "server/study_transaction.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "search/base/status_macros.h"
#include "search/replicates.h"

namespace assay {
namespace {

constexpr int kPage = 1000;
constexpr int64_t kMaxSteps = int64_t{1} << 62;

// How the attempt ended that ended a trial so.
AttemptOutcome OutcomeOf(TrialState state) {
  switch (state) {
    case TrialState::kStopped:
      return AttemptOutcome::kStopped;
    case TrialState::kFailed:
      return AttemptOutcome::kFailed;
    case TrialState::kInfeasible:
      return AttemptOutcome::kInfeasible;
    default:
      return AttemptOutcome::kCompleted;
  }
}

}  // namespace

absl::StatusOr<std::optional<Trial>> FirstRequeued(Snapshot& rows,
                                                   StudyId study) {
  ASSAY_ASSIGN_OR_RETURN(std::vector<Trial> trials, rows.ListUnfinished(study));
  for (Trial& trial : trials) {
    const bool began =
        trial.attempts > 0 || trial.replicate > 0 || trial.continues;
    if (trial.state == TrialState::kPending && began) return std::move(trial);
  }
  return std::nullopt;
}

StudyTransaction::StudyTransaction(Transaction& rows, Study study,
                                   std::shared_ptr<const StudySpec> spec,
                                   absl::Time now)
    : rows_(rows), now_(now) {
  initial_revision_ = study.revision;
  change_.study = std::move(study);
  change_.spec = std::move(spec);
}

void StudyTransaction::UseSpec(StudySpec spec, uint64_t seed) {
  spec.seed = seed;
  change_.spec = std::make_shared<const StudySpec>(std::move(spec));
}

void StudyTransaction::Number(Trial& trial) {
  trial.study = study().id;
  trial.number = study().counts.trials;
  trial.spec_revision = study().spec_revision;
  trial.created = now_;
  trial.created_revision = trial.revision = NextRevision();
}

absl::Status StudyTransaction::Add(Trial& trial) {
  Number(trial);
  if (IsFinished(trial)) trial.ended_revision = trial.revision;
  CountTransition(study().counts, std::nullopt, trial);
  ASSAY_ASSIGN_OR_RETURN(trial.id, rows_.InsertTrial(trial));
  if (!IsFinished(trial)) {
    change_.queue_grew = true;
    return absl::OkStatus();
  }
  change_.ended_trials.push_back(trial);
  ASSAY_RETURN_IF_ERROR(CheckTarget(trial));
  return rows_.UpdateTrial(trial, Objective(trial));
}

absl::StatusOr<Attempt> StudyTransaction::BeginAttempt(Trial& trial,
                                                       const Attempt& holder) {
  ASSAY_ASSIGN_OR_RETURN(Attempt attempt, assay::Start(trial, now_));
  attempt.holder = holder.holder;
  attempt.instance = holder.instance;
  attempt.by_worker = holder.by_worker;
  attempt.lease = holder.lease;
  attempt.slot = holder.slot;
  attempt.gpu = holder.gpu;
  if (!study().first_lease) study().first_lease = now_;
  return attempt;
}

absl::StatusOr<Attempt> StudyTransaction::Start(Trial& trial,
                                                const Attempt& holder) {
  const TrialState before = trial.state;
  ASSAY_ASSIGN_OR_RETURN(Attempt attempt, BeginAttempt(trial, holder));
  trial.revision = NextRevision();
  CountTransition(study().counts, before, trial);
  ASSAY_RETURN_IF_ERROR(rows_.UpdateTrial(trial, std::nullopt));
  ASSAY_RETURN_IF_ERROR(rows_.InsertAttempt(attempt, study().id));
  change_.started.push_back(attempt);
  ASSAY_RETURN_IF_ERROR(AddReplicates(trial));
  return attempt;
}

absl::StatusOr<Attempt> StudyTransaction::AddRunning(Trial& trial,
                                                     const Attempt& holder) {
  Number(trial);
  ASSAY_ASSIGN_OR_RETURN(Attempt attempt, BeginAttempt(trial, holder));
  CountTransition(study().counts, std::nullopt, trial);
  ASSAY_ASSIGN_OR_RETURN(trial.id, rows_.InsertTrial(trial));
  attempt.trial = trial.id;
  ASSAY_RETURN_IF_ERROR(rows_.InsertAttempt(attempt, study().id));
  change_.started.push_back(attempt);
  ASSAY_RETURN_IF_ERROR(AddReplicates(trial));
  return attempt;
}

absl::Status StudyTransaction::AddReplicates(const Trial& first) {
  const bool begins = first.replicate == 0 && first.attempts == 1;
  if (!begins || !IsReplicated(first)) return absl::OkStatus();
  for (int32_t i = 1; i < spec().replicates; ++i) {
    Trial trial = ReplicateOf(first, i);
    ASSAY_RETURN_IF_ERROR(Add(trial));
  }
  return absl::OkStatus();
}

absl::Status StudyTransaction::AddImported(Trial& trial,
                                           const std::string& holder,
                                           std::vector<Measurement>& curve) {
  // Before it is stored and observed: a restart reads the same trial.
  for (const Measurement& measurement : curve) {
    trial.last_step = std::max(trial.last_step, measurement.step);
  }
  CountSteps(std::max<int64_t>(0, trial.last_step - trial.from_step));
  ASSAY_RETURN_IF_ERROR(Add(trial));
  Attempt attempt;
  attempt.trial = trial.id;
  attempt.number = trial.attempts;
  attempt.holder = holder;
  attempt.started = *trial.started;
  attempt.ended = *trial.ended;
  attempt.outcome = OutcomeOf(trial.state);
  attempt.reason = trial.reason;
  ASSAY_RETURN_IF_ERROR(rows_.InsertAttempt(attempt, study().id));
  return Add(trial, attempt, absl::MakeSpan(curve));
}

absl::Status StudyTransaction::Store(Trial& trial, const Attempt& attempt,
                                     TrialState before) {
  study().counts.training_seconds += attempt.training_seconds;
  ASSAY_RETURN_IF_ERROR(rows_.UpdateAttempt(attempt));
  change_.ended.push_back(attempt);
  return Store(trial, before);
}

absl::Status StudyTransaction::Store(Trial& trial, TrialState before) {
  trial.revision = NextRevision();
  CountTransition(study().counts, before, trial);
  if (IsFinished(trial)) {
    trial.ended_revision = trial.revision;
    change_.ended_trials.push_back(trial);
    ASSAY_RETURN_IF_ERROR(CheckTarget(trial));
  } else {
    change_.queue_grew = true;
  }
  return rows_.UpdateTrial(trial, Objective(trial));
}

absl::Status StudyTransaction::TellToStop(Trial& trial, Attempt& attempt,
                                          std::string reason) {
  if (!attempt.stop_reason.empty()) return absl::OkStatus();
  attempt.stop_reason = std::move(reason);
  ASSAY_RETURN_IF_ERROR(StoreRunning(trial, attempt));
  change_.stops.push_back({trial.id, attempt.number, attempt.stop_reason});
  return absl::OkStatus();
}

absl::Status StudyTransaction::SetSlot(Trial& trial, Attempt& attempt,
                                       int32_t slot, std::string gpu) {
  if (slot == 0 || (attempt.slot == slot && attempt.gpu == gpu)) {
    return absl::OkStatus();
  }
  attempt.slot = slot;
  attempt.gpu = std::move(gpu);
  return StoreRunning(trial, attempt);
}

absl::Status StudyTransaction::StoreRunning(Trial& trial,
                                            const Attempt& attempt) {
  ASSAY_RETURN_IF_ERROR(rows_.UpdateAttempt(attempt));
  trial.revision = NextRevision();
  return rows_.UpdateTrial(trial, std::nullopt);
}

absl::Status StudyTransaction::TellAllToStop(const std::string& reason) {
  ASSAY_ASSIGN_OR_RETURN(std::vector<Trial> trials,
                         rows_.ListUnfinished(study().id));
  for (Trial& trial : trials) {
    if (trial.state != TrialState::kRunning) continue;
    ASSAY_ASSIGN_OR_RETURN(Attempt attempt,
                           rows_.GetAttempt(trial.id, trial.attempts));
    ASSAY_RETURN_IF_ERROR(TellToStop(trial, attempt, reason));
  }
  return absl::OkStatus();
}

absl::Status StudyTransaction::StopAllPending(const std::string& reason) {
  ASSAY_ASSIGN_OR_RETURN(std::vector<Trial> trials,
                         rows_.ListUnfinished(study().id));
  for (Trial& trial : trials) {
    if (trial.state != TrialState::kPending) continue;
    const TrialState before = trial.state;
    ASSAY_RETURN_IF_ERROR(StopPending(trial, reason, now_));
    ASSAY_RETURN_IF_ERROR(Store(trial, before));
  }
  return absl::OkStatus();
}

absl::Status StudyTransaction::Add(Trial& trial, const Attempt& attempt,
                                   absl::Span<Measurement> measurements) {
  int64_t last_step = trial.last_step;
  for (Measurement& measurement : measurements) {
    measurement.revision = NextRevision();
    measurement.time = now_;
    ++measured_;
    study().counts.measurements += 1;
    last_step = std::max(last_step, measurement.step);
    ASSAY_RETURN_IF_ERROR(rows_.InsertMeasurement(study().id, trial.id,
                                                  attempt.number, measurement));
  }
  if (last_step == trial.last_step) return absl::OkStatus();
  CountSteps(std::max(last_step, trial.from_step) -
             std::max(trial.last_step, trial.from_step));
  trial.last_step = last_step;
  return rows_.UpdateLastStep(trial.id, trial.last_step);
}

void StudyTransaction::CountSteps(int64_t steps) {
  // Saturated: a thousand trials of 2^53 steps are more than the sum holds.
  study().counts.steps = std::min(kMaxSteps, study().counts.steps + steps);
}

absl::StatusOr<Metrics> StudyTransaction::FinalMetrics(const Trial& trial,
                                                       const Attempt& attempt,
                                                       Metrics given) {
  const bool all_given = std::all_of(
      spec().metrics.begin(), spec().metrics.end(),
      [&](const MetricSpec& metric) { return given.contains(metric.name); });
  if (all_given) return given;
  std::vector<Measurement> curve;
  for (int64_t after = 0;;) {
    ASSAY_ASSIGN_OR_RETURN(
        std::vector<Measurement> page,
        rows_.ListMeasurements(trial.id, attempt.number, after, kPage));
    if (page.empty()) break;
    after = page.back().sequence;
    curve.insert(curve.end(), std::make_move_iterator(page.begin()),
                 std::make_move_iterator(page.end()));
  }
  for (const MetricSpec& metric : spec().metrics) {
    if (const auto value = MetricValue(metric, given, curve)) {
      given[metric.name] = *value;
    }
  }
  return given;
}

std::optional<double> StudyTransaction::Objective(const Trial& trial) const {
  const std::vector<int> objectives = Objectives(spec());
  if (objectives.empty()) return std::nullopt;
  const auto value =
      trial.final_metrics.find(spec().metrics[objectives[0]].name);
  if (value == trial.final_metrics.end() || std::isnan(value->second)) {
    return std::nullopt;
  }
  return value->second;
}

absl::Status StudyTransaction::CheckTarget(const Trial& trial) {
  const std::optional<double> value = Objective(trial);
  if (trial.state != TrialState::kCompleted || !value) return absl::OkStatus();
  const MetricSpec& objective = spec().metrics[Objectives(spec())[0]];
  if (auto reached = WhatReachesTarget(objective, *value, spec().budget)) {
    target_reached_ = std::move(reached);
  }
  return absl::OkStatus();
}

// With a schedule: what ended may go on. Results that the search does not know
// yet, of this write or of one before it, may change what it said.
absl::StatusOr<bool> StudyTransaction::ScheduleGoesOn(const Outlook& outlook) {
  if (!spec().schedule.exists()) return false;
  if (!outlook.nothing_continues_after) return true;
  ASSAY_ASSIGN_OR_RETURN(
      const std::vector<Trial> unknown,
      rows_.ListEnded(study().id, *outlook.nothing_continues_after, 1));
  return !unknown.empty();
}

// Of a study whose max_trials are started.
absl::StatusOr<bool> StudyTransaction::StartedOnesGoOn(const Outlook& outlook) {
  if (study().counts.pending > 0) {
    ASSAY_ASSIGN_OR_RETURN(const std::optional<Trial> requeued,
                           FirstRequeued(rows_, study().id));
    if (requeued) return true;
  }
  return ScheduleGoesOn(outlook);
}

absl::Status StudyTransaction::EndIfSpent(const Outlook& outlook) {
  if (study().state == StudyState::kCompleted) return absl::OkStatus();
  std::optional<Spent> spent = target_reached_;
  if (!spent) spent = WhatIsSpent(study(), spec().budget, now_);
  if (!spent && outlook.exhausted && study().counts.pending == 0) {
    ASSAY_ASSIGN_OR_RETURN(const bool more, ScheduleGoesOn(outlook));
    if (!more) spent = WhatIsUsedUp(study(), spec().schedule);
  }
  if (!spent) return absl::OkStatus();
  const bool target = spent->reason == CompletionReason::kTargetReached;
  if (spent->stop_running && study().counts.running > 0) {
    ASSAY_RETURN_IF_ERROR(TellAllToStop(spent->words));
  }
  // Reaching the target is known only now, so it ends the study at once.
  if (study().counts.running > 0 && !target) return absl::OkStatus();
  if (spent->requeued_may_run) {
    ASSAY_ASSIGN_OR_RETURN(const bool more, StartedOnesGoOn(outlook));
    if (more) return absl::OkStatus();
    spent = WithoutContinuations(*std::move(spent), spec().schedule);
  }
  touched_ = true;
  return Complete(study(), spent->reason, spent->words, now_);
}

absl::Status StudyTransaction::Save(const Outlook& outlook) {
  ASSAY_RETURN_IF_ERROR(EndIfSpent(outlook));
  if (touched_) study().changed_revision = NextRevision();
  if (study().revision == initial_revision_) return absl::OkStatus();
  change_.changed = true;
  const bool only_measured = study().revision == initial_revision_ + measured_;
  return only_measured ? rows_.UpdateProgress(study())
                       : rows_.UpdateStudy(study());
}

}  // namespace assay
