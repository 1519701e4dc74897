#include "server/trial_editor.h"

#include <cmath>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "search/base/status_macros.h"

namespace assay {
namespace {

absl::Status CheckNotOver(const Study& study) {
  if (study.state != StudyState::kCompleted) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("study \"", study.name, "\" is COMPLETED: ", study.reason));
}

absl::Status CheckNotDeleted(const Study& study, const Trial& trial) {
  if (!study.hidden) return absl::OkStatus();
  return absl::NotFoundError(absl::StrCat("trial ", trial.id.value,
                                          " is of a study that was deleted"));
}

absl::StatusOr<Trial> ReadAnswer(StudyTransaction& transaction,
                                 const std::string& answer) {
  int64_t id = 0;
  if (!absl::SimpleAtoi(answer, &id)) {
    return absl::InternalError("a stored answer is damaged");
  }
  return transaction.rows().GetTrial(TrialId{id});
}

// The ready proposals that a new trial replaces, if its commit succeeds.
class Replaced {
 public:
  // Inside the write that makes the trial.
  void Drop(std::shared_ptr<SearchRunner> runner, const Trial& trial) {
    if (!runner) return;
    serials_ = runner->Drop(trial);
    runner_ = std::move(runner);
  }

  // After it.
  void Settle(const absl::Status& committed) {
    if (!runner_) return;
    if (!committed.ok()) return runner_->Reset();
    for (const int64_t serial : serials_) runner_->Settle(serial);
  }

 private:
  std::shared_ptr<SearchRunner> runner_;
  std::vector<int64_t> serials_;
};

absl::Status CheckObjectives(const StudySpec& spec, const Metrics& metrics) {
  for (const int i : Objectives(spec)) {
    const auto value = metrics.find(spec.metrics[i].name);
    if (value != metrics.end() && !std::isnan(value->second)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("metrics: \"", spec.metrics[i].name, "\" is ",
                     value == metrics.end() ? "missing" : "NaN",
                     "; a COMPLETED trial has a number for each objective"));
  }
  return absl::OkStatus();
}

absl::StatusOr<Trial> AsTrial(const TrialEditor::Imported& imported,
                              const StudySpec& spec, absl::Time now) {
  Trial trial;
  ASSAY_ASSIGN_OR_RETURN(trial.parameters,
                         spec.space.Canonical(imported.parameters));
  trial.state = imported.state;
  trial.reason = imported.reason;
  trial.note = imported.note;
  trial.from_step = imported.from_step;
  trial.to_step = imported.to_step;
  trial.last_step = imported.last_step;
  trial.replicate = imported.replicate;
  trial.origin.strategy = "import";
  trial.origin.why = "run elsewhere";
  trial.ended = imported.ended.value_or(now);
  trial.started = imported.started.value_or(*trial.ended);
  trial.attempts = 1;
  trial.final_metrics = imported.metrics;
  for (const MetricSpec& metric : spec.metrics) {
    const auto value = MetricValue(metric, imported.metrics, imported.curve);
    if (value) trial.final_metrics[metric.name] = *value;
  }
  if (trial.state == TrialState::kCompleted) {
    ASSAY_RETURN_IF_ERROR(CheckObjectives(spec, trial.final_metrics));
  }
  return trial;
}

}  // namespace

void TrialEditor::AddToQueue(
    StudyId study,
    absl::AnyInvocable<absl::StatusOr<Trial>(StudyTransaction&)> make,
    RequestKey request, Done done) {
  auto result = std::make_shared<Trial>();
  auto replaced = std::make_shared<Replaced>();
  registry_.Change(
      study,
      [this, make = std::move(make), request = std::move(request), result,
       replaced](StudyTransaction& transaction) mutable -> absl::Status {
        ASSAY_ASSIGN_OR_RETURN(const std::optional<std::string> answer,
                               FindAnswer(transaction, request));
        if (answer) {
          ASSAY_ASSIGN_OR_RETURN(*result, ReadAnswer(transaction, *answer));
          return absl::OkStatus();
        }
        ASSAY_RETURN_IF_ERROR(CheckNotOver(transaction.study()));
        ASSAY_ASSIGN_OR_RETURN(*result, make(transaction));
        ASSAY_RETURN_IF_ERROR(transaction.Add(*result));
        ASSAY_RETURN_IF_ERROR(
            StoreAnswer(transaction, request, absl::StrCat(result->id.value)));
        replaced->Drop(registry_.RunnerIfAny(result->study), *result);
        return absl::OkStatus();
      },
      [result, replaced, done = std::move(done)](absl::Status status) mutable {
        replaced->Settle(status);
        if (!status.ok()) return done(std::move(status));
        done(std::move(*result));
      });
}

void TrialEditor::Enqueue(StudyId study, Enqueued enqueued, RequestKey request,
                          Done done) {
  AddToQueue(
      study,
      [enqueued = std::move(enqueued)](
          StudyTransaction& transaction) -> absl::StatusOr<Trial> {
        Trial trial;
        ASSAY_ASSIGN_OR_RETURN(
            trial.parameters,
            transaction.spec().space.Canonical(enqueued.parameters));
        trial.to_step = enqueued.to_step > 0
                            ? enqueued.to_step
                            : FirstRunSteps(transaction.spec().schedule);
        trial.note = enqueued.note;
        trial.origin.strategy = "user";
        trial.origin.why = "enqueued";
        trial.origin.seen_revision = transaction.study().revision;
        return trial;
      },
      std::move(request), std::move(done));
}

void TrialEditor::Retry(TrialId id, RequestKey request, Done done) {
  auto result = std::make_shared<Trial>();
  registry_.ChangeByTrial(
      id,
      [request = std::move(request), result](StudyTransaction& transaction,
                                             Trial& old) -> absl::Status {
        ASSAY_RETURN_IF_ERROR(CheckNotDeleted(transaction.study(), old));
        ASSAY_ASSIGN_OR_RETURN(const std::optional<std::string> answer,
                               FindAnswer(transaction, request));
        if (answer) {
          ASSAY_ASSIGN_OR_RETURN(*result, ReadAnswer(transaction, *answer));
          return absl::OkStatus();
        }
        if (!IsFinished(old)) {
          return absl::FailedPreconditionError(
              absl::StrCat("trial ", old.id.value, " is ", ToText(old.state),
                           ", only a finished one can be run again"));
        }
        ASSAY_RETURN_IF_ERROR(CheckNotOver(transaction.study()));
        Trial trial;
        trial.parameters = old.parameters;
        trial.from_step = old.from_step;
        trial.to_step = old.to_step;
        trial.continues = old.continues;
        trial.replicate = old.replicate;
        trial.retry_of = old.id;
        trial.origin.strategy = "retry";
        trial.origin.why = absl::StrCat("runs trial ", old.number, " again");
        trial.origin.seen_revision = transaction.study().revision;
        ASSAY_RETURN_IF_ERROR(transaction.Add(trial));
        *result = trial;
        return StoreAnswer(transaction, request, absl::StrCat(trial.id.value));
      },
      [result, done = std::move(done)](absl::Status status) mutable {
        if (!status.ok()) return done(std::move(status));
        done(std::move(*result));
      });
}

void TrialEditor::Import(StudyId study, Imported imported, RequestKey request,
                         Done done) {
  auto result = std::make_shared<Trial>();
  auto replaced = std::make_shared<Replaced>();
  const size_t bytes = 1024 + imported.curve.size() * 256;
  registry_.Change(
      study,
      [this, imported = std::move(imported), request = std::move(request),
       result,
       replaced](StudyTransaction& transaction) mutable -> absl::Status {
        ASSAY_ASSIGN_OR_RETURN(const std::optional<std::string> answer,
                               FindAnswer(transaction, request));
        if (answer) {
          ASSAY_ASSIGN_OR_RETURN(*result, ReadAnswer(transaction, *answer));
          return absl::OkStatus();
        }
        ASSAY_ASSIGN_OR_RETURN(
            Trial trial,
            AsTrial(imported, transaction.spec(), transaction.now()));
        ASSAY_RETURN_IF_ERROR(
            transaction.AddImported(trial, imported.holder, imported.curve));
        *result = trial;
        replaced->Drop(registry_.RunnerIfAny(trial.study), trial);
        return StoreAnswer(transaction, request, absl::StrCat(trial.id.value));
      },
      [result, replaced, done = std::move(done)](absl::Status status) mutable {
        replaced->Settle(status);
        if (!status.ok()) return done(std::move(status));
        done(std::move(*result));
      },
      bytes);
}

void TrialEditor::Stop(TrialId id, std::string reason, Done done) {
  auto result = std::make_shared<Trial>();
  if (reason.empty()) reason = "stopped by a user";
  registry_.ChangeByTrial(
      id,
      [result, reason = std::move(reason)](StudyTransaction& transaction,
                                           Trial& trial) -> absl::Status {
        ASSAY_RETURN_IF_ERROR(CheckNotDeleted(transaction.study(), trial));
        *result = trial;
        if (trial.state == TrialState::kStopped) return absl::OkStatus();
        if (trial.state == TrialState::kRunning) {
          ASSAY_ASSIGN_OR_RETURN(
              Attempt attempt,
              transaction.rows().GetAttempt(trial.id, trial.attempts));
          ASSAY_RETURN_IF_ERROR(transaction.TellToStop(trial, attempt, reason));
        } else {
          const TrialState before = trial.state;
          ASSAY_RETURN_IF_ERROR(StopPending(trial, reason, transaction.now()));
          ASSAY_RETURN_IF_ERROR(transaction.Store(trial, before));
        }
        *result = trial;
        return absl::OkStatus();
      },
      [result, done = std::move(done)](absl::Status status) mutable {
        if (!status.ok()) return done(std::move(status));
        done(std::move(*result));
      });
}

}  // namespace assay
