#include "server/trial_dispatcher.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "search/base/status_macros.h"
#include "server/resume.h"

namespace assay {
namespace {

using Supply = SearchRunner::Supply;

// Proposals that an ask waits for; it is given more if more are ready.
constexpr int kMostAwaited = 64;

constexpr absl::Duration kSoon = absl::Milliseconds(100);
constexpr absl::Duration kHeldBack = absl::Seconds(5);
constexpr absl::Duration kLater = absl::Seconds(1);

absl::Status ShuttingDown() {
  return absl::UnavailableError("the server is shutting down");
}

absl::Status ClientLeft() { return absl::CancelledError("the client left"); }

}  // namespace

// Hands out trials of one study inside a write.
class TrialDispatcher::HandOut {
 public:
  // `held_back`: why nothing new is handed out; empty if it is.
  HandOut(std::string held_back, StudyTransaction& transaction,
          SearchRunner* runner, const Attempt& holder, Answer& answer,
          absl::Status& verdict, std::vector<int64_t>& serials,
          std::optional<Awaited>& awaits)
      : held_back_(std::move(held_back)),
        transaction_(transaction),
        runner_(runner),
        holder_(holder),
        answer_(answer),
        verdict_(verdict),
        serials_(serials),
        awaits_(awaits) {}

  absl::Status Run(int count) {
    if (!holder_.by_worker) ASSAY_RETURN_IF_ERROR(GiveOwnRunning(count));
    while (Given() < count && MayStart()) {
      ASSAY_ASSIGN_OR_RETURN(const bool given, GiveNext());
      if (!given) break;
    }
    return absl::OkStatus();
  }

 private:
  int Given() const { return static_cast<int>(answer_.handouts.size()); }

  absl::Status Give(Trial trial, Attempt attempt) {
    ASSAY_ASSIGN_OR_RETURN(std::shared_ptr<const Checkpoint> resume,
                           FindResume(transaction_.rows(), trial));
    answer_.handouts.push_back({.trial = std::move(trial),
                                .attempt = std::move(attempt),
                                .study_seed = transaction_.study().seed,
                                .resume = std::move(resume)});
    return absl::OkStatus();
  }

  absl::Status GiveOwnRunning(int count) {
    ASSAY_ASSIGN_OR_RETURN(std::vector<Attempt> attempts,
                           transaction_.rows().ListRunningAttempts(
                               transaction_.study().id, holder_.holder));
    for (Attempt& attempt : attempts) {
      if (Given() == count) break;
      if (attempt.by_worker) continue;
      ASSAY_ASSIGN_OR_RETURN(Trial trial,
                             transaction_.rows().GetTrial(attempt.trial));
      ASSAY_RETURN_IF_ERROR(Give(std::move(trial), std::move(attempt)));
    }
    return absl::OkStatus();
  }

  bool Nothing(std::string reason, absl::Duration retry_after) {
    answer_.reason = std::move(reason);
    answer_.retry_after = retry_after;
    return false;
  }

  bool Never(absl::Status verdict) {
    answer_.reason = std::string(verdict.message());
    verdict_ = std::move(verdict);
    return false;
  }

  bool MayStart() {
    if (!held_back_.empty()) return Nothing(held_back_, kHeldBack);
    const Study& study = transaction_.study();
    if (study.state == StudyState::kPaused) {
      return Never(absl::FailedPreconditionError(
          absl::StrCat("study \"", study.name, "\" is PAUSED")));
    }
    if (study.state == StudyState::kCompleted) {
      return Never(absl::OutOfRangeError(
          absl::StrCat("study \"", study.name, "\" is COMPLETED (",
                       ToText(study.completion), "): ", study.reason)));
    }
    const auto& max_parallel = transaction_.spec().budget.max_parallel;
    if (max_parallel && study.counts.running >= *max_parallel) {
      return Nothing(absl::StrCat("max_parallel: ", study.counts.running,
                                  " of ", *max_parallel, " running"),
                     kLater);
    }
    return true;
  }

  // True if a trial was given.
  absl::StatusOr<bool> GiveNext() {
    Study& study = transaction_.study();
    const std::optional<Spent> spent =
        WhatIsSpent(study, transaction_.spec().budget, transaction_.now());
    std::optional<Trial> waiting;
    if (spent && spent->requeued_may_run) {
      ASSAY_ASSIGN_OR_RETURN(waiting,
                             FirstRequeued(transaction_.rows(), study.id));
    } else if (!spent && study.counts.pending > 0) {
      ASSAY_ASSIGN_OR_RETURN(waiting,
                             transaction_.rows().FirstPending(study.id));
    }
    if (waiting) {
      ASSAY_ASSIGN_OR_RETURN(Attempt attempt,
                             transaction_.Start(*waiting, holder_));
      ASSAY_RETURN_IF_ERROR(Give(*std::move(waiting), std::move(attempt)));
      return true;
    }
    if (!spent) return GiveProposal();
    if (spent->requeued_may_run && transaction_.spec().schedule.exists()) {
      return GiveContinuation(*spent);
    }
    return Nothing(spent->words, kLater);
  }

  absl::StatusOr<bool> GiveProposal() {
    std::optional<SearchRunner::Taken> taken;
    if (runner_ != nullptr) taken = runner_->Take();
    if (!taken) return NoProposal();
    return GiveTaken(*taken);
  }

  // Of a configuration that was started before.
  absl::StatusOr<bool> GiveContinuation(const Spent& spent) {
    std::optional<SearchRunner::Taken> taken;
    if (runner_ != nullptr) taken = runner_->TakeContinuation();
    if (!taken) return NoContinuation(spent);
    return GiveTaken(*taken);
  }

  absl::StatusOr<bool> GiveTaken(const SearchRunner::Taken& taken) {
    serials_.push_back(taken.serial);
    Trial trial = AsTrial(taken.proposal);
    ASSAY_ASSIGN_OR_RETURN(Attempt attempt,
                           transaction_.AddRunning(trial, holder_));
    ASSAY_RETURN_IF_ERROR(Give(std::move(trial), std::move(attempt)));
    return true;
  }

  bool NoContinuation(const Spent& spent) {
    const Supply supply =
        runner_ == nullptr ? Supply::kComputing : runner_->continuations();
    if (supply == Supply::kFailed) return Never(runner_->status());
    awaits_ = {supply, /*of_continuations=*/true};
    if (supply == Supply::kComputing || supply == Supply::kReady) {
      return Nothing("a proposal is being computed", kSoon);
    }
    return NothingWhile(absl::StrCat(spent.words, "; none goes on"));
  }

  // With none running the search is about to learn of the one that ended last.
  bool NothingWhile(absl::string_view words) {
    const int64_t running = transaction_.study().counts.running;
    if (running == 0) return Nothing("a proposal is being computed", kSoon);
    return Nothing(
        absl::StrCat(words, " until one of ", running, " running trials ends"),
        kLater);
  }

  bool NoProposal() {
    const StudyCounts& counts = transaction_.study().counts;
    switch (runner_ == nullptr ? Supply::kComputing : runner_->supply()) {
      case Supply::kReady:
      case Supply::kComputing:
        awaits_ = {Supply::kComputing};
        return Nothing("a proposal is being computed", kSoon);
      case Supply::kNone:
        awaits_ = {Supply::kNone};
        return NothingWhile("nothing can be proposed");
      case Supply::kExhausted: {
        const ScheduleSpec& schedule = transaction_.spec().schedule;
        const std::string words =
            schedule.IsPopulation()
                ? WhatIsUsedUp(transaction_.study(), schedule).words
                : "every configuration was tried";
        if (counts.running == 0) return Never(absl::OutOfRangeError(words));
        return Nothing(absl::StrCat(words, "; ", counts.running, " still run"),
                       kLater);
      }
      case Supply::kFailed:
        return Never(runner_->status());
      case Supply::kNoSpace:
        return Never(absl::FailedPreconditionError(absl::StrCat(
            "study \"", transaction_.study().name,
            "\" declares no parameters and its queue is empty: enqueue "
            "trials")));
    }
    return false;
  }

  const std::string held_back_;
  StudyTransaction& transaction_;
  SearchRunner* runner_;
  const Attempt& holder_;
  Answer& answer_;
  absl::Status& verdict_;
  std::vector<int64_t>& serials_;
  std::optional<Awaited>& awaits_;
};

TrialDispatcher::TrialDispatcher(Parts parts) : parts_(parts) {}

absl::Status TrialDispatcher::Load() {
  return parts_.storage.Read([&](Snapshot& rows) -> absl::Status {
    ASSAY_ASSIGN_OR_RETURN(const std::vector<Attempt> attempts,
                           rows.ListRunningAttempts());
    for (const Attempt& attempt : attempts) {
      ASSAY_ASSIGN_OR_RETURN(const Trial trial, rows.GetTrial(attempt.trial));
      ASSAY_ASSIGN_OR_RETURN(const Study study, rows.GetStudy(trial.study));
      parts_.leases.Add({attempt.trial, attempt.number},
                        {.study = study.id,
                         .owner = study.owner,
                         .holder = attempt.holder,
                         .instance = attempt.instance,
                         .by_worker = attempt.by_worker,
                         .period = attempt.lease,
                         .stop_reason = attempt.stop_reason});
    }
    return absl::OkStatus();
  });
}

// --- Asking -----------------------------------------------------------------

int64_t TrialDispatcher::Suggest(Ask ask, Done done) {
  auto call = std::make_shared<Call>();
  call->deadline = parts_.clock.SinceBoot() + ask.wait;
  call->ask = std::move(ask);
  call->done = std::move(done);
  {
    MutexLock lock(mutex_);
    call->ticket = next_ticket_++;
    calls_[call->ticket] = call;
  }
  const int64_t ticket = call->ticket;
  // What is over has no use for proposals.
  const bool is_active =
      parts_.registry.KnownState(call->ask.study) != StudyState::kCompleted;
  std::shared_ptr<SearchRunner> runner;
  if (is_active) {
    auto found = parts_.registry.Runner(call->ask.study);
    if (!found.ok()) {
      Finish(call, found.status());
      return ticket;
    }
    runner = *std::move(found);
  }
  if (runner == nullptr) {
    Try(std::move(call));
  } else {
    runner->WhenReady(std::min(call->ask.count, kMostAwaited),
                      [this, call] { Try(call); });
  }
  return ticket;
}

void TrialDispatcher::Finish(const CallPtr& call,
                             absl::StatusOr<Answer> answer) {
  {
    MutexLock lock(mutex_);
    calls_.erase(call->ticket);
  }
  if (Done done = std::exchange(call->done, nullptr)) done(std::move(answer));
}

void TrialDispatcher::Try(CallPtr call) {
  Attempt holder;
  holder.holder = call->ask.client_id;
  holder.lease = call->ask.lease;
  const StudyId study = call->ask.study;
  const int count = call->ask.count;
  Write(study, std::move(holder), count, call,
        [this, call](absl::StatusOr<Outcome> outcome) {
          if (!outcome.ok()) {
            Finish(call, outcome.status());
            return WakeOne(call->ask.study);
          }
          Answer& answer = outcome->answer;
          const bool nothing = answer.handouts.empty();
          if (nothing && !outcome->verdict.ok()) {
            Finish(call, std::move(outcome->verdict));
          } else if (nothing && parts_.clock.SinceBoot() < call->deadline) {
            return Park(call, outcome->awaits);
          } else {
            Finish(call, std::move(answer));
          }
          WakeOne(call->ask.study);
        });
}

void TrialDispatcher::Write(StudyId study, Attempt holder, int count,
                            CallPtr call, OutcomeDone done) {
  auto outcome = std::make_shared<Outcome>();
  const auto runner = parts_.registry.RunnerIfAny(study);
  parts_.registry.Change(
      study,
      [this, outcome, runner, count, call = std::move(call),
       holder =
           std::move(holder)](StudyTransaction& transaction) -> absl::Status {
        if (call && call->cancelled) return ClientLeft();
        HandOut hand_out(HeldBack(), transaction, runner.get(), holder,
                         outcome->answer, outcome->verdict, outcome->serials,
                         outcome->awaits);
        return hand_out.Run(count);
      },
      [this, outcome, runner, study,
       done = std::move(done)](absl::Status status) mutable {
        if (!status.ok()) {
          if (!outcome->serials.empty()) runner->Reset();
          return done(std::move(status));
        }
        for (const int64_t serial : outcome->serials) runner->Settle(serial);
        const auto spec = parts_.registry.KnownSpec(study);
        for (Handout& handout : outcome->answer.handouts) handout.spec = spec;
        done(std::move(*outcome));
      });
}

// --- Waiting ----------------------------------------------------------------

void TrialDispatcher::Park(CallPtr call, std::optional<Awaited> awaits) {
  const StudyId study = call->ask.study;
  const int64_t ticket = call->ticket;
  const absl::Duration wait = call->deadline - parts_.clock.SinceBoot();
  bool full = false;
  bool stopping = false;
  bool cancelled = false;
  {
    MutexLock lock(mutex_);
    stopping = stopping_;
    cancelled = call->cancelled;
    full = static_cast<int64_t>(tickets_.size()) >= parts_.max_parked;
    if (!stopping && !full && !cancelled) {
      // Whoever waits longest is first in line again.
      auto& line = parked_[study];
      const auto place = std::find_if(
          line.begin(), line.end(),
          [&](const CallPtr& other) { return other->ticket > ticket; });
      line.insert(place, std::move(call));
      tickets_[ticket] = study;
    }
  }
  if (cancelled) return Finish(call, ClientLeft());
  if (stopping) return Finish(call, ShuttingDown());
  if (full) {
    return Finish(call, absl::ResourceExhaustedError(absl::StrCat(
                            parts_.max_parked, " calls wait already")));
  }
  parts_.timer.After(wait, [this, study, ticket] { GiveUp(study, ticket); });
  // The write itself may have ended the study, before this stood in line.
  if (parts_.registry.KnownState(study) == StudyState::kCompleted) {
    return WakeOne(study);
  }
  // The supply may have come between the write and now, on another thread.
  if (!awaits) return;
  const auto runner = parts_.registry.RunnerIfAny(study);
  const Supply supply = runner ? awaits->Of(*runner) : awaits->supply;
  if (supply != Supply::kComputing && supply != awaits->supply) WakeOne(study);
}

// Takes the call out of the line and lets it try once more: at its deadline it
// answers with the reason of that moment.
void TrialDispatcher::GiveUp(StudyId study, int64_t ticket) {
  CallPtr call;
  {
    MutexLock lock(mutex_);
    if (tickets_.erase(ticket) == 0) return;
    auto& line = parked_[study];
    const auto place = std::find_if(
        line.begin(), line.end(),
        [&](const CallPtr& other) { return other->ticket == ticket; });
    call = *place;
    line.erase(place);
    if (line.empty()) parked_.erase(study);
  }
  Try(std::move(call));
}

void TrialDispatcher::Cancel(int64_t ticket) {
  CallPtr call;  // Its end, with the last reference, comes after the lock's.
  MutexLock lock(mutex_);
  if (const auto open = calls_.find(ticket); open != calls_.end()) {
    if ((call = open->second.lock())) call->cancelled = true;
    calls_.erase(open);
  }
  const auto it = tickets_.find(ticket);
  if (it == tickets_.end()) return;
  auto& line = parked_[it->second];
  line.remove_if([&](const CallPtr& other) {
    if (other->ticket != ticket) return false;
    call = other;
    return true;
  });
  if (line.empty()) parked_.erase(it->second);
  tickets_.erase(it);
}

// One at a time: if it gets something the next one follows, else it parks again
// in its old place.
void TrialDispatcher::WakeOne(StudyId study) {
  CallPtr call;
  {
    MutexLock lock(mutex_);
    const auto line = parked_.find(study);
    if (line == parked_.end()) return;
    call = line->second.front();
    line->second.pop_front();
    tickets_.erase(call->ticket);
    if (line->second.empty()) parked_.erase(line);
  }
  Try(std::move(call));
}

void TrialDispatcher::Changed(const StudyChange& change) {
  if (change.MayStartTrials()) WakeOne(change.study.id);
}

void TrialDispatcher::SupplyChanged(StudyId study) {
  const auto runner = parts_.registry.RunnerIfAny(study);
  // Saving the study ends it if nothing runs any more.
  const bool may_be_over =
      runner && (runner->supply() == Supply::kExhausted ||
                 (runner->NothingContinuesAfter() &&
                  parts_.registry.MayEndByItsSchedule(study)));
  if (may_be_over) {
    parts_.registry.Change(
        study, [](StudyTransaction&) { return absl::OkStatus(); },
        [](absl::Status) {});
  }
  WakeOne(study);
}

void TrialDispatcher::HoldBack(std::string why) {
  std::vector<StudyId> lines;
  {
    MutexLock lock(mutex_);
    if (stopping_) return;
    held_back_ = std::move(why);
    if (!held_back_.empty()) return;
    for (const auto& [study, line] : parked_) lines.push_back(study);
  }
  for (const StudyId study : lines) WakeOne(study);
}

void TrialDispatcher::StopHandingOut() {
  absl::flat_hash_map<StudyId, std::list<CallPtr>> parked;
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    held_back_ = "the server is shutting down";
    parked.swap(parked_);
    tickets_.clear();
  }
  for (auto& [study, line] : parked) {
    for (const CallPtr& call : line) {
      Finish(call, ShuttingDown());
    }
  }
}

std::string TrialDispatcher::HeldBack() const {
  MutexLock lock(mutex_);
  return held_back_;
}

int64_t TrialDispatcher::parked() const {
  MutexLock lock(mutex_);
  return static_cast<int64_t>(tickets_.size());
}

// --- Workers and leases -----------------------------------------------------

void TrialDispatcher::LeaseTo(StudyId study, Attempt holder, Done done) {
  Write(study, std::move(holder), 1, /*call=*/nullptr,
        [done = std::move(done)](absl::StatusOr<Outcome> outcome) mutable {
          if (!outcome.ok()) return done(outcome.status());
          done(std::move(outcome->answer));
        });
}

void TrialDispatcher::ExpireLeases() {
  for (const Token& token : parts_.leases.Expired()) {
    parts_.registry.ChangeByTrial(
        token.trial,
        [this, token](StudyTransaction& transaction,
                      Trial& trial) -> absl::Status {
          // It may have been renewed, or ended, while this waited.
          if (!parts_.leases.IsExpired(token)) return absl::OkStatus();
          ASSAY_ASSIGN_OR_RETURN(
              Attempt attempt,
              transaction.rows().GetAttempt(token.trial, token.attempt));
          const TrialState before = trial.state;
          if (!attempt.stop_reason.empty()) {
            ASSAY_ASSIGN_OR_RETURN(
                trial.final_metrics,
                transaction.FinalMetrics(trial, attempt, /*given=*/{}));
          }
          ASSAY_RETURN_IF_ERROR(
              Requeue(trial, attempt, AttemptOutcome::kLost,
                      absl::StrCat("the lease of ",
                                   attempt.by_worker ? "worker" : "client",
                                   " \"", attempt.holder, "\" ran out"),
                      transaction.spec().trial.limits, transaction.now()));
          return transaction.Store(trial, attempt, before);
        },
        [](absl::Status) {});
  }
}

void TrialDispatcher::CheckDeadlines() {
  for (const StudyId study : parts_.registry.ActiveWithDeadline()) {
    // Saving the study tells running trials to stop if its time is over.
    parts_.registry.Change(
        study, [](StudyTransaction&) { return absl::OkStatus(); },
        [](absl::Status) {});
  }
}

}  // namespace assay
