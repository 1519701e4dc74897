#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "search/base/mutex.h"
#include "search/early_stopping_rule.h"
#include "search/search_strategy.h"
#include "search/study.h"
#include "server/executor.h"
#include "server/timer.h"
#include "storage/storage.h"

namespace assay {

// The search of one study: owns its strategy and its early-stopping rule, runs
// both in the background, and keeps a small stock of ready proposals, so that
// who asks does not wait for a model. All that it knows derives from the
// study's log: after a restart, or Reset(), it is replayed. Thread-safe.
//
// A result makes the stock of a strategy that learns stale: it is replaced one
// by one, and what is stale meanwhile serves those who waited max_wait. Each
// proposal is computed alone, from one moment of the log between two writes:
// the results up to its `seen_revision` (with their curves, if the strategy
// wants reports), the trials unfinished then, and the `batch_index` proposals
// that lay fresh in the stock. Those are handed out before it, or it never is.
// So the log tells what they were: the first `batch_index` trials that the
// strategy got after that revision and that have seen the same results.
class SearchRunner : public std::enable_shared_from_this<SearchRunner> {
 public:
  enum class Supply {
    kReady,      // Something is in stock.
    kComputing,  // Nothing yet.
    kNone,       // Nothing can be proposed until a running trial ends.
    kExhausted,  // Nothing can be proposed any more.
    kFailed,     // See status().
    kNoSpace,    // The study declares no search space.
  };

  struct Taken {
    Proposal proposal;
    int64_t serial = 0;
  };

  using StrategyMaker =
      std::function<absl::StatusOr<std::unique_ptr<SearchStrategy>>(
          const StudySpec&)>;

  struct Parts {  // References must outlive the runner.
    Storage& storage;
    Executor& pool;         // For the rule.
    Executor& search_pool;  // For the strategy.
    Timer& timer;
    StrategyMaker make_strategy;
    // Called from the pool whenever waiting for proposals may have become
    // pointless or worth it; it may be called often.
    std::function<void()> supply_changed;
  };
  SearchRunner(StudyId study, std::shared_ptr<const StudySpec> spec,
               Parts parts);

  // Loads the log and fills the stock, in the background.
  void Start();

  // Calls `ready` once: as soon as `count` proposals made from every result so
  // far are in stock or no more can be made now, or after the study's max_wait.
  // At once, from here, if so already.
  void WhenReady(int count, absl::AnyInvocable<void()> ready)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // The oldest ready proposal. Called on the writer thread, inside the write
  // that makes it a trial. Once that is committed call Settle(); if it fails,
  // Reset().
  std::optional<Taken> Take() ABSL_LOCKS_EXCLUDED(mutex_);
  // The same of those that go on from another trial.
  std::optional<Taken> TakeContinuation() ABSL_LOCKS_EXCLUDED(mutex_);
  void Settle(int64_t serial) ABSL_LOCKS_EXCLUDED(mutex_);

  // Somebody else makes this trial: ready proposals of the same parameters are
  // dropped, and none is made before the log shows it. As Take(): Settle() each
  // of these once it is committed; Reset() if that fails.
  std::vector<int64_t> Drop(const Trial& trial) ABSL_LOCKS_EXCLUDED(mutex_);

  // Forgets everything and replays the log.
  void Reset() ABSL_LOCKS_EXCLUDED(mutex_);

  // The study is over: whoever waits for a proposal shall look again.
  void Retire() ABSL_LOCKS_EXCLUDED(mutex_);

  // After the commit of a trial's end at that revision.
  void TrialEnded(int64_t revision) ABSL_LOCKS_EXCLUDED(mutex_);

  // Feeds a committed measurement to the rule and answers with its reason to
  // stop, from the pool, or at once, from here, if there is no rule.
  using Decision = absl::AnyInvocable<void(std::optional<std::string>)>;
  void Decide(TrialId trial, Measurement measurement, Decision decision);

  Supply supply() const ABSL_LOCKS_EXCLUDED(mutex_);
  // Of proposals that go on from another trial. A strategy names those first,
  // so that there is none until another trial ends once it named a new
  // configuration: kNone.
  Supply continuations() const ABSL_LOCKS_EXCLUDED(mutex_);
  // Revision of the newest result from which none was to be made, if none is
  // ready either.
  std::optional<int64_t> NothingContinuesAfter() const
      ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status status() const ABSL_LOCKS_EXCLUDED(mutex_);
  int stock() const ABSL_LOCKS_EXCLUDED(mutex_);
  bool has_rule() const { return !spec_->stopping.empty(); }

 private:
  // A proposal that the log may not show as a trial yet.
  struct Outstanding {
    Proposal proposal;
    int64_t serial = 0;
    int64_t made_from = 0;  // Revision of the newest result it knows.
    bool taken = false;
    bool settled = false;  // It is a trial: a read that starts now shows it.
  };
  struct Waiter {
    int count = 0;
    absl::AnyInvocable<void()> ready;
  };
  // A trial that ended, with its curve if the strategy wants reports.
  struct Ended {
    Trial trial;
    std::vector<Measurement> curve;
  };
  // One moment of the log.
  struct Log {
    std::vector<Ended> ended;  // After those observed already.
    bool is_last = false;      // No more had ended.
    std::vector<Trial> unfinished;
    int64_t seen_revision = 0;
    // Of this object at that moment.
    std::list<Outstanding> stock;
    int64_t resets = 0;
    int64_t breaks = 0;
  };

  void Schedule() ABSL_LOCKS_EXCLUDED(mutex_);

  // On the strand.
  void Refill() ABSL_LOCKS_EXCLUDED(mutex_);
  void EndRefill(const absl::Status& status) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status MakeStrategy();
  absl::Status ObserveEarlier();
  void Observe(const std::vector<Ended>& ended);
  // Reads and observes what ended, but for the last page.
  absl::StatusOr<Log> ReadLog();
  // What comes after what was observed. `curves`: with them.
  absl::Status ReadPage(Snapshot& rows, int64_t after, bool curves,
                        Log& log) const;
  absl::StatusOr<std::vector<Proposal>> Propose(
      const Log& log, const std::list<Outstanding>& outstanding, int count);

  // Of a strategy that does not learn: as many as are wanted, at once.
  absl::Status RefillInOrder() ABSL_LOCKS_EXCLUDED(mutex_);
  // Of one that learns: one, if one is wanted.
  void RefillFreshly() ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status ProposeFreshly(const Log& log) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status AddFresh(absl::StatusOr<std::vector<Proposal>> proposals,
                        const Log& log) ABSL_LOCKS_EXCLUDED(mutex_);
  bool IsTaken(const Proposal& proposal) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status CatchUpRule();
  void Feed(const Changes& changes);
  std::optional<std::string> DecideNow(TrialId trial,
                                       const Measurement& measurement);

  bool AddToStock(std::vector<Proposal> proposals, int64_t first_unknown)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void DropStalest() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void DropStaleTwins(const Proposal& proposal)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::optional<Taken> TakeIf(bool (*fits)(const Proposal&))
      ABSL_LOCKS_EXCLUDED(mutex_);
  void ForgetSettled() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool IsNoneForNow(bool of_continuations) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool HasContinuation() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  int FreshStock(int64_t newest) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  int WantedFresh() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  int Stock() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool IsSatisfied(int count) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void NotifyWaiters() ABSL_LOCKS_EXCLUDED(mutex_);

  const StudyId study_;
  const std::shared_ptr<const StudySpec> spec_;
  const Parts parts_;
  Strand strand_;
  Strand rule_strand_;  // A decision does not wait for a fit.

  // Used on the strand only.
  std::unique_ptr<SearchStrategy> strategy_;
  int64_t observed_revision_ = 0;  // Of the last trial given to Observe().
  int64_t observed_count_ = 0;

  // Used on the rule's strand only.
  std::unique_ptr<EarlyStoppingRule> rule_;
  int64_t rule_revision_ = 0;  // Of the last change given to the rule.

  mutable Mutex mutex_;
  std::list<Outstanding> outstanding_ ABSL_GUARDED_BY(mutex_);  // Oldest first.
  std::list<Waiter> waiters_ ABSL_GUARDED_BY(mutex_);
  Supply supply_ ABSL_GUARDED_BY(mutex_) = Supply::kComputing;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
  int demand_ ABSL_GUARDED_BY(mutex_) = 1;
  int unfinished_ ABSL_GUARDED_BY(mutex_) = 0;      // When last looked at.
  int64_t newest_end_ ABSL_GUARDED_BY(mutex_) = 0;  // Revision.
  // The newest result from which nothing was to be continued; -1: none yet.
  int64_t nothing_continues_ ABSL_GUARDED_BY(mutex_) = -1;
  bool learns_ ABSL_GUARDED_BY(mutex_) = false;
  bool retired_ ABSL_GUARDED_BY(mutex_) = false;
  bool scheduled_ ABSL_GUARDED_BY(mutex_) = false;
  bool refilling_ ABSL_GUARDED_BY(mutex_) = false;  // A read may be older.
  bool again_ ABSL_GUARDED_BY(mutex_) = false;      // Once that is over.
  int64_t next_serial_ ABSL_GUARDED_BY(mutex_) = 1;
  int64_t breaks_ ABSL_GUARDED_BY(mutex_) = 0;  // Drops out of the stock.
  int64_t resets_ ABSL_GUARDED_BY(mutex_) = 0;  // Asked for.
  int64_t reset_done_ = 0;                      // On the strand.
};

}  // namespace assay
