#pragma once

#include "absl/status/statusor.h"
#include "search/checkpoint.h"
#include "search/earlier_study.h"
#include "search/study.h"
#include "search/trial.h"
#include "storage/sqlite/statement.h"
#include "storage/storage.h"

namespace assay {

// Column lists, and what binds and reads them: all three in one order. What is
// fixed when a row is created stands apart from what an update writes.

#define ASSAY_STUDY_FIXED "owner, name, seed, created"
#define ASSAY_STUDY_CHANGING                                           \
  "state, completion, reason, spec_revision, trials, configurations, " \
  "pending, running, completed, stopped, failed, infeasible, "         \
  "measurements, steps, training_seconds, first_lease, paused_since, " \
  "paused_seconds, completed_time, hidden, revision, changed_revision"
#define ASSAY_STUDY_COLUMNS "id, " ASSAY_STUDY_FIXED ", " ASSAY_STUDY_CHANGING

void BindFixed(Statement& statement, const Study& study);
void BindChanging(Statement& statement, const Study& study);
Study ReadStudy(Statement& statement);

#define ASSAY_TRIAL_FIXED "study, number, parameters, created, created_revision"
#define ASSAY_TRIAL_CHANGING                                              \
  "state, from_step, to_step, continues, retry_of, replicate, strategy, " \
  "why, ordinal, seen_revision, batch_index, spec_revision, note, "       \
  "attempts, failed_attempts, lost_attempts, reason, final_metrics, "     \
  "last_step, hidden, started, ended, ended_revision, revision"
#define ASSAY_TRIAL_COLUMNS "id, " ASSAY_TRIAL_FIXED ", " ASSAY_TRIAL_CHANGING

// The texts are the trial's, encoded; they outlive the statement.
void BindFixed(Statement& statement, const Trial& trial,
               const std::string& parameters);
void BindChanging(Statement& statement, const Trial& trial,
                  const std::string& final_metrics);
absl::StatusOr<Trial> ReadTrial(Statement& statement);

#define ASSAY_ATTEMPT_KEY "trial, number"
#define ASSAY_ATTEMPT_CHANGING                                     \
  "holder, instance, by_worker, started, ended, outcome, reason, " \
  "stop_reason, training_seconds, finish, lease, slot, gpu"
#define ASSAY_ATTEMPT_COLUMNS ASSAY_ATTEMPT_KEY ", " ASSAY_ATTEMPT_CHANGING

void BindKey(Statement& statement, const Attempt& attempt);
void BindChanging(Statement& statement, const Attempt& attempt);
Attempt ReadAttempt(Statement& statement);

#define ASSAY_MEASUREMENT_COLUMNS                         \
  "sequence, step, elapsed_seconds, metrics, gradients, " \
  "gradient_deviations, instance, revision, time"

// The maps of a measurement as JSON. Empty: none.
struct EncodedMeasurement {
  std::string metrics;
  std::string gradients;
  std::string gradient_deviations;
};

void BindMeasurement(Statement& statement, const Measurement& measurement,
                     const EncodedMeasurement& encoded);
absl::StatusOr<Measurement> ReadMeasurement(Statement& statement);

#define ASSAY_SPEC_COLUMNS "number, spec, author, time"

void BindSpec(Statement& statement, const SpecRevision& spec);
SpecRevision ReadSpec(Statement& statement);

#define ASSAY_EARLIER_STUDY_COLUMNS \
  "source, name, revision, trust, ended, used, unused"

// `unused` is the study's, encoded; it outlives the statement.
void BindEarlierStudy(Statement& statement, const EarlierStudy& earlier,
                      const std::string& unused);
absl::StatusOr<EarlierStudy> ReadEarlierStudy(Statement& statement);

#define ASSAY_EARLIER_TRIAL_COLUMNS \
  "number, state, parameters, final_metrics, last_step"

void BindEarlierTrial(Statement& statement, const Trial& trial,
                      const std::string& parameters,
                      const std::string& final_metrics);
absl::StatusOr<Trial> ReadEarlierTrial(Statement& statement);

#define ASSAY_CHECKPOINT_COLUMNS \
  "study, trial, attempt, step, created, files, bytes, unneeded_since"

void BindCheckpoint(Statement& statement, const Checkpoint& checkpoint);
// After its id; without the manifest.
Checkpoint ReadCheckpoint(Statement& statement);

#define ASSAY_REQUEST_COLUMNS "method, fingerprint, response, time"

void BindRequest(Statement& statement, const RequestRecord& record);
RequestRecord ReadRequest(Statement& statement);

}  // namespace assay
