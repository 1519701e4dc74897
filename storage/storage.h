#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "search/checkpoint.h"
#include "search/earlier_study.h"
#include "search/id.h"
#include "search/study.h"
#include "search/trial.h"

namespace assay {

// One version of a study's spec. `spec` is opaque here.
struct SpecRevision {
  int64_t number = 1;  // From 1, without gaps.
  std::string spec;
  std::string author;
  absl::Time time;
};

// Which trials of a study. By rising number, hidden ones left out.
struct TrialQuery {
  int64_t after_number = -1;
  int limit = 1000;
  std::vector<TrialState> states;  // Empty: each.
};

// What changed in a study after some revision, by rising revision.
struct Changes {
  // The study row itself changed (state, spec), or counts did.
  std::optional<Study> study;
  std::vector<Trial> trials;              // Each as it is now.
  std::vector<Measurement> measurements;  // Parallel to the next two.
  std::vector<TrialId> measurement_trials;
  std::vector<int32_t> measurement_attempts;
  int64_t through = 0;  // Everything up to this revision is in here.
};

struct LogPiece {
  int64_t offset = 0;  // Of its first byte in the attempt's output.
  std::string bytes;
};

struct Attribute {
  std::string ns;  // "user", "system", "optuna", ...
  std::string key;
  std::string value;
};

// The stored answer of a request that carried an id.
struct RequestRecord {
  std::string method;
  std::string fingerprint;  // Of the request's content.
  std::string response;
  absl::Time time;
};

// What a read sees: one consistent moment. Valid only inside the callback.
// A getter returns NotFound, naming the id, for what is not there; a find
// returns nullopt.
class Snapshot {
 public:
  virtual ~Snapshot() = default;

  virtual absl::StatusOr<Study> GetStudy(StudyId id) = 0;
  // Hidden studies are not found.
  virtual absl::StatusOr<std::optional<Study>> FindStudy(
      const std::string& owner, const std::string& name) = 0;
  // By rising id; hidden ones left out.
  virtual absl::StatusOr<std::vector<Study>> ListStudies(StudyId after,
                                                         int limit) = 0;
  virtual absl::StatusOr<SpecRevision> GetSpec(StudyId id, int64_t number) = 0;

  virtual absl::StatusOr<Trial> GetTrial(TrialId id) = 0;
  virtual absl::StatusOr<std::optional<Trial>> FindTrial(StudyId study,
                                                         int64_t number) = 0;
  virtual absl::StatusOr<std::vector<Trial>> ListTrials(
      StudyId study, const TrialQuery& query) = 0;
  // PENDING and RUNNING, by rising number. Costs their number, not the study's.
  virtual absl::StatusOr<std::vector<Trial>> ListUnfinished(StudyId study) = 0;
  // The PENDING trial that is handed out next: the oldest.
  virtual absl::StatusOr<std::optional<Trial>> FirstPending(StudyId study) = 0;
  // Finished trials in the order in which they ended, after that revision.
  virtual absl::StatusOr<std::vector<Trial>> ListEnded(StudyId study,
                                                       int64_t after_revision,
                                                       int limit) = 0;
  // The same, the last `limit` of them, newest first; hidden ones left out.
  virtual absl::StatusOr<std::vector<Trial>> ListNewestEnded(StudyId study,
                                                             int limit) = 0;
  // COMPLETED trials (STOPPED ones if none is) whose to_step is at least that,
  // by the value of their first objective, best first; the lower number first
  // among equals.
  virtual absl::StatusOr<std::vector<Trial>> ListBest(StudyId study, Goal goal,
                                                      int64_t least_to_step,
                                                      int limit) = 0;

  virtual absl::StatusOr<Attempt> GetAttempt(TrialId trial, int32_t number) = 0;
  virtual absl::StatusOr<std::vector<Attempt>> ListAttempts(TrialId trial) = 0;
  // Attempts that run now, of every study; by trial id.
  virtual absl::StatusOr<std::vector<Attempt>> ListRunningAttempts() = 0;
  // Attempts that run now in the study and are held by a client; by trial id.
  virtual absl::StatusOr<std::vector<Attempt>> ListRunningAttempts(
      StudyId study, const std::string& holder) = 0;

  virtual absl::StatusOr<std::optional<Measurement>> FindMeasurement(
      TrialId trial, int32_t attempt, int64_t sequence) = 0;
  // 0 if there is none.
  virtual absl::StatusOr<int64_t> LastSequence(TrialId trial,
                                               int32_t attempt) = 0;
  // The one with the highest sequence.
  virtual absl::StatusOr<std::optional<Measurement>> LastMeasurement(
      TrialId trial, int32_t attempt) = 0;
  // By rising sequence.
  virtual absl::StatusOr<std::vector<Measurement>> ListMeasurements(
      TrialId trial, int32_t attempt, int64_t after_sequence, int limit) = 0;

  // What the study was given of others, in the order it was inserted; with
  // `trials` only by the second.
  virtual absl::StatusOr<std::vector<EarlierStudy>> ListEarlier(
      StudyId study) = 0;
  virtual absl::StatusOr<std::vector<EarlierStudy>> ListEarlierWithTrials(
      StudyId study) = 0;

  virtual absl::StatusOr<Changes> ChangesAfter(StudyId study, int64_t revision,
                                               int limit) = 0;

  // Pieces that hold bytes from `offset` on, by rising offset.
  virtual absl::StatusOr<std::vector<LogPiece>> ReadLog(TrialId trial,
                                                        int32_t attempt,
                                                        int64_t offset,
                                                        int limit) = 0;
  virtual absl::StatusOr<std::optional<LogPiece>> FindLogPiece(
      TrialId trial, int32_t attempt, int64_t offset) = 0;

  // `trial` 0: of the study itself. By namespace, then key.
  virtual absl::StatusOr<std::vector<Attribute>> ListAttributes(
      StudyId study, TrialId trial) = 0;

  virtual absl::StatusOr<std::optional<RequestRecord>> FindRequest(
      const std::string& owner, const std::string& request_id) = 0;

  // Trials that continue this one, by rising id.
  virtual absl::StatusOr<std::vector<Trial>> ListContinuing(TrialId trial) = 0;
  // Trials of the study that continue any and have this ordinal, by rising id
  // after `after`.
  virtual absl::StatusOr<std::vector<Trial>> ListContinuations(
      StudyId study, int64_t ordinal, TrialId after) = 0;

  virtual absl::StatusOr<Checkpoint> GetCheckpoint(CheckpointId id) = 0;
  // The one that was inserted last.
  virtual absl::StatusOr<std::optional<Checkpoint>> NewestCheckpoint(
      TrialId trial) = 0;
  // The same of this attempt: step and manifest.
  virtual absl::StatusOr<std::optional<Checkpoint>> FindCheckpoint(
      const Checkpoint& like) = 0;
  // By rising id after `after`, without manifests. `trial` 0: of the whole
  // study; `study` 0 as well: all there are.
  virtual absl::StatusOr<std::vector<Checkpoint>> ListCheckpoints(
      StudyId study, TrialId trial, CheckpointId after, int limit) = 0;
  // Whether a checkpoint of any study has this chunk.
  virtual absl::StatusOr<bool> IsChunkNamed(const std::string& hash) = 0;
  // What the study's checkpoints take, each chunk counted once. Study 0: the
  // sum over the studies.
  virtual absl::StatusOr<int64_t> CheckpointBytes(StudyId study) = 0;
  // What a checkpoint with this manifest would add to that.
  virtual absl::StatusOr<int64_t> CheckpointBytesNewTo(
      StudyId study, const Manifest& manifest) = 0;
};

// What a write sees: as a read, with its own changes so far. Rows are stored as
// they are given; who keeps counts, numbers and revisions right is
// server/study_transaction.h.
class Transaction : public Snapshot {
 public:
  // Ids inside the values are ignored; the new one is returned. AlreadyExists
  // if owner and name are taken.
  virtual absl::StatusOr<StudyId> InsertStudy(const Study& study) = 0;
  virtual absl::Status UpdateStudy(const Study& study) = 0;
  // Only what a report changes: counts.measurements, counts.steps, revision.
  virtual absl::Status UpdateProgress(const Study& study) = 0;
  virtual absl::Status InsertSpec(StudyId study, const SpecRevision& spec) = 0;

  // `place`: from 0, without gaps. Never changed afterwards.
  virtual absl::Status InsertEarlier(StudyId study, int32_t place,
                                     const EarlierStudy& earlier) = 0;

  // `objective`: the value of the first objective, for ListBest(); nullopt if
  // there is none or it is NaN.
  virtual absl::StatusOr<TrialId> InsertTrial(const Trial& trial) = 0;
  // Study, number, parameters, creation time and created_revision stay as they
  // were inserted.
  virtual absl::Status UpdateTrial(const Trial& trial,
                                   std::optional<double> objective) = 0;

  // Only `last_step`: what each report changes. No new revision of the trial.
  virtual absl::Status UpdateLastStep(TrialId trial, int64_t last_step) = 0;

  virtual absl::Status InsertAttempt(const Attempt& attempt, StudyId study) = 0;
  virtual absl::Status UpdateAttempt(const Attempt& attempt) = 0;

  // AlreadyExists if (trial, attempt, sequence) is there.
  virtual absl::Status InsertMeasurement(StudyId study, TrialId trial,
                                         int32_t attempt,
                                         const Measurement& measurement) = 0;

  // Keeps the last `keep_bytes` of the attempt's log, whole pieces.
  virtual absl::Status AppendLog(TrialId trial, int32_t attempt,
                                 const LogPiece& piece, int64_t keep_bytes) = 0;

  virtual absl::Status SetAttribute(StudyId study, TrialId trial,
                                    const Attribute& attribute) = 0;

  virtual absl::Status InsertRequest(const std::string& owner,
                                     const std::string& request_id,
                                     const RequestRecord& record) = 0;
  virtual absl::Status DeleteRequestsBefore(absl::Time time) = 0;

  // AlreadyExists if FindCheckpoint() finds it.
  virtual absl::StatusOr<CheckpointId> InsertCheckpoint(
      const Checkpoint& checkpoint) = 0;
  virtual absl::Status SetUnneeded(CheckpointId id,
                                   std::optional<absl::Time> since) = 0;
  // Gives the hashes that no checkpoint names any more.
  virtual absl::StatusOr<std::vector<std::string>> DeleteCheckpoint(
      CheckpointId id) = 0;
};

// Figures for /metrics and the flow of new work.
struct StorageStats {
  int64_t commits = 0;
  int64_t failed_commits = 0;
  int64_t writes = 0;         // Bodies run: writes / commits is the group size.
  double commit_seconds = 0;  // Sum over commits.
  int64_t queued_bytes = 0;
  int64_t database_bytes = 0;
  int64_t wal_bytes = 0;
};

// Keeps studies and trials. Thread-safe.
class Storage {
 public:
  using Body = absl::AnyInvocable<absl::Status(Transaction&)>;
  using Done = absl::AnyInvocable<void(absl::Status)>;

  virtual ~Storage() = default;

  // Runs `body` on the writer thread, alone, as one atomic change; if it
  // returns an error nothing it did is kept. Calls `done` from the same
  // thread, with OK only once the change would survive a power cut, with the
  // body's own error, or: ResourceExhausted (the queue is full: nothing was
  // run; called from this thread), Unavailable (disk full: rolled back, goes on
  // by itself when there is room; or an I/O error: no writes until a restart).
  // Writes run in the order of the calls. Neither callback may block. `body`
  // runs once. `bytes`: about what it holds in memory while it waits.
  virtual void Write(Body body, Done done, size_t bytes = 1024) = 0;

  // Runs `body` on this thread, beside any write, on one consistent moment.
  // Keep it short: pages, not whole studies.
  virtual absl::Status Read(
      absl::FunctionRef<absl::Status(Snapshot&)> body) = 0;

  // OK, or why no write can succeed until a restart.
  virtual absl::Status Health() const = 0;
  virtual StorageStats Stats() const = 0;

  // Called from the writer thread after each commit with its duration and the
  // number of writes in it. Set once, before the first write.
  using CommitObserver =
      absl::AnyInvocable<void(absl::Duration duration, int writes)>;
  virtual void SetCommitObserver(CommitObserver observer) = 0;

  // A consistent copy as one file at `path`, which must not exist yet. Beside
  // any write.
  virtual absl::Status Backup(const std::string& path) = 0;

  // What is wrong with the stored data, a line each: SQLite's own checks and
  // the invariants of the model. Empty: nothing.
  virtual absl::StatusOr<std::vector<std::string>> Check() = 0;
};

}  // namespace assay
