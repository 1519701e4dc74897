#include "storage/sqlite/check.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "search/base/status_macros.h"
#include "storage/sqlite/statement.h"

namespace assay {
namespace {

// Beyond so many lines of one kind nobody learns more.
constexpr size_t kMaxLines = 100;

// Each query gives one text a violation.
constexpr const char* kInvariants[] = {
    "SELECT 'study ' || id || ' has ' || trials || ' trials, their numbers"
    " are not 0 to ' || (trials - 1) FROM study WHERE trials <>"
    " (SELECT COUNT(*) FROM trial WHERE study = study.id) OR trials <>"
    " COALESCE((SELECT MAX(number) + 1 FROM trial WHERE study = study.id), 0)",

    "SELECT 'study ' || id || ' counts other states than its trials have'"
    " FROM study JOIN (SELECT study.id AS of,"
    "  TOTAL(trial.state = 1) AS n1, TOTAL(trial.state = 2) AS n2,"
    "  TOTAL(trial.state = 3) AS n3, TOTAL(trial.state = 4) AS n4,"
    "  TOTAL(trial.state = 5) AS n5, TOTAL(trial.state = 6) AS n6"
    "  FROM study LEFT JOIN trial ON trial.study = study.id GROUP BY study.id)"
    " ON of = id WHERE (pending, running, completed, stopped, failed,"
    " infeasible) <> (n1, n2, n3, n4, n5, n6)",

    "SELECT 'study ' || id || ' counts ' || measurements || ' measurements,"
    " there are ' || n FROM (SELECT id, measurements, (SELECT COUNT(*) FROM"
    " measurement WHERE study = study.id) AS n FROM study)"
    " WHERE n <> measurements",

    "SELECT 'study ' || id || ' has no spec revision ' || spec_revision"
    " FROM study WHERE spec_revision > 1 AND NOT EXISTS (SELECT 1 FROM spec"
    " WHERE spec.study = study.id AND number = spec_revision)",

    "SELECT 'study ' || study.id || ' is at revision ' || study.revision ||"
    " ', its trial ' || trial.id || ' at ' || trial.revision"
    " FROM study JOIN trial ON trial.study = study.id"
    " WHERE trial.revision > study.revision"
    " OR trial.ended_revision > trial.revision",

    "SELECT 'study ' || id || ' is at revision ' || revision || ', a"
    " measurement of it at ' || last FROM (SELECT id, revision, (SELECT"
    " MAX(revision) FROM measurement WHERE study = study.id) AS last"
    " FROM study) WHERE last > revision",

    "SELECT 'trial ' || trial.id || ' is RUNNING and has no running attempt'"
    " FROM trial LEFT JOIN attempt ON attempt.trial = trial.id AND outcome = 1"
    " WHERE state <= 2 AND state = 2 AND attempt.number IS NULL",

    "SELECT 'trial ' || trial.id || ' is not RUNNING, its attempt ' ||"
    " attempt.number || ' is' FROM attempt JOIN trial ON trial.id ="
    " attempt.trial WHERE outcome = 1 AND state <> 2",

    "SELECT 'trial ' || trial || ' has ' || COUNT(*) || ' running attempts'"
    " FROM attempt WHERE outcome = 1 GROUP BY trial HAVING COUNT(*) > 1",

    "SELECT 'trial ' || id || ' has ' || attempts || ' attempts, their numbers"
    " are not 1 to ' || attempts FROM trial WHERE attempts <> (SELECT COUNT(*)"
    " FROM attempt WHERE trial = trial.id) OR attempts <> COALESCE((SELECT"
    " MAX(number) FROM attempt WHERE trial = trial.id), 0)",

    "SELECT 'trial ' || trial || ' has ' || COUNT(*) || ' accepted results'"
    " FROM attempt WHERE outcome IN (2, 3, 5)"
    " GROUP BY trial HAVING COUNT(*) > 1",

    "SELECT 'attempt ' || attempt.number || ' of trial ' || trial.id || ' is"
    " of another study' FROM attempt JOIN trial ON trial.id = attempt.trial"
    " WHERE attempt.study <> trial.study",

    "SELECT 'study ' || study || ' has ' || n || ' trials of earlier study ' ||"
    " place || ', not ' || used FROM (SELECT study, place, used, (SELECT"
    " COUNT(*) FROM earlier_trial AS t WHERE t.study = e.study AND t.place ="
    " e.place) AS n FROM earlier_study AS e) WHERE n <> used",

    "SELECT 'checkpoint ' || checkpoint.id || ' of trial ' || trial.id || ' is"
    " of another study' FROM checkpoint JOIN trial ON trial.id ="
    " checkpoint.trial WHERE checkpoint.study <> trial.study",

    // Each chunk once a checkpoint, as many checkpoints as its row says.
    "SELECT 'study ' || study || ' counts ' || TOTAL(counted) || ' checkpoints"
    " for chunk ' || hex || ', there are ' || TOTAL(there) FROM ("
    " SELECT study, lower(hex(hash)) AS hex, checkpoints AS counted, 0 AS there"
    " FROM study_chunk UNION ALL SELECT study, chunk, 0, 1 FROM (SELECT"
    " DISTINCT checkpoint.id, study, chunk.value AS chunk FROM checkpoint,"
    " json_each(manifest) AS file, json_each(file.value, '$.chunks') AS chunk))"
    " GROUP BY study, hex HAVING TOTAL(counted) <> TOTAL(there)",

    "SELECT 'study ' || study || ' counts ' || TOTAL(counted) || ' bytes of"
    " checkpoints, its chunks have ' || TOTAL(there) FROM (SELECT study, bytes"
    " AS counted, 0 AS there FROM checkpoint_usage UNION ALL SELECT study, 0,"
    " size FROM study_chunk) GROUP BY study"
    " HAVING TOTAL(counted) <> TOTAL(there)",

    "SELECT 'measurement ' || sequence || ' of trial ' || trial.id || ' is of"
    " another study' FROM measurement JOIN trial ON trial.id ="
    " measurement.trial WHERE measurement.study <> trial.study",
};

absl::Status Collect(Connection& connection, const char* sql,
                     std::vector<std::string>& lines) {
  Statement statement = connection.Prepare(sql);
  for (size_t i = 0; i < kMaxLines; ++i) {
    ASSAY_ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) break;
    lines.push_back(statement.Text());
  }
  return absl::OkStatus();
}

absl::Status CollectFileDamage(Connection& connection,
                               std::vector<std::string>& lines) {
  ASSAY_RETURN_IF_ERROR(
      Collect(connection, "PRAGMA integrity_check(100)", lines));
  if (!lines.empty() && lines.front() == "ok") lines.clear();
  return absl::OkStatus();
}

absl::Status CollectAll(Connection& connection,
                        std::vector<std::string>& lines) {
  ASSAY_RETURN_IF_ERROR(CollectFileDamage(connection, lines));
  // What rows of a damaged file say means nothing.
  if (!lines.empty()) return absl::OkStatus();
  ASSAY_RETURN_IF_ERROR(Collect(
      connection,
      "SELECT 'a row of ' || \"table\" || ' refers to a row of ' || parent ||"
      " ' that is not there' FROM pragma_foreign_key_check",
      lines));
  for (const char* sql : kInvariants) {
    ASSAY_RETURN_IF_ERROR(Collect(connection, sql, lines));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<std::string>> CheckRows(Connection& connection) {
  std::vector<std::string> lines;
  absl::Status status = CollectAll(connection, lines);
  if (absl::IsDataLoss(status)) {
    lines.emplace_back(status.message());
    return lines;
  }
  if (!status.ok()) return status;
  return lines;
}

}  // namespace assay
