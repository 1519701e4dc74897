#include "server/search_runner.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "search/base/status_macros.h"
#include "search/factory.h"

namespace assay {
namespace {

constexpr int kPage = 1000;

// Strategies that do not learn keep this many more ready than are wanted: the
// proposals never go stale, and a refill costs a read.
constexpr int kReserve = 64;

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

bool IsSame(const Proposal& proposal, const Trial& trial) {
  return proposal.origin.strategy == trial.origin.strategy &&
         proposal.origin.ordinal == trial.origin.ordinal &&
         proposal.parameters == trial.parameters &&
         proposal.replicate == trial.replicate &&
         proposal.to_step == trial.to_step &&
         proposal.continues == trial.continues;
}

}  // namespace

SearchRunner::SearchRunner(StudyId study, std::shared_ptr<const StudySpec> spec,
                           Storage& storage, Executor& pool, Timer& timer,
                           std::function<void()> supply_changed)
    : study_(study),
      spec_(std::move(spec)),
      storage_(storage),
      timer_(timer),
      supply_changed_(std::move(supply_changed)),
      strand_(pool) {
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

void SearchRunner::SetDemand(int proposals) {
  {
    MutexLock lock(mutex_);
    if (proposals <= demand_) return;
    demand_ = proposals;
  }
  Schedule();
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

int SearchRunner::FreshStock() const {
  if (!learns_) return Stock();
  return static_cast<int>(
      std::count_if(outstanding_.begin(), outstanding_.end(),
                    [newest = newest_end_](const Outstanding& o) {
                      return !o.taken && o.made_from >= newest;
                    }));
}

bool SearchRunner::IsSatisfied(int count) const {
  return retired_ || FreshStock() >= count ||
         (supply_ != Supply::kComputing && supply_ != Supply::kReady);
}

void SearchRunner::WhenReady(int count, absl::AnyInvocable<void()> ready) {
  bool failed = false;
  {
    MutexLock lock(mutex_);
    demand_ = std::max(demand_, count);
    failed = supply_ == Supply::kFailed;
    if (!IsSatisfied(count)) {
      const auto waiter = waiters_.insert(waiters_.end(), {count, nullptr});
      waiter->ready = std::move(ready);
    }
  }
  if (failed) Schedule();  // For the next one: it may have been the disk.
  if (ready) return ready();
  Schedule();
  if (spec_->max_wait == absl::InfiniteDuration()) return;
  timer_.After(spec_->max_wait, [weak = weak_from_this()] {
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
  std::optional<Taken> taken;
  bool low = false;
  {
    MutexLock lock(mutex_);
    for (Outstanding& outstanding : outstanding_) {
      if (outstanding.taken) continue;
      outstanding.taken = true;
      taken = Taken{outstanding.proposal, outstanding.serial};
      break;
    }
    const int stock = Stock();
    low = stock < demand_ + (learns_ ? 0 : kReserve / 2);
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
  for (Outstanding& outstanding : outstanding_) {
    if (outstanding.taken ||
        outstanding.proposal.parameters != trial.parameters) {
      continue;
    }
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
    for (auto it = waiters_.begin(); it != waiters_.end();) {
      const auto waiter = it++;
      if (IsSatisfied(waiter->count)) {
        ready.splice(ready.end(), waiters_, waiter);
      }
    }
  }
  for (Waiter& waiter : ready) waiter.ready();
}

void SearchRunner::Refill() {
  {
    MutexLock lock(mutex_);
    scheduled_ = false;
    refilling_ = true;
    if (reset_done_ != resets_) {
      reset_done_ = resets_;
      strategy_ = nullptr;
    }
  }
  const absl::Status status = RefillOrError();
  if (!status.ok()) strategy_ = nullptr;
  bool failed_again = false;
  {
    MutexLock lock(mutex_);
    refilling_ = false;
    ForgetSettled();
    if (!status.ok()) {
      status_ = status;
      failed_again = supply_ == Supply::kFailed;
      if (Stock() == 0) supply_ = Supply::kFailed;
    }
  }
  NotifyWaiters();
  // Who hears of a failure tries again: once.
  if (!failed_again) supply_changed_();
}

absl::Status SearchRunner::MakeStrategy() {
  if (strategy_) return absl::OkStatus();
  ASSAY_ASSIGN_OR_RETURN(strategy_, MakeSearchStrategy(*spec_));
  observed_revision_ = 0;
  observed_count_ = 0;
  MutexLock lock(mutex_);
  learns_ = strategy_->Learns();
  return absl::OkStatus();
}

// Observes each trial that ended meanwhile; the last read also lists the
// unfinished ones, so that each trial is known as exactly one of the two.
absl::StatusOr<SearchRunner::Log> SearchRunner::CatchUp() {
  Log log;
  for (bool more = true; more;) {
    ASSAY_RETURN_IF_ERROR(storage_.Read([&](Snapshot& rows) -> absl::Status {
      ASSAY_ASSIGN_OR_RETURN(const std::vector<Trial> ended,
                             rows.ListEnded(study_, observed_revision_, kPage));
      for (const Trial& trial : ended) {
        strategy_->Observe(trial);
        observed_revision_ = trial.ended_revision;
        ++observed_count_;
      }
      more = ended.size() == kPage;
      if (more) return absl::OkStatus();
      ASSAY_ASSIGN_OR_RETURN(log.unfinished, rows.ListUnfinished(study_));
      ASSAY_ASSIGN_OR_RETURN(const Study study, rows.GetStudy(study_));
      log.seen_revision = study.revision;
      return absl::OkStatus();
    }));
  }
  return log;
}

bool SearchRunner::IsStale(const Outstanding& outstanding) const {
  return strategy_->Learns() && !outstanding.taken &&
         outstanding.made_from < observed_revision_;
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
  int32_t index = 0;
  for (Proposal& proposal : proposals) {
    proposal.origin.seen_revision = log.seen_revision;
    proposal.origin.batch_index = index++;
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
    return std::any_of(outstanding->begin(), outstanding->end(),
                       [&](const Outstanding& o) {
                         return o.serial >= first_unknown &&
                                o.proposal.parameters == proposal.parameters;
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

absl::Status SearchRunner::RefillOrError() {
  ASSAY_RETURN_IF_ERROR(MakeStrategy());
  int64_t resets = 0;
  {
    MutexLock lock(mutex_);
    resets = resets_;
  }
  ASSAY_ASSIGN_OR_RETURN(const Log log, CatchUp());
  // Looked at after the read: what becomes a trial in between is then known
  // twice, never not at all.
  std::list<Outstanding> known;
  int64_t first_unknown = 0;
  int wanted = 0;
  {
    MutexLock lock(mutex_);
    if (resets != resets_) return absl::OkStatus();  // Is scheduled again.
    outstanding_.remove_if([&](const Outstanding& o) { return IsStale(o); });
    known = outstanding_;
    first_unknown = next_serial_;
    wanted = demand_ + (learns_ ? 0 : kReserve) - Stock();
  }
  absl::StatusOr<std::vector<Proposal>> proposals = std::vector<Proposal>();
  if (wanted > 0) proposals = Propose(log, known, wanted);
  const bool exhausted = absl::IsOutOfRange(proposals.status());
  if (!exhausted) ASSAY_RETURN_IF_ERROR(proposals.status());

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

// --- Early stopping ---------------------------------------------------------

void SearchRunner::Decide(TrialId trial, Measurement measurement,
                          Decision decision) {
  if (!has_rule()) return decision(std::nullopt);
  strand_.Post([self = shared_from_this(), trial,
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
    ASSAY_RETURN_IF_ERROR(storage_.Read([&](Snapshot& rows) -> absl::Status {
      ASSAY_ASSIGN_OR_RETURN(const Changes changes,
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
