#pragma once

#include <cstdint>
#include <map>
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
#include "server/executor.h"
#include "server/lease_table.h"
#include "server/study_registry.h"
#include "server/timer.h"
#include "server/trial_dispatcher.h"

namespace assay {

struct WorkerGpu {
  int32_t index = 0;
  std::string name;
  int64_t memory_bytes = 0;
};

// What a worker runs: in which slot each, from 1; 0: in none yet, or not told.
using HeldAttempts = std::map<Token, int32_t>;

// What a worker says of itself when it connects.
struct WorkerHello {
  std::string name;
  std::string instance;  // Drawn when its process started.
  int32_t slots = 1;
  std::vector<WorkerGpu> gpus;  // One a slot, from the first slot on.
  std::vector<std::string> runners;
  bool any_command = false;
  bool builtin = false;
  std::string version;
  HeldAttempts held;
  bool draining = false;
};

// "3: NVIDIA H100", index and name; empty if the slot has none, or is 0.
std::string GpuOf(const WorkerHello& hello, int32_t slot);

// What becomes of an attempt that a connecting worker holds.
struct WorkerVerdict {
  Token token;
  bool go_on = false;
  int32_t new_attempt = 0;  // Non-zero: report under this number.
  std::string reason;
};

// The stream to one worker. Thread-safe; no call blocks.
class WorkerSession {
 public:
  virtual ~WorkerSession() = default;
  virtual void Welcome(absl::Duration lease,
                       const std::vector<WorkerVerdict>& verdicts) = 0;
  virtual void Assign(const Handout& handout) = 0;
  // `kill`: the attempt is the worker's no more.
  virtual void StopAttempt(Token token, const std::string& reason,
                           bool kill) = 0;
  virtual void Drain(bool draining) = 0;
  virtual void Close(absl::Status status) = 0;
};

// A worker as people see it.
struct WorkerView {
  WorkerHello hello;
  int32_t busy = 0;  // Slots.
  bool connected = false;
  bool draining = false;
  absl::Time last_seen;
  HeldAttempts held;
};

// Why no worker takes a trial of a study now.
enum class Shortage {
  kNone,        // One could.
  kNoWorker,    // None is connected.
  kNotOffered,  // None has what the study wants.
  kDraining,    // Each that has takes nothing new.
  kBusy,        // Each that has is full.
};

// "no_worker", as a label; empty for kNone.
std::string ToText(Shortage shortage);

// The workers that are connected, what they run, and which study gets the next
// free slot: the owner with the fewest running trials, then the highest
// priority, then the study with the fewest. Thread-safe.
class WorkerRegistry final : public StudyObserver {
 public:
  // Known by name. Where names are made up for each start, those that left are
  // forgotten to make room.
  static constexpr int kMaxWorkers = 10'000;

  struct Parts {  // All must outlive the registry.
    StudyRegistry& registry;
    TrialDispatcher& dispatcher;
    Storage& storage;
    LeaseTable& leases;
    const Clock& clock;
    Executor& pool;
    Timer& timer;
    absl::Duration lease;  // Of a worker's attempts.
  };
  explicit WorkerRegistry(Parts parts);

  // A newer stream of the same instance replaces the older one; AlreadyExists
  // if another instance of the name is connected; ResourceExhausted. After the
  // verdicts Welcome() is called, then assignments follow.
  absl::Status Connect(std::shared_ptr<WorkerSession> session,
                       WorkerHello hello) ABSL_LOCKS_EXCLUDED(mutex_);

  // The stream broke. Nothing is queued again for that alone.
  void Disconnect(const WorkerSession* session) ABSL_LOCKS_EXCLUDED(mutex_);

  // Ends the streams that were silent for a lease: the process sleeps, or the
  // network is gone and nobody said so. Such a worker would only lose what it
  // is given; if it wakes it connects again and hears what became of its
  // trials. Call it before the leases themselves are looked at.
  void CloseSilent() ABSL_LOCKS_EXCLUDED(mutex_);

  // Renews the leases of what the worker runs; what is not its own any more is
  // killed. Where an attempt runs is written when it is told first.
  void Heartbeat(const WorkerSession* session, const HeldAttempts& held)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // The worker says that it takes nothing new, or does again.
  void SetDraining(const WorkerSession* session, bool draining)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // A person says so. NotFound.
  absl::StatusOr<WorkerView> Drain(const std::string& name, bool draining)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // Seen since the start, by name.
  std::vector<WorkerView> List() const ABSL_LOCKS_EXCLUDED(mutex_);

  struct Totals {
    int64_t workers = 0;  // Connected.
    int64_t slots = 0;
    int64_t busy = 0;
  };
  Totals totals() const ABSL_LOCKS_EXCLUDED(mutex_);

  // kNone for a study whose clients train.
  Shortage ShortageFor(const StudySpec& spec) const ABSL_LOCKS_EXCLUDED(mutex_);
  // The same for people; empty for kNone.
  std::string WhyWaiting(const StudySpec& spec) const
      ABSL_LOCKS_EXCLUDED(mutex_);

  // Free slots and studies are matched soon, in the background.
  void Match() ABSL_LOCKS_EXCLUDED(mutex_);
  // The same, and studies that had nothing to hand out are asked again: what
  // held all of them back is over.
  void MatchAnew() ABSL_LOCKS_EXCLUDED(mutex_);
  void SupplyChanged(StudyId study) ABSL_LOCKS_EXCLUDED(mutex_);

  void Changed(const StudyChange& change) override;

 private:
  // What an attempt has of its worker.
  struct Place {
    int32_t slots = 1;  // So many.
    int32_t slot = 0;   // As told, and in its row or on the way there.
  };
  struct Entry {
    std::shared_ptr<WorkerSession> session;  // nullptr: not connected.
    WorkerHello hello;
    bool ready = false;  // Welcomed.
    bool draining = false;
    // What a person asked for and the worker has not repeated yet.
    std::optional<bool> asked_to_drain;
    absl::Time last_seen;  // For people.
    absl::Duration heard;  // The same since boot.
    std::map<Token, Place> held;
    std::vector<Handout> early;  // To be sent after the welcome.
    int32_t reserved = 0;        // Slots of leases that are being written.
  };
  // How the matching of a study stands.
  struct Line {
    int64_t events = 0;       // Changes seen.
    int64_t idle_since = -1;  // `events` when there was nothing to hand out.
    bool in_flight = false;
    bool resting = false;  // After trouble, until it is tried again.
  };
  struct Choice {
    StudyRegistry::Candidate study;
    std::string worker;
    Attempt holder;
    int32_t slots = 0;
    int64_t events = 0;
  };

  static int32_t Busy(const Entry& entry);
  static int32_t SlotsOf(const StudySpec& spec);
  static bool Offers(const WorkerHello& hello, const StudySpec& spec);
  bool HasRoom(const Entry& entry, const StudySpec& spec) const;
  Entry* FindSession(const WorkerSession* session)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The one that left longest ago. False if all are connected.
  bool ForgetOne() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Hear(Entry& entry) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Those of `held` whose slot is news. From now on it is none.
  HeldAttempts TakeNewSlots(Entry& entry, const HeldAttempts& held)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void WriteSlot(const std::string& worker, Token token, int32_t slot,
                 std::string gpu);
  // It could not be written: the next heartbeat tells it again.
  void ForgetSlot(const std::string& worker, Token token)
      ABSL_LOCKS_EXCLUDED(mutex_);

  void MatchNow() ABSL_LOCKS_EXCLUDED(mutex_);
  absl::flat_hash_map<std::string, int64_t> LeasingByOwner(
      const std::vector<StudyRegistry::Candidate>& candidates) const
      ABSL_LOCKS_EXCLUDED(mutex_);
  std::vector<StudyRegistry::Candidate> InOrder() const
      ABSL_LOCKS_EXCLUDED(mutex_);
  std::optional<Choice> Choose() ABSL_LOCKS_EXCLUDED(mutex_);
  void Lease(Choice choice);
  void Leased(const Choice& choice, absl::StatusOr<Answer> answer)
      ABSL_LOCKS_EXCLUDED(mutex_);
  void Rested(StudyId study) ABSL_LOCKS_EXCLUDED(mutex_);

  struct Greeting;
  void Greet(std::shared_ptr<Greeting> greeting);
  void Judge(std::shared_ptr<Greeting> greeting, Token token, int32_t slot);
  void Judged(const std::shared_ptr<Greeting>& greeting, WorkerVerdict verdict);
  void FinishGreeting(const std::shared_ptr<Greeting>& greeting)
      ABSL_LOCKS_EXCLUDED(mutex_);

  const Parts parts_;
  Strand strand_;

  mutable Mutex mutex_;
  std::map<std::string, Entry> workers_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<StudyId, Line> lines_ ABSL_GUARDED_BY(mutex_);
  bool matching_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace assay
