#include "storage/sqlite/transaction.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"
#include "search/base/status_macros.h"
#include "storage/sqlite/json.h"
#include "storage/sqlite/read_rows.h"
#include "storage/sqlite/rows.h"
#include "storage/sqlite/statement.h"

namespace assay {
namespace {

LogPiece ReadLogPiece(Statement& statement) {
  LogPiece piece;
  piece.offset = statement.Int();
  piece.bytes = statement.Blob();
  return piece;
}

Attribute ReadAttribute(Statement& statement) {
  Attribute attribute;
  attribute.ns = statement.Text();
  attribute.key = statement.Text();
  attribute.value = statement.Text();
  return attribute;
}

// Empty where there are none.
absl::StatusOr<std::string> EncodedUnlessEmpty(const Gradients& gradients) {
  if (gradients.empty()) return std::string();
  return EncodeGradients(gradients);
}

absl::StatusOr<EncodedMeasurement> Encoded(const Measurement& measurement) {
  EncodedMeasurement encoded;
  ASSAY_ASSIGN_OR_RETURN(encoded.metrics, EncodeMetrics(measurement.metrics));
  ASSAY_ASSIGN_OR_RETURN(encoded.gradients,
                         EncodedUnlessEmpty(measurement.gradients));
  ASSAY_ASSIGN_OR_RETURN(encoded.gradient_deviations,
                         EncodedUnlessEmpty(measurement.gradient_deviations));
  return encoded;
}

struct MeasurementOfTrial {
  TrialId trial;
  int32_t attempt = 0;
  Measurement measurement;
};

absl::StatusOr<MeasurementOfTrial> ReadMeasurementOfTrial(
    Statement& statement) {
  MeasurementOfTrial row;
  row.trial = TrialId{statement.Int()};
  row.attempt = statement.Int32();
  ASSAY_ASSIGN_OR_RETURN(row.measurement, ReadMeasurement(statement));
  return row;
}

// A bit a state; all of them if none is named.
int64_t StateMask(const std::vector<TrialState>& states) {
  if (states.empty()) return ~int64_t{0};
  int64_t mask = 0;
  for (TrialState state : states) mask |= int64_t{1} << static_cast<int>(state);
  return mask;
}

// The `limit`-th revision of two rising lists: up to there a page of `limit`
// rows is complete. nullopt: both lists together are shorter.
std::optional<int64_t> PageEnd(const std::vector<Trial>& trials,
                               const std::vector<MeasurementOfTrial>& rows,
                               size_t limit) {
  std::vector<int64_t> revisions;
  revisions.reserve(trials.size() + rows.size());
  for (const Trial& trial : trials) revisions.push_back(trial.revision);
  for (const auto& row : rows) revisions.push_back(row.measurement.revision);
  if (revisions.size() < limit) return std::nullopt;
  auto nth = revisions.begin() + static_cast<std::ptrdiff_t>(limit) - 1;
  std::nth_element(revisions.begin(), nth, revisions.end());
  return *nth;
}

}  // namespace

// --- Studies ----------------------------------------------------------------

absl::StatusOr<Study> SqliteTransaction::GetStudy(StudyId id) {
  Statement statement = connection_.Prepare("SELECT " ASSAY_STUDY_COLUMNS
                                            " FROM study WHERE id = ?");
  statement.Bind(id.value);
  return ReadOne<Study>(statement, ReadStudy, "study ", id.value);
}

absl::StatusOr<std::optional<Study>> SqliteTransaction::FindStudy(
    const std::string& owner, const std::string& name) {
  Statement statement = connection_.Prepare(
      "SELECT " ASSAY_STUDY_COLUMNS
      " FROM study WHERE owner = ? AND name = ? AND hidden = 0");
  statement.BindText(owner);
  statement.BindText(name);
  return ReadOptional<Study>(statement, ReadStudy);
}

absl::StatusOr<std::vector<Study>> SqliteTransaction::ListStudies(StudyId after,
                                                                  int limit) {
  Statement statement = connection_.Prepare(
      "SELECT " ASSAY_STUDY_COLUMNS
      " FROM study WHERE id > ? AND hidden = 0 ORDER BY id LIMIT ?");
  statement.Bind(after.value);
  statement.Bind(std::max(limit, 0));
  return ReadAll<Study>(statement, ReadStudy);
}

absl::StatusOr<SpecRevision> SqliteTransaction::GetSpec(StudyId id,
                                                        int64_t number) {
  Statement statement = connection_.Prepare(
      "SELECT " ASSAY_SPEC_COLUMNS " FROM spec WHERE study = ? AND number = ?");
  statement.Bind(id.value);
  statement.Bind(number);
  return ReadOne<SpecRevision>(statement, ReadSpec, "study ", id.value,
                               " spec revision ", number);
}

absl::StatusOr<StudyId> SqliteTransaction::InsertStudy(const Study& study) {
  Statement statement = connection_.Prepare(
      "INSERT INTO study (" ASSAY_STUDY_FIXED ", " ASSAY_STUDY_CHANGING
      ") VALUES (?,?,?,?, ?,?,?,?, ?,?,?,?,?,?,?,?,?,?,?, ?,?,?,?,?,?,?)");
  BindFixed(statement, study);
  BindChanging(statement, study);
  ASSAY_RETURN_IF_ERROR(Named(statement.Run(), "study \"", study.name,
                              "\" of owner \"", study.owner, "\""));
  return StudyId{connection_.LastInsertId()};
}

absl::Status SqliteTransaction::UpdateStudy(const Study& study) {
  Statement statement = connection_.Prepare(
      "UPDATE study SET (" ASSAY_STUDY_CHANGING
      ") = (?,?,?,?, ?,?,?,?,?,?,?,?,?,?,?, ?,?,?,?,?,?,?) WHERE id = ?");
  BindChanging(statement, study);
  statement.Bind(study.id.value);
  return RunOnOneRow(connection_, statement, "study ", study.id.value);
}

absl::Status SqliteTransaction::UpdateProgress(const Study& study) {
  Statement statement = connection_.Prepare(
      "UPDATE study SET measurements = ?, steps = ?, revision = ?"
      " WHERE id = ?");
  statement.Bind(study.counts.measurements);
  statement.Bind(study.counts.steps);
  statement.Bind(study.revision);
  statement.Bind(study.id.value);
  return RunOnOneRow(connection_, statement, "study ", study.id.value);
}

absl::Status SqliteTransaction::InsertSpec(StudyId study,
                                           const SpecRevision& spec) {
  Statement statement = connection_.Prepare(
      "INSERT INTO spec (" ASSAY_SPEC_COLUMNS ", study) VALUES (?,?,?,?,?)");
  BindSpec(statement, spec);
  statement.Bind(study.value);
  return Named(statement.Run(), "study ", study.value, " spec revision ",
               spec.number);
}

// --- Trials -----------------------------------------------------------------

absl::StatusOr<Trial> SqliteTransaction::GetTrial(TrialId id) {
  Statement statement = connection_.Prepare("SELECT " ASSAY_TRIAL_COLUMNS
                                            " FROM trial WHERE id = ?");
  statement.Bind(id.value);
  return ReadOne<Trial>(statement, ReadTrial, "trial ", id.value);
}

absl::StatusOr<std::optional<Trial>> SqliteTransaction::FindTrial(
    StudyId study, int64_t number) {
  Statement statement =
      connection_.Prepare("SELECT " ASSAY_TRIAL_COLUMNS
                          " FROM trial WHERE study = ? AND number = ?");
  statement.Bind(study.value);
  statement.Bind(number);
  return ReadOptional<Trial>(statement, ReadTrial);
}

absl::StatusOr<std::vector<Trial>> SqliteTransaction::ListTrials(
    StudyId study, const TrialQuery& query) {
  Statement statement = connection_.Prepare(
      "SELECT " ASSAY_TRIAL_COLUMNS
      " FROM trial WHERE study = ? AND number > ? AND hidden = 0"
      " AND ? & (1 << state) ORDER BY number LIMIT ?");
  statement.Bind(study.value);
  statement.Bind(query.after_number);
  statement.Bind(StateMask(query.states));
  statement.Bind(std::max(query.limit, 0));
  return ReadAll<Trial>(statement, ReadTrial);
}

// "state <= 2" is what makes SQLite use the partial index.
absl::StatusOr<std::vector<Trial>> SqliteTransaction::ListUnfinished(
    StudyId study) {
  Statement statement = connection_.Prepare(
      "SELECT " ASSAY_TRIAL_COLUMNS
      " FROM trial WHERE study = ? AND state <= 2 ORDER BY number");
  statement.Bind(study.value);
  return ReadAll<Trial>(statement, ReadTrial);
}

absl::StatusOr<std::optional<Trial>> SqliteTransaction::FirstPending(
    StudyId study) {
  Statement statement = connection_.Prepare(
      "SELECT " ASSAY_TRIAL_COLUMNS
      " FROM trial WHERE study = ? AND state = 1 AND state <= 2 AND hidden = 0"
      " ORDER BY number LIMIT 1");
  statement.Bind(study.value);
  return ReadOptional<Trial>(statement, ReadTrial);
}

absl::StatusOr<std::vector<Trial>> SqliteTransaction::ListEnded(
    StudyId study, int64_t after_revision, int limit) {
  Statement statement = connection_.Prepare(
      "SELECT " ASSAY_TRIAL_COLUMNS
      " FROM trial WHERE study = ? AND ended_revision > 0"
      " AND ended_revision > ? ORDER BY ended_revision LIMIT ?");
  statement.Bind(study.value);
  statement.Bind(after_revision);
  statement.Bind(std::max(limit, 0));
  return ReadAll<Trial>(statement, ReadTrial);
}

absl::StatusOr<std::vector<Trial>> SqliteTransaction::ListNewestEnded(
    StudyId study, int limit) {
  Statement statement = connection_.Prepare(
      "SELECT " ASSAY_TRIAL_COLUMNS
      " FROM trial WHERE study = ? AND ended_revision > 0 AND hidden = 0"
      " ORDER BY ended_revision DESC LIMIT ?");
  statement.Bind(study.value);
  statement.Bind(std::max(limit, 0));
  return ReadAll<Trial>(statement, ReadTrial);
}

absl::StatusOr<std::vector<Trial>> SqliteTransaction::ListBest(
    StudyId study, Goal goal, int64_t least_to_step, int limit) {
#define ASSAY_BEST                                                 \
  "SELECT " ASSAY_TRIAL_COLUMNS                                    \
  " FROM trial WHERE study = ? AND state = ? AND objective IS NOT" \
  " NULL AND hidden = 0 AND to_step >= ? ORDER BY objective "
  const char* const sql = goal == Goal::kMinimize
                              ? ASSAY_BEST "ASC, number LIMIT ?"
                              : ASSAY_BEST "DESC, number LIMIT ?";
#undef ASSAY_BEST
  for (TrialState state : {TrialState::kCompleted, TrialState::kStopped}) {
    Statement statement = connection_.Prepare(sql);
    statement.Bind(study.value);
    statement.Bind(static_cast<int64_t>(state));
    statement.Bind(least_to_step);
    statement.Bind(std::max(limit, 0));
    ASSAY_ASSIGN_OR_RETURN(std::vector<Trial> trials,
                           ReadAll<Trial>(statement, ReadTrial));
    if (!trials.empty()) return trials;
  }
  return std::vector<Trial>();
}

absl::StatusOr<TrialId> SqliteTransaction::InsertTrial(const Trial& trial) {
  ASSAY_ASSIGN_OR_RETURN(const std::string parameters,
                         EncodeParameters(trial.parameters));
  ASSAY_ASSIGN_OR_RETURN(const std::string final_metrics,
                         EncodeMetrics(trial.final_metrics));
  Statement statement = connection_.Prepare(
      "INSERT INTO trial (" ASSAY_TRIAL_FIXED ", " ASSAY_TRIAL_CHANGING
      ") VALUES (?,?,?,?,?, ?,?,?,?,?,?, ?,?,?,?,?, ?,?,?,?,?, ?,?,?,?,?,?,?,"
      "?)");
  BindFixed(statement, trial, parameters);
  BindChanging(statement, trial, final_metrics);
  ASSAY_RETURN_IF_ERROR(Named(statement.Run(), "study ", trial.study.value,
                              " trial number ", trial.number));
  return TrialId{connection_.LastInsertId()};
}

absl::Status SqliteTransaction::UpdateTrial(const Trial& trial,
                                            std::optional<double> objective) {
  ASSAY_ASSIGN_OR_RETURN(const std::string final_metrics,
                         EncodeMetrics(trial.final_metrics));
  Statement statement = connection_.Prepare(
      "UPDATE trial SET (" ASSAY_TRIAL_CHANGING
      ", objective) = (?,?,?,?,?,?, ?,?,?,?,?, ?,?,?,?,?, ?,?,?,?,?,?,?,?, ?)"
      " WHERE id = ?");
  BindChanging(statement, trial, final_metrics);
  statement.BindReal(objective.value_or(std::nan("")));
  statement.Bind(trial.id.value);
  return RunOnOneRow(connection_, statement, "trial ", trial.id.value);
}

absl::Status SqliteTransaction::UpdateLastStep(TrialId trial,
                                               int64_t last_step) {
  Statement statement =
      connection_.Prepare("UPDATE trial SET last_step = ? WHERE id = ?");
  statement.Bind(last_step);
  statement.Bind(trial.value);
  return RunOnOneRow(connection_, statement, "trial ", trial.value);
}

// --- Attempts ---------------------------------------------------------------

absl::StatusOr<Attempt> SqliteTransaction::GetAttempt(TrialId trial,
                                                      int32_t number) {
  Statement statement =
      connection_.Prepare("SELECT " ASSAY_ATTEMPT_COLUMNS
                          " FROM attempt WHERE trial = ? AND number = ?");
  statement.Bind(trial.value);
  statement.Bind(number);
  return ReadOne<Attempt>(statement, ReadAttempt, "trial ", trial.value,
                          " attempt ", number);
}

absl::StatusOr<std::vector<Attempt>> SqliteTransaction::ListAttempts(
    TrialId trial) {
  Statement statement =
      connection_.Prepare("SELECT " ASSAY_ATTEMPT_COLUMNS
                          " FROM attempt WHERE trial = ? ORDER BY number");
  statement.Bind(trial.value);
  return ReadAll<Attempt>(statement, ReadAttempt);
}

absl::StatusOr<std::vector<Attempt>> SqliteTransaction::ListRunningAttempts() {
  Statement statement =
      connection_.Prepare("SELECT " ASSAY_ATTEMPT_COLUMNS
                          " FROM attempt WHERE outcome = 1 ORDER BY trial");
  return ReadAll<Attempt>(statement, ReadAttempt);
}

absl::StatusOr<std::vector<Attempt>> SqliteTransaction::ListRunningAttempts(
    StudyId study, const std::string& holder) {
  Statement statement = connection_.Prepare(
      "SELECT " ASSAY_ATTEMPT_COLUMNS
      " FROM attempt WHERE study = ? AND holder = ? AND outcome = 1"
      " ORDER BY trial");
  statement.Bind(study.value);
  statement.BindText(holder);
  return ReadAll<Attempt>(statement, ReadAttempt);
}

absl::Status SqliteTransaction::InsertAttempt(const Attempt& attempt,
                                              StudyId study) {
  Statement statement = connection_.Prepare(
      "INSERT INTO attempt (" ASSAY_ATTEMPT_KEY ", " ASSAY_ATTEMPT_CHANGING
      ", study) VALUES (?,?, ?,?,?,?,?,?,?,?,?,?,?,?,?, ?)");
  BindKey(statement, attempt);
  BindChanging(statement, attempt);
  statement.Bind(study.value);
  return Named(statement.Run(), "trial ", attempt.trial.value, " attempt ",
               attempt.number);
}

absl::Status SqliteTransaction::UpdateAttempt(const Attempt& attempt) {
  Statement statement = connection_.Prepare(
      "UPDATE attempt SET (" ASSAY_ATTEMPT_CHANGING
      ") = (?,?,?,?,?,?,?,?,?,?,?,?,?) WHERE trial = ? AND number = ?");
  BindChanging(statement, attempt);
  BindKey(statement, attempt);
  return RunOnOneRow(connection_, statement, "trial ", attempt.trial.value,
                     " attempt ", attempt.number);
}

// --- Measurements -----------------------------------------------------------

absl::StatusOr<std::optional<Measurement>> SqliteTransaction::FindMeasurement(
    TrialId trial, int32_t attempt, int64_t sequence) {
  Statement statement = connection_.Prepare(
      "SELECT " ASSAY_MEASUREMENT_COLUMNS
      " FROM measurement WHERE trial = ? AND attempt = ? AND sequence = ?");
  statement.Bind(trial.value);
  statement.Bind(attempt);
  statement.Bind(sequence);
  return ReadOptional<Measurement>(statement, ReadMeasurement);
}

absl::StatusOr<int64_t> SqliteTransaction::LastSequence(TrialId trial,
                                                        int32_t attempt) {
  Statement statement = connection_.Prepare(
      "SELECT sequence FROM measurement WHERE trial = ? AND attempt = ?"
      " ORDER BY sequence DESC LIMIT 1");
  statement.Bind(trial.value);
  statement.Bind(attempt);
  ASSAY_ASSIGN_OR_RETURN(const bool row, statement.Step());
  return row ? statement.Int() : 0;
}

absl::StatusOr<std::optional<Measurement>> SqliteTransaction::LastMeasurement(
    TrialId trial, int32_t attempt) {
  Statement statement =
      connection_.Prepare("SELECT " ASSAY_MEASUREMENT_COLUMNS
                          " FROM measurement WHERE trial = ? AND attempt = ?"
                          " ORDER BY sequence DESC LIMIT 1");
  statement.Bind(trial.value);
  statement.Bind(attempt);
  return ReadOptional<Measurement>(statement, ReadMeasurement);
}

absl::StatusOr<std::vector<Measurement>> SqliteTransaction::ListMeasurements(
    TrialId trial, int32_t attempt, int64_t after_sequence, int limit) {
  Statement statement = connection_.Prepare(
      "SELECT " ASSAY_MEASUREMENT_COLUMNS
      " FROM measurement WHERE trial = ? AND attempt = ? AND sequence > ?"
      " ORDER BY sequence LIMIT ?");
  statement.Bind(trial.value);
  statement.Bind(attempt);
  statement.Bind(after_sequence);
  statement.Bind(std::max(limit, 0));
  return ReadAll<Measurement>(statement, ReadMeasurement);
}

absl::Status SqliteTransaction::InsertMeasurement(
    StudyId study, TrialId trial, int32_t attempt,
    const Measurement& measurement) {
  ASSAY_ASSIGN_OR_RETURN(const EncodedMeasurement encoded,
                         Encoded(measurement));
  Statement statement = connection_.Prepare(
      "INSERT INTO measurement (trial, attempt, "
      "study, " ASSAY_MEASUREMENT_COLUMNS
      ") VALUES (?,?,?, ?,?,?,?,?,?,?,?,?)");
  statement.Bind(trial.value);
  statement.Bind(attempt);
  statement.Bind(study.value);
  BindMeasurement(statement, measurement, encoded);
  return Named(statement.Run(), "trial ", trial.value, " attempt ", attempt,
               " measurement ", measurement.sequence);
}

absl::StatusOr<Changes> SqliteTransaction::ChangesAfter(StudyId study,
                                                        int64_t revision,
                                                        int limit) {
  limit = std::max(limit, 1);
  ASSAY_ASSIGN_OR_RETURN(Study now, GetStudy(study));
  Statement trials_query = connection_.Prepare(
      "SELECT " ASSAY_TRIAL_COLUMNS
      " FROM trial WHERE study = ? AND revision > ? ORDER BY revision LIMIT ?");
  Statement measurements_query =
      connection_.Prepare("SELECT trial, attempt, " ASSAY_MEASUREMENT_COLUMNS
                          " FROM measurement WHERE study = ? AND revision > ?"
                          " ORDER BY revision LIMIT ?");
  for (Statement* query : {&trials_query, &measurements_query}) {
    query->Bind(study.value);
    query->Bind(revision);
    query->Bind(limit);
  }
  Changes changes;
  ASSAY_ASSIGN_OR_RETURN(changes.trials,
                         ReadAll<Trial>(trials_query, ReadTrial));
  ASSAY_ASSIGN_OR_RETURN(
      std::vector<MeasurementOfTrial> rows,
      ReadAll<MeasurementOfTrial>(measurements_query, ReadMeasurementOfTrial));
  const std::optional<int64_t> end =
      PageEnd(changes.trials, rows, static_cast<size_t>(limit));
  changes.through = end.value_or(std::max(now.revision, revision));
  while (!changes.trials.empty() &&
         changes.trials.back().revision > changes.through) {
    changes.trials.pop_back();
  }
  for (MeasurementOfTrial& row : rows) {
    if (row.measurement.revision > changes.through) break;
    changes.measurements.push_back(std::move(row.measurement));
    changes.measurement_trials.push_back(row.trial);
    changes.measurement_attempts.push_back(row.attempt);
  }
  // Each numbered change of a study changes its counts or its row.
  if (now.revision > revision) changes.study = std::move(now);
  return changes;
}

// --- Earlier studies --------------------------------------------------------

absl::StatusOr<std::vector<EarlierStudy>> SqliteTransaction::ListEarlier(
    StudyId study) {
  Statement statement =
      connection_.Prepare("SELECT " ASSAY_EARLIER_STUDY_COLUMNS
                          " FROM earlier_study WHERE study = ? ORDER BY place");
  statement.Bind(study.value);
  return ReadAll<EarlierStudy>(statement, ReadEarlierStudy);
}

absl::StatusOr<std::vector<EarlierStudy>>
SqliteTransaction::ListEarlierWithTrials(StudyId study) {
  ASSAY_ASSIGN_OR_RETURN(std::vector<EarlierStudy> all, ListEarlier(study));
  for (size_t place = 0; place < all.size(); ++place) {
    Statement statement = connection_.Prepare(
        "SELECT " ASSAY_EARLIER_TRIAL_COLUMNS
        " FROM earlier_trial WHERE study = ? AND place = ? ORDER BY position");
    statement.Bind(study.value);
    statement.Bind(static_cast<int64_t>(place));
    ASSAY_ASSIGN_OR_RETURN(all[place].trials,
                           ReadAll<Trial>(statement, ReadEarlierTrial));
  }
  return all;
}

absl::Status SqliteTransaction::InsertEarlier(StudyId study, int32_t place,
                                              const EarlierStudy& earlier) {
  ASSAY_ASSIGN_OR_RETURN(const std::string unused,
                         EncodeCounts(earlier.unused));
  Statement statement = connection_.Prepare(
      "INSERT INTO earlier_study (study, place, " ASSAY_EARLIER_STUDY_COLUMNS
      ") VALUES (?,?,?,?,?,?,?,?,?)");
  statement.Bind(study.value);
  statement.Bind(place);
  BindEarlierStudy(statement, earlier, unused);
  ASSAY_RETURN_IF_ERROR(
      Named(statement.Run(), "study ", study.value, " earlier study ", place));
  for (size_t i = 0; i < earlier.trials.size(); ++i) {
    const Trial& trial = earlier.trials[i];
    ASSAY_ASSIGN_OR_RETURN(const std::string parameters,
                           EncodeParameters(trial.parameters));
    ASSAY_ASSIGN_OR_RETURN(const std::string metrics,
                           EncodeMetrics(trial.final_metrics));
    Statement insert = connection_.Prepare(
        "INSERT INTO earlier_trial (study, place, "
        "position, " ASSAY_EARLIER_TRIAL_COLUMNS ") VALUES (?,?,?,?,?,?,?,?)");
    insert.Bind(study.value);
    insert.Bind(place);
    insert.Bind(static_cast<int64_t>(i));
    BindEarlierTrial(insert, trial, parameters, metrics);
    ASSAY_RETURN_IF_ERROR(Named(insert.Run(), "study ", study.value,
                                " earlier study ", place, " trial ", i));
  }
  return absl::OkStatus();
}

// --- Logs -------------------------------------------------------------------

absl::StatusOr<std::vector<LogPiece>> SqliteTransaction::ReadLog(
    TrialId trial, int32_t attempt, int64_t offset, int limit) {
  Statement statement = connection_.Prepare(
      "SELECT start, bytes FROM log_piece WHERE trial = ?1 AND attempt = ?2"
      " AND start >= COALESCE((SELECT MAX(start) FROM log_piece"
      "   WHERE trial = ?1 AND attempt = ?2 AND start <= ?3), 0)"
      " AND \"end\" > ?3 ORDER BY start LIMIT ?4");
  statement.Bind(trial.value);
  statement.Bind(attempt);
  statement.Bind(offset);
  statement.Bind(std::max(limit, 0));
  return ReadAll<LogPiece>(statement, ReadLogPiece);
}

absl::StatusOr<std::optional<LogPiece>> SqliteTransaction::FindLogPiece(
    TrialId trial, int32_t attempt, int64_t offset) {
  Statement statement = connection_.Prepare(
      "SELECT start, bytes FROM log_piece"
      " WHERE trial = ? AND attempt = ? AND start = ?");
  statement.Bind(trial.value);
  statement.Bind(attempt);
  statement.Bind(offset);
  return ReadOptional<LogPiece>(statement, ReadLogPiece);
}

absl::Status SqliteTransaction::AppendLog(TrialId trial, int32_t attempt,
                                          const LogPiece& piece,
                                          int64_t keep_bytes) {
  Statement insert = connection_.Prepare(
      "INSERT INTO log_piece (trial, attempt, start, \"end\", bytes)"
      " VALUES (?,?,?,?,?)");
  insert.Bind(trial.value);
  insert.Bind(attempt);
  insert.Bind(piece.offset);
  insert.Bind(piece.offset + static_cast<int64_t>(piece.bytes.size()));
  insert.BindBlob(piece.bytes);
  ASSAY_RETURN_IF_ERROR(Named(insert.Run(), "trial ", trial.value, " attempt ",
                              attempt, " log at ", piece.offset));
  // Both bounds: the one on `start` is a range of the key.
#define ASSAY_LOG_KEPT_FROM                                               \
  "(SELECT \"end\" - ?3 FROM log_piece WHERE trial = ?1 AND attempt = ?2" \
  " ORDER BY start DESC LIMIT 1)"
  Statement trim = connection_.Prepare(
      "DELETE FROM log_piece WHERE trial = ?1 AND attempt = ?2"
      " AND start <= " ASSAY_LOG_KEPT_FROM
      " AND \"end\" <= " ASSAY_LOG_KEPT_FROM);
#undef ASSAY_LOG_KEPT_FROM
  trim.Bind(trial.value);
  trim.Bind(attempt);
  trim.Bind(keep_bytes);
  return Named(trim.Run(), "trial ", trial.value, " attempt ", attempt, " log");
}

// --- Attributes and requests ------------------------------------------------

absl::StatusOr<std::vector<Attribute>> SqliteTransaction::ListAttributes(
    StudyId study, TrialId trial) {
  Statement statement = connection_.Prepare(
      "SELECT ns, key, value FROM attribute WHERE study = ? AND trial = ?"
      " ORDER BY ns, key");
  statement.Bind(study.value);
  statement.Bind(trial.value);
  return ReadAll<Attribute>(statement, ReadAttribute);
}

absl::Status SqliteTransaction::SetAttribute(StudyId study, TrialId trial,
                                             const Attribute& attribute) {
  Statement statement = connection_.Prepare(
      "INSERT INTO attribute (study, trial, ns, key, value) VALUES (?,?,?,?,?)"
      " ON CONFLICT DO UPDATE SET value = excluded.value");
  statement.Bind(study.value);
  statement.Bind(trial.value);
  statement.BindText(attribute.ns);
  statement.BindText(attribute.key);
  statement.BindText(attribute.value);
  return Named(statement.Run(), "study ", study.value, " trial ", trial.value,
               " attribute \"", attribute.ns, "/", attribute.key, "\"");
}

absl::StatusOr<std::optional<RequestRecord>> SqliteTransaction::FindRequest(
    const std::string& owner, const std::string& request_id) {
  Statement statement =
      connection_.Prepare("SELECT " ASSAY_REQUEST_COLUMNS
                          " FROM request WHERE owner = ? AND request_id = ?");
  statement.BindText(owner);
  statement.BindText(request_id);
  return ReadOptional<RequestRecord>(statement, ReadRequest);
}

absl::Status SqliteTransaction::InsertRequest(const std::string& owner,
                                              const std::string& request_id,
                                              const RequestRecord& record) {
  Statement statement =
      connection_.Prepare("INSERT INTO request (" ASSAY_REQUEST_COLUMNS
                          ", owner, request_id) VALUES (?,?,?,?,?,?)");
  BindRequest(statement, record);
  statement.BindText(owner);
  statement.BindText(request_id);
  return Named(statement.Run(), "request \"", request_id, "\" of owner \"",
               owner, "\"");
}

absl::Status SqliteTransaction::DeleteRequestsBefore(absl::Time time) {
  Statement statement =
      connection_.Prepare("DELETE FROM request WHERE time < ?");
  statement.BindTime(time);
  return Named(statement.Run(), "old requests");
}

}  // namespace assay
