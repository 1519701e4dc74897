#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "search/base/clock.h"
#include "search/base/mutex.h"
#include "search/factory.h"
#include "search/study.h"
#include "server/change_feed.h"
#include "server/lease_table.h"
#include "server/search_runner.h"
#include "server/study_transaction.h"
#include "storage/storage.h"

namespace assay {

// A study together with the version of its spec that is in force.
struct StudyView {
  Study study;
  std::shared_ptr<const StudySpec> spec;
  std::string spec_text;  // As stored: with later edits, without the seed.
  std::vector<EarlierStudy> earlier;  // Without their trials.
};

// The fields of a study that may be edited. nullopt: stays.
struct StudyEdit {
  std::optional<Budget> budget;
  std::optional<int32_t> priority;
  std::optional<std::string> note;
};

// How specs are kept in the storage: an opaque text there, a message outside.
class SpecCodec {
 public:
  virtual ~SpecCodec() = default;
  virtual absl::StatusOr<StudySpec> Decode(const std::string& text) const = 0;
  virtual std::string Edit(const std::string& text,
                           const StudyEdit& edit) const = 0;
};

// Follows every committed change of a study, on the writer thread. Quick.
class StudyObserver {
 public:
  virtual ~StudyObserver() = default;
  virtual void Changed(const StudyChange& change) = 0;
};

// The studies: creates, finds and changes them; owns their search runners. The
// rows are the truth; what is kept in memory are immutable specs and hints.
// Thread-safe. Results come on the writer thread or, if wrong at once, from the
// caller's.
class StudyRegistry {
 public:
  using Done = absl::AnyInvocable<void(absl::StatusOr<StudyView>)>;
  using Body = absl::AnyInvocable<absl::Status(StudyTransaction&)>;

  struct Parts {  // All must outlive the registry.
    Storage& storage;
    const Clock& clock;
    Executor& pool;
    Executor& search_pool;  // For what may take long.
    Timer& timer;
    const SpecCodec& codec;
    ChangeFeed& feed;
    LeaseTable& leases;
    SearchRunner::StrategyMaker make_strategy = MakeSearchStrategy;
  };
  explicit StudyRegistry(Parts parts);

  // Called for each change from then on. Before the first one.
  void AddObserver(StudyObserver& observer) { observers_.push_back(&observer); }

  // Called from the pool when a study's supply of proposals changed. Before the
  // first study.
  void OnSupplyChanged(std::function<void(StudyId)> callback) {
    supply_changed_ = std::move(callback);
  }

  // Reads the studies that are not over, so that work goes on after a restart.
  absl::Status Load();

  // Creates the study, or returns the one of the same owner and name if its
  // spec as first submitted is equal to `spec_text`; AlreadyExists otherwise.
  // A new one is given copies of the trials of its `warm_start` in the same
  // write: NotFound, InvalidArgument, naming the entry, if one cannot be had.
  // `seed`: nullopt draws one.
  void Create(StudySpec spec, std::string spec_text,
              std::optional<uint64_t> seed, Done done);

  // By id in digits, "owner/name", or "name" of the owner "local".
  // InvalidArgument, NotFound.
  absl::StatusOr<StudyId> Resolve(const std::string& reference);

  absl::StatusOr<StudyView> Get(StudyId id);
  // By rising id after `after`.
  absl::StatusOr<std::vector<StudyView>> List(StudyId after, int limit);

  void Update(StudyId id, StudyEdit edit, std::string author,
              std::string request_id, std::string fingerprint, Done done);
  void Pause(StudyId id, Done done);
  void Resume(StudyId id, Done done);
  void Stop(StudyId id, Done done);
  void Delete(StudyId id, Done done);

  // Runs `body` on the study in one write, saves its row, and after the commit
  // tells everybody who follows it; then calls `done`. NotFound if it is not
  // there or deleted.
  void Change(StudyId id, Body body,
              absl::AnyInvocable<void(absl::Status)> done, size_t bytes = 1024);

  // The same for the study of a trial, also of a deleted study: what its trials
  // report until they end is taken.
  using TrialBody = absl::AnyInvocable<absl::Status(StudyTransaction&, Trial&)>;
  void ChangeByTrial(TrialId id, TrialBody body,
                     absl::AnyInvocable<void(absl::Status)> done,
                     size_t bytes = 1024);

  // The runner of a study, made on first use. NotFound. It searches by the spec
  // as first submitted: what is edited later changes what is handed out, never
  // what is proposed, so that a new process makes the same of the log.
  absl::StatusOr<std::shared_ptr<SearchRunner>> Runner(StudyId id)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // nullptr if it has not been needed yet, or the study is over.
  std::shared_ptr<SearchRunner> RunnerIfAny(StudyId id) const
      ABSL_LOCKS_EXCLUDED(mutex_);

  // As of the last commit: hints. nullopt and nullptr if nothing is known yet.
  std::optional<StudyState> KnownState(StudyId id) const
      ABSL_LOCKS_EXCLUDED(mutex_);
  std::shared_ptr<const StudySpec> KnownSpec(StudyId id) const
      ABSL_LOCKS_EXCLUDED(mutex_);

  // The spec in force. Reads it on first use.
  absl::StatusOr<std::shared_ptr<const StudySpec>> Spec(Snapshot& rows,
                                                        const Study& study)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // What is known of studies that hand out trials to workers: hints, as of the
  // last commit.
  struct Candidate {
    StudyId id;
    std::shared_ptr<const StudySpec> spec;
    bool has_pending = false;
  };
  std::vector<Candidate> Candidates() const ABSL_LOCKS_EXCLUDED(mutex_);

  // True if it has a schedule and nothing runs: a hint, as of the last commit.
  bool MayEndByItsSchedule(StudyId id) const ABSL_LOCKS_EXCLUDED(mutex_);

  // Studies with a limit on wall time, which has to be looked at now and then.
  std::vector<StudyId> ActiveWithDeadline() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Entry {
    std::shared_ptr<const StudySpec> spec;  // In force.
    int64_t spec_revision = 0;
    Study study;  // As of the last commit: a hint.
    std::shared_ptr<SearchRunner> runner;
  };

  absl::Time Now() const;
  absl::StatusOr<StudyChange> RunOn(Transaction& rows, Study study, Body& body);
  void Publish(const StudyChange& change) ABSL_LOCKS_EXCLUDED(mutex_);
  void Note(const Study& study, std::shared_ptr<const StudySpec> spec)
      ABSL_LOCKS_EXCLUDED(mutex_);
  std::shared_ptr<SearchRunner> NoteAndRetire(
      const Study& study, std::shared_ptr<const StudySpec> spec)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Changes the study, then answers with it.
  void ChangeAndView(StudyId id, Body body, Done done);
  absl::StatusOr<StudyView> View(Snapshot& rows, Study study);
  absl::StatusOr<std::shared_ptr<const StudySpec>> FirstSpec(Study study)
      ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<StudyView> CreateIn(Transaction& rows, StudySpec spec,
                                     const std::string& spec_text,
                                     std::optional<uint64_t> seed);
  absl::StatusOr<std::vector<EarlierStudy>> CopyEarlier(Snapshot& rows,
                                                        const StudySpec& spec);

  const Parts parts_;
  std::vector<StudyObserver*> observers_;
  std::function<void(StudyId)> supply_changed_ = [](StudyId) {};

  mutable Mutex mutex_;
  absl::flat_hash_map<StudyId, Entry> entries_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<std::pair<std::string, std::string>, StudyId> by_name_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace assay
