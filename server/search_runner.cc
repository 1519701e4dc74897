#include "server/search_runner.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "search/base/status_macros.h"
#include "search/factory.h"

namespace assay {
namespace {

constexpr int kPage = 1000;
constexpr int kPageWithCurves = 50;

// Strategies that do not learn keep this many more ready than are wanted: the
// proposals never go stale, and a refill costs a read.
constexpr int kReserve = 64;

// Strategies that learn keep half as many ready as trials run, up to this many:
// each result makes all of them stale.
constexpr int kMaxFresh = 8;

bool IsSame(const Proposal& proposal, const Trial& trial) {
  return proposal.origin.strategy == trial.origin.strategy &&
         proposal.origin.ordinal == trial.origin.ordinal &&
         proposal.parameters == trial.parameters &&
         proposal.replicate == trial.replicate &&
         proposal.to_step == trial.to_step &&
         proposal.continues == trial.continues;
}

// What somebody else made a trial of is not proposed again.
bool IsSameRun(const Proposal& a, const Proposal& b) {
  return a.parameters == b.parameters && a.continues == b.continues;
}

bool AnyFits(const Proposal&) { return true; }
bool Continues(const Proposal& proposal) {
  return static_cast<bool>(proposal.continues);
}

}  // namespace

SearchRunner::SearchRunner(StudyId study, std::shared_ptr<const StudySpec> spec,
                           Parts parts)
    : study_(study),
      spec_(std::move(spec)),
      parts_(std::move(parts)),
      strand_(parts_.search_pool),
      rule_strand_(parts_.pool) {
  if (spec_->space.empty()) supply_ = Supply::kNoSpace;
}

void SearchRunner::Start() { Schedule(); }

void SearchRunner::Schedule() {
  {
    MutexLock lock(mutex_);
    if (supply_ == Supply::kNoSpace || retired_) return;
    if (std::exchange(scheduled_, true)) return;
  }
  strand_.Post([self = shared_from_this()] { self->Refill(); });
}

int SearchRunner::Stock() const {
  return static_cast<int>(
      std::count_if(outstanding_.begin(), outstanding_.end(),
                    [](const Outstanding& o) { return !o.taken; }));
}

// Each read from now on shows them.
void SearchRunner::ForgetSettled() {
  outstanding_.remove_if([](const Outstanding& o) { return o.settled; });
}

// Those that know each result up to `newest`.
int SearchRunner::FreshStock(int64_t newest) const {
  if (!learns_) return Stock();
  return static_cast<int>(std::count_if(
      outstanding_.begin(), outstanding_.end(), [newest](const Outstanding& o) {
        return !o.taken && o.made_from >= newest;
      }));
}

int SearchRunner::WantedFresh() const {
  int wanted = std::max(1, std::min(unfinished_ / 2, kMaxFresh));
  for (const Waiter& waiter : waiters_) wanted = std::max(wanted, waiter.count);
  return std::max(wanted, static_cast<int>(waiters_.size()));
}

bool SearchRunner::IsSatisfied(int count) const {
  return retired_ || FreshStock(newest_end_) >= count ||
         (supply_ != Supply::kComputing && supply_ != Supply::kReady);
}

void SearchRunner::WhenReady(int count, absl::AnyInvocable<void()> ready) {
  bool failed = false;
  {
    MutexLock lock(mutex_);
    if (!learns_) demand_ = std::max(demand_, count);
    failed = supply_ == Supply::kFailed;
    // Not before those who found nothing.
    const bool takes_any = spec_->max_wait == absl::ZeroDuration() &&
                           waiters_.empty() && Stock() >= count;
    if (!IsSatisfied(count) && !takes_any) {
      const auto waiter = waiters_.insert(waiters_.end(), {count, nullptr});
      waiter->ready = std::exchange(ready, nullptr);
    }
  }
  if (failed) Schedule();  // For the next one: it may have been the disk.
  if (ready) return ready();
  Schedule();
  if (spec_->max_wait == absl::InfiniteDuration()) return;
  parts_.timer.After(spec_->max_wait, [weak = weak_from_this()] {
    // Whoever waited long enough takes what there is. Younger ones may go
    // early with them, which costs freshness, never a proposal.
    const auto self = weak.lock();
    if (!self) return;
    std::list<Waiter> waiters;
    {
      MutexLock lock(self->mutex_);
      if (self->Stock() > 0) waiters.swap(self->waiters_);
    }
    for (Waiter& waiter : waiters) waiter.ready();
  });
}

std::optional<SearchRunner::Taken> SearchRunner::Take() {
  return TakeIf(AnyFits);
}

std::optional<SearchRunner::Taken> SearchRunner::TakeContinuation() {
  return TakeIf(Continues);
}

// The oldest of those that know most.
std::optional<SearchRunner::Taken> SearchRunner::TakeIf(
    bool (*fits)(const Proposal&)) {
  std::optional<Taken> taken;
  bool low = false;
  {
    MutexLock lock(mutex_);
    Outstanding* best = nullptr;
    for (Outstanding& outstanding : outstanding_) {
      if (outstanding.taken || !fits(outstanding.proposal)) continue;
      if (best && (!learns_ || outstanding.made_from <= best->made_from)) {
        continue;
      }
      best = &outstanding;
      if (!learns_) break;
    }
    if (best != nullptr) {
      best->taken = true;
      taken = Taken{best->proposal, best->serial};
    }
    const int stock = Stock();
    const bool wanted = taken || !IsNoneForNow(fits == Continues);
    low = wanted && (learns_ || stock < demand_ + kReserve / 2);
    if (stock == 0 && supply_ == Supply::kReady) supply_ = Supply::kComputing;
  }
  if (low) Schedule();
  return taken;
}

void SearchRunner::Settle(int64_t serial) {
  MutexLock lock(mutex_);
  for (Outstanding& outstanding : outstanding_) {
    if (outstanding.serial == serial) outstanding.settled = true;
  }
  if (!refilling_) ForgetSettled();
}

std::vector<int64_t> SearchRunner::Drop(const Trial& trial) {
  std::vector<int64_t> serials;
  MutexLock lock(mutex_);
  std::optional<int64_t> broken;  // What was made after it counted on it.
  for (Outstanding& outstanding : outstanding_) {
    if (outstanding.taken) continue;
    const bool counted_on = learns_ && broken == outstanding.made_from;
    if (!IsSameRun(outstanding.proposal, AsProposal(trial)) && !counted_on) {
      continue;
    }
    broken = outstanding.made_from;
    ++breaks_;
    outstanding.taken = true;
    serials.push_back(outstanding.serial);
  }
  // Stands for the trial until the log does.
  outstanding_.push_back(
      {.proposal = AsProposal(trial), .serial = next_serial_++, .taken = true});
  serials.push_back(outstanding_.back().serial);
  return serials;
}

void SearchRunner::Reset() {
  {
    MutexLock lock(mutex_);
    ++resets_;
    outstanding_.clear();
    nothing_continues_ = -1;
    if (supply_ != Supply::kNoSpace) supply_ = Supply::kComputing;
  }
  Schedule();
}

void SearchRunner::Retire() {
  {
    MutexLock lock(mutex_);
    retired_ = true;
  }
  NotifyWaiters();
}

void SearchRunner::TrialEnded(int64_t revision) {
  {
    MutexLock lock(mutex_);
    newest_end_ = std::max(newest_end_, revision);
    // What does not learn has nothing to compute anew, unless it waits for an
    // end to be sure that all is used up.
    if (!learns_ && supply_ == Supply::kReady) return;
  }
  Schedule();
}

SearchRunner::Supply SearchRunner::supply() const {
  MutexLock lock(mutex_);
  return supply_;
}

// Of a strategy that learns: what it knows says that there is none, so that
// computing once more tells nothing.
bool SearchRunner::IsNoneForNow(bool of_continuations) const {
  const bool none = of_continuations || supply_ == Supply::kNone ||
                    supply_ == Supply::kExhausted;
  return learns_ && none && nothing_continues_ >= newest_end_;
}

bool SearchRunner::HasContinuation() const {
  return std::any_of(
      outstanding_.begin(), outstanding_.end(),
      [](const Outstanding& o) { return !o.taken && Continues(o.proposal); });
}

SearchRunner::Supply SearchRunner::continuations() const {
  MutexLock lock(mutex_);
  if (HasContinuation()) return Supply::kReady;
  if (supply_ == Supply::kFailed || supply_ == Supply::kNoSpace) return supply_;
  return nothing_continues_ >= newest_end_ ? Supply::kNone : Supply::kComputing;
}

std::optional<int64_t> SearchRunner::NothingContinuesAfter() const {
  MutexLock lock(mutex_);
  if (HasContinuation() || nothing_continues_ < 0) return std::nullopt;
  return nothing_continues_;
}

absl::Status SearchRunner::status() const {
  MutexLock lock(mutex_);
  return status_;
}

int SearchRunner::stock() const {
  MutexLock lock(mutex_);
  return Stock();
}

void SearchRunner::NotifyWaiters() {
  std::list<Waiter> ready;
  {
    MutexLock lock(mutex_);
    // No more of them than find something fresh.
    int promised = 0;
    for (auto it = waiters_.begin(); it != waiters_.end();) {
      const auto waiter = it++;
      const int asked = (learns_ ? promised : 0) + waiter->count;
      if (!IsSatisfied(asked)) continue;
      promised = asked;
      ready.splice(ready.end(), waiters_, waiter);
    }
  }
  for (Waiter& waiter : ready) waiter.ready();
}

void SearchRunner::Refill() {
  {
    MutexLock lock(mutex_);
    scheduled_ = false;
    if (refilling_) {
      again_ = true;
      return;
    }
    refilling_ = true;
    if (reset_done_ != resets_) {
      reset_done_ = resets_;
      strategy_ = nullptr;
    }
  }
  const absl::Status made = MakeStrategy();
  if (!made.ok()) return EndRefill(made);
  if (strategy_->Learns()) return RefillFreshly();
  EndRefill(RefillInOrder());
}

void SearchRunner::EndRefill(const absl::Status& status) {
  if (!status.ok()) strategy_ = nullptr;
  bool failed_again = false;
  bool again = false;
  {
    MutexLock lock(mutex_);
    refilling_ = false;
    again = std::exchange(again_, false);
    ForgetSettled();
    if (!status.ok()) {
      status_ = status;
      failed_again = supply_ == Supply::kFailed;
      if (Stock() == 0) supply_ = Supply::kFailed;
    }
  }
  NotifyWaiters();
  if (again) Schedule();
  // Who hears of a failure tries again: once.
  if (!failed_again) parts_.supply_changed();
}

absl::Status SearchRunner::MakeStrategy() {
  if (strategy_) return absl::OkStatus();
  ASSAY_ASSIGN_OR_RETURN(strategy_, parts_.make_strategy(*spec_));
  ASSAY_RETURN_IF_ERROR(ObserveEarlier());
  observed_revision_ = 0;
  observed_count_ = 0;
  MutexLock lock(mutex_);
  learns_ = strategy_->Learns();
  return absl::OkStatus();
}

absl::Status SearchRunner::ObserveEarlier() {
  if (spec_->warm_start.empty()) return absl::OkStatus();
  std::vector<EarlierStudy> earlier;
  ASSAY_RETURN_IF_ERROR(
      parts_.storage.Read([&](Snapshot& rows) -> absl::Status {
        ASSAY_ASSIGN_OR_RETURN(earlier, rows.ListEarlierWithTrials(study_));
        return absl::OkStatus();
      }));
  for (const EarlierStudy& study : earlier) strategy_->ObserveEarlier(study);
  return absl::OkStatus();
}

void SearchRunner::Observe(const std::vector<Ended>& ended) {
  for (const Ended& one : ended) {
    for (const Measurement& measurement : one.curve) {
      strategy_->ObserveReport(one.trial, measurement);
    }
    strategy_->Observe(one.trial);
    observed_revision_ = one.trial.ended_revision;
    ++observed_count_;
  }
}

// The unfinished ones with the last of those that ended, so that each trial is
// known as exactly one of the two.
absl::Status SearchRunner::ReadPage(Snapshot& rows, int64_t after, bool curves,
                                    Log& log) const {
  const int page = curves ? kPageWithCurves : kPage;
  ASSAY_ASSIGN_OR_RETURN(std::vector<Trial> ended,
                         rows.ListEnded(study_, after, page));
  log.is_last = ended.size() < static_cast<size_t>(page);
  for (Trial& trial : ended) {
    std::vector<Measurement> curve;
    if (curves) {
      ASSAY_ASSIGN_OR_RETURN(curve,
                             rows.ListMeasurements(trial.id, trial.attempts, 0,
                                                   SearchStrategy::kReports));
    }
    log.ended.push_back({std::move(trial), std::move(curve)});
  }
  if (!log.is_last) return absl::OkStatus();
  ASSAY_ASSIGN_OR_RETURN(log.unfinished, rows.ListUnfinished(study_));
  ASSAY_ASSIGN_OR_RETURN(const Study study, rows.GetStudy(study_));
  log.seen_revision = study.revision;
  return absl::OkStatus();
}

absl::StatusOr<SearchRunner::Log> SearchRunner::ReadLog() {
  while (true) {
    Log log;
    ASSAY_RETURN_IF_ERROR(
        parts_.storage.Read([&](Snapshot& rows) -> absl::Status {
          return ReadPage(rows, observed_revision_, strategy_->WantsReports(),
                          log);
        }));
    Observe(log.ended);
    if (log.is_last) return log;
  }
}

absl::StatusOr<std::vector<Proposal>> SearchRunner::Propose(
    const Log& log, const std::list<Outstanding>& outstanding, int count) {
  std::vector<Trial> unfinished = log.unfinished;
  for (const Outstanding& o : outstanding) {
    const bool is_trial = std::any_of(
        log.unfinished.begin(), log.unfinished.end(),
        [&](const Trial& trial) { return IsSame(o.proposal, trial); });
    if (!is_trial) unfinished.push_back(AsTrial(o.proposal));
  }
  // The stream is a function of what a replay knows as well.
  Random random(spec_->seed, (static_cast<uint64_t>(observed_count_) << 24) +
                                 unfinished.size());
  ASSAY_ASSIGN_OR_RETURN(std::vector<Proposal> proposals,
                         strategy_->Suggest(unfinished, count, random));
  for (Proposal& proposal : proposals) {
    proposal.origin.seen_revision = log.seen_revision;
  }
  if (proposals.empty() && unfinished.empty()) {
    return absl::InternalError(
        "the strategy proposes nothing although nothing is unfinished");
  }
  return proposals;
}

// Without those that somebody else made a trial of meanwhile: `first_unknown`
// is the serial of the first of them. False if there were some.
bool SearchRunner::AddToStock(std::vector<Proposal> proposals,
                              int64_t first_unknown) {
  const auto is_made = [outstanding = &outstanding_,
                        first_unknown](const Proposal& proposal) {
    return std::any_of(
        outstanding->begin(), outstanding->end(), [&](const Outstanding& o) {
          return o.serial >= first_unknown && IsSameRun(o.proposal, proposal);
        });
  };
  const auto made = std::remove_if(proposals.begin(), proposals.end(), is_made);
  const bool added_all = made == proposals.end();
  proposals.erase(made, proposals.end());
  for (Proposal& proposal : proposals) {
    outstanding_.push_back({.proposal = std::move(proposal),
                            .serial = next_serial_++,
                            .made_from = observed_revision_});
  }
  return added_all;
}

absl::Status SearchRunner::RefillInOrder() {
  int64_t resets = 0;
  {
    MutexLock lock(mutex_);
    resets = resets_;
  }
  ASSAY_ASSIGN_OR_RETURN(const Log log, ReadLog());
  // Looked at after the read: what becomes a trial in between is then known
  // twice, never not at all.
  std::list<Outstanding> known;
  int64_t first_unknown = 0;
  int wanted = 0;
  {
    MutexLock lock(mutex_);
    if (resets != resets_) return absl::OkStatus();  // Is scheduled again.
    known = outstanding_;
    first_unknown = next_serial_;
    wanted = demand_ + kReserve - Stock();
  }
  absl::StatusOr<std::vector<Proposal>> proposals = std::vector<Proposal>();
  if (wanted > 0) proposals = Propose(log, known, wanted);
  const bool exhausted = absl::IsOutOfRange(proposals.status());
  if (!exhausted) ASSAY_RETURN_IF_ERROR(proposals.status());
  for (size_t i = 0; !exhausted && i < proposals->size(); ++i) {
    (*proposals)[i].origin.batch_index = static_cast<int32_t>(i);
  }

  bool added_all = true;
  {
    MutexLock lock(mutex_);
    if (resets != resets_) return absl::OkStatus();
    status_ = absl::OkStatus();
    const bool none = wanted > 0 && (exhausted || proposals->empty());
    if (!none) added_all = AddToStock(*std::move(proposals), first_unknown);
    if (Stock() > 0) {
      supply_ = Supply::kReady;
    } else if (none) {
      supply_ = exhausted ? Supply::kExhausted : Supply::kNone;
    }
  }
  if (!added_all) Schedule();
  return absl::OkStatus();
}

// The moment is one between two writes: no proposal is on its way to become a
// trial then, since that happens on the writer thread, too.
void SearchRunner::RefillFreshly() {
  const absl::StatusOr<Log> caught_up = ReadLog();
  if (!caught_up.ok()) return EndRefill(caught_up.status());
  auto log = std::make_shared<Log>();
  parts_.storage.Write(
      [self = shared_from_this(), log, after = observed_revision_,
       curves = strategy_->WantsReports()](Transaction& rows) -> absl::Status {
        {
          MutexLock lock(self->mutex_);
          log->resets = self->resets_;
          log->breaks = self->breaks_;
          for (const Outstanding& o : self->outstanding_) {
            if (!o.taken) log->stock.push_back(o);
          }
        }
        return self->ReadPage(rows, after, curves, *log);
      },
      [self = shared_from_this(), log](absl::Status status) {
        self->strand_.Post([self, log, status = std::move(status)] {
          self->EndRefill(status.ok() ? self->ProposeFreshly(*log) : status);
        });
      });
}

absl::Status SearchRunner::ProposeFreshly(const Log& log) {
  Observe(log.ended);
  if (!log.is_last) {  // That many, in no time: once more.
    Schedule();
    return absl::OkStatus();
  }
  {
    MutexLock lock(mutex_);
    if (log.resets != resets_) return absl::OkStatus();  // Is scheduled again.
    unfinished_ = static_cast<int>(log.unfinished.size());
    if (FreshStock(observed_revision_) >= WantedFresh()) {
      status_ = absl::OkStatus();
      return absl::OkStatus();
    }
  }
  std::list<Outstanding> ahead = log.stock;
  ahead.remove_if([this](const Outstanding& o) {
    return o.made_from < observed_revision_;
  });
  absl::StatusOr<std::vector<Proposal>> proposals = Propose(log, ahead, 1);
  if (proposals.ok() && !proposals->empty()) {
    (*proposals)[0].origin.batch_index = static_cast<int32_t>(ahead.size());
  }
  return AddFresh(std::move(proposals), log);
}

absl::Status SearchRunner::AddFresh(
    absl::StatusOr<std::vector<Proposal>> proposals, const Log& log) {
  const bool exhausted = absl::IsOutOfRange(proposals.status());
  if (!exhausted) ASSAY_RETURN_IF_ERROR(proposals.status());
  const bool none = exhausted || proposals->empty();
  bool more = false;
  {
    MutexLock lock(mutex_);
    if (log.resets != resets_) return absl::OkStatus();
    status_ = absl::OkStatus();
    if (none || !Continues((*proposals)[0])) {
      nothing_continues_ = observed_revision_;
    }
    if (none) {
      outstanding_.remove_if([this](const Outstanding& o) {
        return !o.taken && o.made_from < observed_revision_;
      });
    } else if (log.breaks == breaks_ && !IsTaken((*proposals)[0])) {
      DropStaleTwins((*proposals)[0]);
      outstanding_.push_back({.proposal = std::move((*proposals)[0]),
                              .serial = next_serial_++,
                              .made_from = observed_revision_});
      DropStalest();
    }
    if (Stock() > 0) {
      supply_ = Supply::kReady;
    } else if (none) {
      supply_ = exhausted ? Supply::kExhausted : Supply::kNone;
    }
    more = !none && FreshStock(observed_revision_) < WantedFresh();
  }
  if (more) Schedule();
  return absl::OkStatus();
}

// By somebody after the moment from which the proposal was made.
bool SearchRunner::IsTaken(const Proposal& proposal) const {
  return std::any_of(outstanding_.begin(), outstanding_.end(),
                     [&](const Outstanding& o) {
                       return o.taken && IsSameRun(o.proposal, proposal);
                     });
}

// The same from older results, with what counted on it: it would be a second
// trial.
void SearchRunner::DropStaleTwins(const Proposal& proposal) {
  std::optional<int64_t> broken;
  outstanding_.remove_if([&](const Outstanding& o) {
    if (o.taken || o.made_from >= observed_revision_) return false;
    if (IsSameRun(o.proposal, proposal)) broken = o.made_from;
    return broken == o.made_from;
  });
}

// Of the proposals that know least, those counted on by no other.
void SearchRunner::DropStalest() {
  while (Stock() > WantedFresh()) {
    auto stalest = outstanding_.end();
    for (auto it = outstanding_.begin(); it != outstanding_.end(); ++it) {
      if (it->taken || it->made_from >= observed_revision_) continue;
      if (stalest == outstanding_.end() ||
          it->made_from <= stalest->made_from) {
        stalest = it;
      }
    }
    if (stalest == outstanding_.end()) return;
    outstanding_.erase(stalest);
  }
}

// --- Early stopping ---------------------------------------------------------

void SearchRunner::Decide(TrialId trial, Measurement measurement,
                          Decision decision) {
  if (!has_rule()) return decision(std::nullopt);
  rule_strand_.Post([self = shared_from_this(), trial,
                     measurement = std::move(measurement),
                     decision = std::move(decision)]() mutable {
    decision(self->DecideNow(trial, measurement));
  });
}

std::optional<std::string> SearchRunner::DecideNow(
    TrialId trial, const Measurement& measurement) {
  // Reads what was committed since the last decision, this measurement with it.
  const bool is_behind = !rule_ || rule_revision_ < measurement.revision;
  if (is_behind && !CatchUpRule().ok()) {
    rule_ = nullptr;
    return std::nullopt;
  }
  return rule_->ReasonToStop(trial);
}

absl::Status SearchRunner::CatchUpRule() {
  if (!rule_) {
    ASSAY_ASSIGN_OR_RETURN(rule_, MakeEarlyStoppingRule(*spec_));
    rule_revision_ = 0;
  }
  for (bool more = true; more;) {
    ASSAY_RETURN_IF_ERROR(
        parts_.storage.Read([&](Snapshot& rows) -> absl::Status {
          ASSAY_ASSIGN_OR_RETURN(
              const Changes changes,
              rows.ChangesAfter(study_, rule_revision_, kPage));
          Feed(changes);
          more = changes.through > rule_revision_;
          rule_revision_ = changes.through;
          return absl::OkStatus();
        }));
  }
  return absl::OkStatus();
}

// In the order of the log: a trial's end comes after its last measurement.
void SearchRunner::Feed(const Changes& changes) {
  size_t next = 0;
  const auto feed_until = [&](int64_t revision) {
    for (; next < changes.measurements.size() &&
           changes.measurements[next].revision < revision;
         ++next) {
      rule_->ObserveReport(changes.measurement_trials[next],
                           changes.measurement_attempts[next],
                           changes.measurements[next]);
    }
  };
  for (const Trial& trial : changes.trials) {
    if (!IsFinished(trial)) continue;
    feed_until(trial.ended_revision);
    rule_->ObserveEnd(trial);
  }
  feed_until(std::numeric_limits<int64_t>::max());
}

}  // namespace assay
