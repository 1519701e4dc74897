#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "search/base/clock.h"
#include "search/base/mutex.h"
#include "search/checkpoint.h"
#include "search/trial.h"
#include "server/lease_table.h"
#include "server/study_registry.h"
#include "server/timer.h"

namespace assay {

// A trial in somebody's hands.
struct Handout {
  Trial trial;
  Attempt attempt;
  uint64_t study_seed = 0;
  std::shared_ptr<const StudySpec> spec;
  std::shared_ptr<const Checkpoint> resume = nullptr;  // FindResume().
};

// What a client asks for.
struct Ask {
  StudyId study;
  std::string client_id;
  int count = 1;         // To hold in total.
  absl::Duration wait;   // Up to this long for the first.
  absl::Duration lease;  // 0: never expires.
};

// What it gets.
struct Answer {
  std::vector<Handout> handouts;
  absl::Duration retry_after;  // If there are none: ask again then.
  std::string reason;          // Why there are none now.
};

// Hands out trials: to clients that ask, to workers that have a free slot;
// takes them back when their leases run out. The rules are in the write that
// hands out; nothing is given twice. Thread-safe.
class TrialDispatcher final : public StudyObserver {
  class HandOut;

 public:
  static constexpr int kMaxParked = 10'000;

  struct Parts {  // All must outlive the dispatcher.
    StudyRegistry& registry;
    Storage& storage;
    LeaseTable& leases;
    Timer& timer;
    const Clock& clock;
    int64_t max_parked = kMaxParked;  // Asks that wait; more are refused.
  };
  explicit TrialDispatcher(Parts parts);

  // Gives every attempt that runs according to the storage a fresh lease.
  absl::Status Load();

  // The client's own running trials first, then the queue, then proposals.
  // FailedPrecondition, OutOfRange, ResourceExhausted and NotFound as in
  // TrialService.Suggest. Returns a ticket for Cancel().
  using Done = absl::AnyInvocable<void(absl::StatusOr<Answer>)>;
  int64_t Suggest(Ask ask, Done done);

  // Forgets an ask: nobody listens any more. It gets no trial from then on.
  void Cancel(int64_t ticket) ABSL_LOCKS_EXCLUDED(mutex_);

  // One trial of the study for a worker's process: `holder` has holder,
  // instance, by_worker and lease. An answer without a handout says why.
  void LeaseTo(StudyId study, Attempt holder, Done done);

  // Queues again what ran out. Call it a few times a second.
  void ExpireLeases();

  // Ends studies whose wall time is over. Call it once a second.
  void CheckDeadlines();

  // Hands out nothing while `why` is not empty: the disk is nearly full.
  void HoldBack(std::string why) ABSL_LOCKS_EXCLUDED(mutex_);

  // For a shutdown: hands out nothing more; asks that wait are answered with
  // Unavailable.
  void StopHandingOut() ABSL_LOCKS_EXCLUDED(mutex_);

  // Clients' asks that wait now.
  int64_t parked() const ABSL_LOCKS_EXCLUDED(mutex_);

  // A study's supply of proposals changed.
  void SupplyChanged(StudyId study);

  void Changed(const StudyChange& change) override;

 private:
  struct Call {
    Ask ask;
    Done done;
    int64_t ticket = 0;
    absl::Duration deadline;              // Since boot.
    std::atomic<bool> cancelled = false;  // Nobody listens any more.
  };
  using CallPtr = std::shared_ptr<Call>;

  // What the supply was when there was nothing to give.
  struct Awaited {
    SearchRunner::Supply supply = SearchRunner::Supply::kComputing;
    bool of_continuations = false;
    SearchRunner::Supply Of(const SearchRunner& runner) const {
      return of_continuations ? runner.continuations() : runner.supply();
    }
  };

  // What a write gave: handed out, or why not.
  struct Outcome {
    Answer answer;
    absl::Status verdict;  // Not OK: nothing can ever come, or not now at all.
    std::vector<int64_t> serials;
    std::optional<Awaited> awaits;  // Another supply may change the answer.
  };

  void Try(CallPtr call);
  void Finish(const CallPtr& call, absl::StatusOr<Answer> answer)
      ABSL_LOCKS_EXCLUDED(mutex_);
  void Park(CallPtr call, std::optional<Awaited> awaits)
      ABSL_LOCKS_EXCLUDED(mutex_);
  void WakeOne(StudyId study) ABSL_LOCKS_EXCLUDED(mutex_);
  void GiveUp(StudyId study, int64_t ticket) ABSL_LOCKS_EXCLUDED(mutex_);

  using OutcomeDone = absl::AnyInvocable<void(absl::StatusOr<Outcome>)>;
  // `call`: who asks; nullptr: a worker.
  void Write(StudyId study, Attempt holder, int count, CallPtr call,
             OutcomeDone done);

  Parts parts_;

  std::string HeldBack() const ABSL_LOCKS_EXCLUDED(mutex_);

  mutable Mutex mutex_;
  std::string held_back_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  absl::flat_hash_map<StudyId, std::list<CallPtr>> parked_
      ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<int64_t, StudyId> tickets_ ABSL_GUARDED_BY(mutex_);
  // Every call that is not answered yet, parked or not.
  absl::flat_hash_map<int64_t, std::weak_ptr<Call>> calls_
      ABSL_GUARDED_BY(mutex_);
  int64_t next_ticket_ ABSL_GUARDED_BY(mutex_) = 1;
};

}  // namespace assay
