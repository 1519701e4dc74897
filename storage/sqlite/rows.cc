#include "storage/sqlite/rows.h"

#include <utility>

#include "search/base/status_macros.h"
#include "storage/sqlite/json.h"

namespace assay {
namespace {

template <class Enum>
int64_t ToInt(Enum value) {
  return static_cast<int64_t>(value);
}

void BindTextOrNull(Statement& statement, const std::string& text) {
  if (text.empty()) {
    statement.BindNull();
  } else {
    statement.BindText(text);
  }
}

void Bind(Statement& statement, const StudyCounts& counts) {
  statement.Bind(counts.trials);
  statement.Bind(counts.configurations);
  statement.Bind(counts.pending);
  statement.Bind(counts.running);
  statement.Bind(counts.completed);
  statement.Bind(counts.stopped);
  statement.Bind(counts.failed);
  statement.Bind(counts.infeasible);
  statement.Bind(counts.measurements);
  statement.Bind(counts.steps);
  statement.BindReal(counts.training_seconds);
}

StudyCounts ReadCounts(Statement& statement) {
  StudyCounts counts;
  counts.trials = statement.Int();
  counts.configurations = statement.Int();
  counts.pending = statement.Int();
  counts.running = statement.Int();
  counts.completed = statement.Int();
  counts.stopped = statement.Int();
  counts.failed = statement.Int();
  counts.infeasible = statement.Int();
  counts.measurements = statement.Int();
  counts.steps = statement.Int();
  counts.training_seconds = statement.Real();
  return counts;
}

void Bind(Statement& statement, const Origin& origin) {
  statement.BindText(origin.strategy);
  statement.BindText(origin.why);
  statement.Bind(origin.ordinal);
  statement.Bind(origin.seen_revision);
  statement.Bind(origin.batch_index);
}

Origin ReadOrigin(Statement& statement) {
  Origin origin;
  origin.strategy = statement.Text();
  origin.why = statement.Text();
  origin.ordinal = statement.Int();
  origin.seen_revision = statement.Int();
  origin.batch_index = statement.Int32();
  return origin;
}

}  // namespace

void BindFixed(Statement& statement, const Study& study) {
  statement.BindText(study.owner);
  statement.BindText(study.name);
  statement.Bind(static_cast<int64_t>(study.seed));
  statement.BindTime(study.created);
}

void BindChanging(Statement& statement, const Study& study) {
  statement.Bind(ToInt(study.state));
  statement.Bind(ToInt(study.completion));
  statement.BindText(study.reason);
  statement.Bind(study.spec_revision);
  Bind(statement, study.counts);
  statement.BindTime(study.first_lease);
  statement.BindTime(study.paused_since);
  statement.BindReal(study.paused_seconds);
  statement.BindTime(study.completed);
  statement.Bind(study.hidden);
  statement.Bind(study.revision);
  statement.Bind(study.changed_revision);
}

Study ReadStudy(Statement& statement) {
  Study study;
  study.id = StudyId{statement.Int()};
  study.owner = statement.Text();
  study.name = statement.Text();
  study.seed = static_cast<uint64_t>(statement.Int());
  study.created = statement.Time();
  study.state = static_cast<StudyState>(statement.Int());
  study.completion = static_cast<CompletionReason>(statement.Int());
  study.reason = statement.Text();
  study.spec_revision = statement.Int();
  study.counts = ReadCounts(statement);
  study.first_lease = statement.OptionalTime();
  study.paused_since = statement.OptionalTime();
  study.paused_seconds = statement.Real();
  study.completed = statement.OptionalTime();
  study.hidden = statement.Int() != 0;
  study.revision = statement.Int();
  study.changed_revision = statement.Int();
  return study;
}

void BindFixed(Statement& statement, const Trial& trial,
               const std::string& parameters) {
  statement.Bind(trial.study.value);
  statement.Bind(trial.number);
  statement.BindText(parameters);
  statement.BindTime(trial.created);
  statement.Bind(trial.created_revision);
}

void BindChanging(Statement& statement, const Trial& trial,
                  const std::string& final_metrics) {
  statement.Bind(ToInt(trial.state));
  statement.Bind(trial.from_step);
  statement.Bind(trial.to_step);
  statement.Bind(trial.continues.value);
  statement.Bind(trial.retry_of.value);
  statement.Bind(trial.replicate);
  Bind(statement, trial.origin);
  statement.Bind(trial.spec_revision);
  statement.BindText(trial.note);
  statement.Bind(trial.attempts);
  statement.Bind(trial.failed_attempts);
  statement.Bind(trial.lost_attempts);
  statement.BindText(trial.reason);
  statement.BindText(final_metrics);
  statement.Bind(trial.last_step);
  statement.Bind(trial.hidden);
  statement.BindTime(trial.started);
  statement.BindTime(trial.ended);
  statement.Bind(trial.ended_revision);
  statement.Bind(trial.revision);
}

absl::StatusOr<Trial> ReadTrial(Statement& statement) {
  Trial trial;
  trial.id = TrialId{statement.Int()};
  trial.study = StudyId{statement.Int()};
  trial.number = statement.Int();
  ASSAY_ASSIGN_OR_RETURN(trial.parameters,
                         DecodeParameters(statement.TextView()));
  trial.created = statement.Time();
  trial.created_revision = statement.Int();
  trial.state = static_cast<TrialState>(statement.Int());
  trial.from_step = statement.Int();
  trial.to_step = statement.Int();
  trial.continues = TrialId{statement.Int()};
  trial.retry_of = TrialId{statement.Int()};
  trial.replicate = statement.Int32();
  trial.origin = ReadOrigin(statement);
  trial.spec_revision = statement.Int();
  trial.note = statement.Text();
  trial.attempts = statement.Int32();
  trial.failed_attempts = statement.Int32();
  trial.lost_attempts = statement.Int32();
  trial.reason = statement.Text();
  ASSAY_ASSIGN_OR_RETURN(trial.final_metrics,
                         DecodeMetrics(statement.TextView()));
  trial.last_step = statement.Int();
  trial.hidden = statement.Int() != 0;
  trial.started = statement.OptionalTime();
  trial.ended = statement.OptionalTime();
  trial.ended_revision = statement.Int();
  trial.revision = statement.Int();
  return trial;
}

void BindKey(Statement& statement, const Attempt& attempt) {
  statement.Bind(attempt.trial.value);
  statement.Bind(attempt.number);
}

void BindChanging(Statement& statement, const Attempt& attempt) {
  statement.BindText(attempt.holder);
  statement.BindText(attempt.instance);
  statement.Bind(attempt.by_worker);
  statement.BindTime(attempt.started);
  statement.BindTime(attempt.ended);
  statement.Bind(ToInt(attempt.outcome));
  statement.BindText(attempt.reason);
  statement.BindText(attempt.stop_reason);
  statement.BindReal(attempt.training_seconds);
  statement.BindText(attempt.finish);
  statement.BindDuration(attempt.lease);
  statement.Bind(attempt.slot);
  statement.BindText(attempt.gpu);
}

Attempt ReadAttempt(Statement& statement) {
  Attempt attempt;
  attempt.trial = TrialId{statement.Int()};
  attempt.number = statement.Int32();
  attempt.holder = statement.Text();
  attempt.instance = statement.Text();
  attempt.by_worker = statement.Int() != 0;
  attempt.started = statement.Time();
  attempt.ended = statement.OptionalTime();
  attempt.outcome = static_cast<AttemptOutcome>(statement.Int());
  attempt.reason = statement.Text();
  attempt.stop_reason = statement.Text();
  attempt.training_seconds = statement.Real();
  attempt.finish = statement.Text();
  attempt.lease = statement.Duration();
  attempt.slot = statement.Int32();
  attempt.gpu = statement.Text();
  return attempt;
}

void BindMeasurement(Statement& statement, const Measurement& measurement,
                     const EncodedMeasurement& encoded) {
  statement.Bind(measurement.sequence);
  statement.Bind(measurement.step);
  statement.BindReal(measurement.elapsed_seconds);
  statement.BindText(encoded.metrics);
  BindTextOrNull(statement, encoded.gradients);
  BindTextOrNull(statement, encoded.gradient_deviations);
  if (measurement.instance.has_value()) {
    statement.Bind(*measurement.instance);
  } else {
    statement.BindNull();
  }
  statement.Bind(measurement.revision);
  statement.BindTime(measurement.time);
}

absl::StatusOr<Measurement> ReadMeasurement(Statement& statement) {
  Measurement measurement;
  measurement.sequence = statement.Int();
  measurement.step = statement.Int();
  measurement.elapsed_seconds = statement.Real();
  ASSAY_ASSIGN_OR_RETURN(measurement.metrics,
                         DecodeMetrics(statement.TextView()));
  if (absl::string_view gradients = statement.TextView(); !gradients.empty()) {
    ASSAY_ASSIGN_OR_RETURN(measurement.gradients, DecodeGradients(gradients));
  }
  if (absl::string_view text = statement.TextView(); !text.empty()) {
    ASSAY_ASSIGN_OR_RETURN(measurement.gradient_deviations,
                           DecodeGradients(text));
  }
  measurement.instance = statement.OptionalInt();
  measurement.revision = statement.Int();
  measurement.time = statement.Time();
  return measurement;
}

void BindSpec(Statement& statement, const SpecRevision& spec) {
  statement.Bind(spec.number);
  statement.BindBlob(spec.spec);
  statement.BindText(spec.author);
  statement.BindTime(spec.time);
}

SpecRevision ReadSpec(Statement& statement) {
  SpecRevision spec;
  spec.number = statement.Int();
  spec.spec = statement.Blob();
  spec.author = statement.Text();
  spec.time = statement.Time();
  return spec;
}

void BindEarlierStudy(Statement& statement, const EarlierStudy& earlier,
                      const std::string& unused) {
  statement.Bind(earlier.id.value);
  statement.BindText(earlier.name);
  statement.Bind(earlier.revision);
  statement.Bind(static_cast<int64_t>(earlier.trust));
  statement.Bind(earlier.ended);
  statement.Bind(earlier.used);
  statement.BindText(unused);
}

absl::StatusOr<EarlierStudy> ReadEarlierStudy(Statement& statement) {
  EarlierStudy earlier;
  earlier.id = {statement.Int()};
  earlier.name = statement.Text();
  earlier.revision = statement.Int();
  earlier.trust = static_cast<Trust>(statement.Int());
  earlier.ended = statement.Int();
  earlier.used = statement.Int();
  ASSAY_ASSIGN_OR_RETURN(earlier.unused, DecodeCounts(statement.TextView()));
  return earlier;
}

void BindEarlierTrial(Statement& statement, const Trial& trial,
                      const std::string& parameters,
                      const std::string& final_metrics) {
  statement.Bind(trial.number);
  statement.Bind(static_cast<int64_t>(trial.state));
  statement.BindText(parameters);
  statement.BindText(final_metrics);
  statement.Bind(trial.last_step);
}

absl::StatusOr<Trial> ReadEarlierTrial(Statement& statement) {
  Trial trial;
  trial.number = statement.Int();
  trial.state = static_cast<TrialState>(statement.Int());
  ASSAY_ASSIGN_OR_RETURN(trial.parameters,
                         DecodeParameters(statement.TextView()));
  ASSAY_ASSIGN_OR_RETURN(trial.final_metrics,
                         DecodeMetrics(statement.TextView()));
  trial.last_step = statement.Int();
  return trial;
}

void BindCheckpoint(Statement& statement, const Checkpoint& checkpoint) {
  statement.Bind(checkpoint.study.value);
  statement.Bind(checkpoint.trial.value);
  statement.Bind(checkpoint.attempt);
  statement.Bind(checkpoint.step);
  statement.BindTime(checkpoint.created);
  statement.Bind(checkpoint.files);
  statement.Bind(checkpoint.bytes);
  statement.BindTime(checkpoint.unneeded_since);
}

Checkpoint ReadCheckpoint(Statement& statement) {
  Checkpoint checkpoint;
  checkpoint.id = CheckpointId{statement.Int()};
  checkpoint.study = StudyId{statement.Int()};
  checkpoint.trial = TrialId{statement.Int()};
  checkpoint.attempt = statement.Int32();
  checkpoint.step = statement.Int();
  checkpoint.created = statement.Time();
  checkpoint.files = statement.Int();
  checkpoint.bytes = statement.Int();
  checkpoint.unneeded_since = statement.OptionalTime();
  return checkpoint;
}

void BindRequest(Statement& statement, const RequestRecord& record) {
  statement.BindText(record.method);
  statement.BindBlob(record.fingerprint);
  statement.BindBlob(record.response);
  statement.BindTime(record.time);
}

RequestRecord ReadRequest(Statement& statement) {
  RequestRecord record;
  record.method = statement.Text();
  record.fingerprint = statement.Blob();
  record.response = statement.Blob();
  record.time = statement.Time();
  return record;
}

}  // namespace assay
