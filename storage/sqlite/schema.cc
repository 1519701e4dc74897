#include "storage/sqlite/schema.h"

#include <cstdint>
#include <iterator>
#include <string>

#include "absl/strings/str_cat.h"
#include "search/base/status_macros.h"

namespace assay {
namespace {

// Marks the file as ours: "Asay". `file` and the sqlite3 shell show it.
constexpr int64_t kApplicationId = 0x41736179;

// Times and durations are microseconds, states and outcomes the numbers of
// their enums in search/, `metrics` and the like JSON. Revisions number the
// changes of a study; a measurement's row is its event.
constexpr char kFirst[] = R"sql(
CREATE TABLE study (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  owner TEXT NOT NULL,
  name TEXT NOT NULL,
  seed INTEGER NOT NULL,
  created INTEGER NOT NULL,
  state INTEGER NOT NULL CHECK (state BETWEEN 1 AND 3),
  completion INTEGER NOT NULL CHECK (completion BETWEEN 0 AND 5),
  reason TEXT NOT NULL,
  spec_revision INTEGER NOT NULL CHECK (spec_revision >= 1),
  trials INTEGER NOT NULL CHECK (trials >= 0),
  configurations INTEGER NOT NULL CHECK (configurations >= 0),
  pending INTEGER NOT NULL CHECK (pending >= 0),
  running INTEGER NOT NULL CHECK (running >= 0),
  completed INTEGER NOT NULL CHECK (completed >= 0),
  stopped INTEGER NOT NULL CHECK (stopped >= 0),
  failed INTEGER NOT NULL CHECK (failed >= 0),
  infeasible INTEGER NOT NULL CHECK (infeasible >= 0),
  measurements INTEGER NOT NULL CHECK (measurements >= 0),
  steps INTEGER NOT NULL,
  training_seconds REAL,
  first_lease INTEGER,
  paused_since INTEGER,
  paused_seconds REAL,
  completed_time INTEGER,
  hidden INTEGER NOT NULL CHECK (hidden IN (0, 1)),
  revision INTEGER NOT NULL CHECK (revision >= 0),
  changed_revision INTEGER NOT NULL CHECK (changed_revision <= revision)
) STRICT;
CREATE UNIQUE INDEX study_by_name ON study (owner, name) WHERE hidden = 0;

CREATE TABLE spec (
  study INTEGER NOT NULL REFERENCES study (id),
  number INTEGER NOT NULL CHECK (number >= 1),
  spec BLOB NOT NULL,
  author TEXT NOT NULL,
  time INTEGER NOT NULL,
  PRIMARY KEY (study, number)
) STRICT;

CREATE TABLE trial (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  study INTEGER NOT NULL REFERENCES study (id),
  number INTEGER NOT NULL CHECK (number >= 0),
  parameters TEXT NOT NULL,
  created INTEGER NOT NULL,
  created_revision INTEGER NOT NULL,
  state INTEGER NOT NULL CHECK (state BETWEEN 1 AND 6),
  from_step INTEGER NOT NULL,
  to_step INTEGER NOT NULL,
  continues INTEGER NOT NULL,
  retry_of INTEGER NOT NULL,
  replicate INTEGER NOT NULL,
  strategy TEXT NOT NULL,
  why TEXT NOT NULL,
  ordinal INTEGER NOT NULL,
  seen_revision INTEGER NOT NULL,
  batch_index INTEGER NOT NULL,
  spec_revision INTEGER NOT NULL,
  note TEXT NOT NULL,
  attempts INTEGER NOT NULL CHECK (attempts >= 0),
  failed_attempts INTEGER NOT NULL CHECK (failed_attempts >= 0),
  lost_attempts INTEGER NOT NULL CHECK (lost_attempts >= 0),
  reason TEXT NOT NULL,
  final_metrics TEXT NOT NULL,
  last_step INTEGER NOT NULL,
  hidden INTEGER NOT NULL CHECK (hidden IN (0, 1)),
  started INTEGER,
  ended INTEGER,
  ended_revision INTEGER NOT NULL CHECK ((ended_revision > 0) <= (state > 2)),
  revision INTEGER NOT NULL,
  objective REAL,
  UNIQUE (study, number)
) STRICT;
CREATE UNIQUE INDEX trial_by_revision ON trial (study, revision);
CREATE INDEX trial_unfinished ON trial (study, state, number) WHERE state <= 2;
CREATE INDEX trial_ended ON trial (study, ended_revision)
  WHERE ended_revision > 0;
CREATE INDEX trial_best ON trial (study, state, objective, number)
  WHERE objective IS NOT NULL;

CREATE TABLE attempt (
  trial INTEGER NOT NULL REFERENCES trial (id),
  number INTEGER NOT NULL CHECK (number >= 1),
  study INTEGER NOT NULL REFERENCES study (id),
  holder TEXT NOT NULL,
  instance TEXT NOT NULL,
  by_worker INTEGER NOT NULL CHECK (by_worker IN (0, 1)),
  started INTEGER NOT NULL,
  ended INTEGER,
  outcome INTEGER NOT NULL CHECK (outcome BETWEEN 1 AND 7),
  reason TEXT NOT NULL,
  stop_reason TEXT NOT NULL,
  training_seconds REAL,
  finish TEXT NOT NULL,
  lease INTEGER NOT NULL,
  PRIMARY KEY (trial, number)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX attempt_running ON attempt (trial) WHERE outcome = 1;
CREATE INDEX attempt_held ON attempt (study, holder) WHERE outcome = 1;

CREATE TABLE measurement (
  trial INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  study INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  step INTEGER NOT NULL,
  elapsed_seconds REAL,
  instance INTEGER,
  time INTEGER NOT NULL,
  metrics TEXT NOT NULL,
  gradients TEXT,
  PRIMARY KEY (trial, attempt, sequence),
  FOREIGN KEY (trial, attempt) REFERENCES attempt (trial, number)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX measurement_by_revision ON measurement (study, revision);

CREATE TABLE log_piece (
  trial INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  start INTEGER NOT NULL CHECK (start >= 0),
  "end" INTEGER NOT NULL,
  bytes BLOB NOT NULL CHECK (length(bytes) = "end" - start),
  PRIMARY KEY (trial, attempt, start),
  FOREIGN KEY (trial, attempt) REFERENCES attempt (trial, number)
) STRICT;

-- trial 0: of the study itself.
CREATE TABLE attribute (
  study INTEGER NOT NULL REFERENCES study (id),
  trial INTEGER NOT NULL,
  ns TEXT NOT NULL,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  owner_trial INTEGER GENERATED ALWAYS AS (NULLIF(trial, 0)) VIRTUAL
    REFERENCES trial (id),
  PRIMARY KEY (study, trial, ns, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE request (
  owner TEXT NOT NULL,
  request_id TEXT NOT NULL,
  method TEXT NOT NULL,
  fingerprint BLOB NOT NULL,
  response BLOB NOT NULL,
  time INTEGER NOT NULL,
  PRIMARY KEY (owner, request_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX request_by_time ON request (time);
)sql";

// What a study was given of others when it was created: copies, which belong to
// it. `place` and `position` count from 0; `unused` is JSON, a count by reason.
constexpr char kEarlierStudies[] = R"sql(
CREATE TABLE earlier_study (
  study INTEGER NOT NULL REFERENCES study (id),
  place INTEGER NOT NULL CHECK (place >= 0),
  source INTEGER NOT NULL REFERENCES study (id),
  name TEXT NOT NULL,
  revision INTEGER NOT NULL CHECK (revision >= 0),
  trust INTEGER NOT NULL CHECK (trust BETWEEN 1 AND 2),
  ended INTEGER NOT NULL CHECK (ended >= 0),
  used INTEGER NOT NULL CHECK (used >= 0),
  unused TEXT NOT NULL,
  PRIMARY KEY (study, place)
) STRICT, WITHOUT ROWID;

CREATE TABLE earlier_trial (
  study INTEGER NOT NULL,
  place INTEGER NOT NULL,
  position INTEGER NOT NULL CHECK (position >= 0),
  number INTEGER NOT NULL CHECK (number >= 0),
  state INTEGER NOT NULL CHECK (state BETWEEN 3 AND 6),
  parameters TEXT NOT NULL,
  final_metrics TEXT NOT NULL,
  last_step INTEGER NOT NULL,
  PRIMARY KEY (study, place, position),
  FOREIGN KEY (study, place) REFERENCES earlier_study (study, place)
) STRICT, WITHOUT ROWID;
)sql";

// `manifest` is JSON, `digest` its SHA-256. A study's chunk has a row as long
// as so many of its checkpoints name it; `checkpoint_usage` sums their sizes.
constexpr char kCheckpoints[] = R"sql(
CREATE TABLE checkpoint (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  study INTEGER NOT NULL REFERENCES study (id),
  trial INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  step INTEGER NOT NULL CHECK (step >= 0),
  created INTEGER NOT NULL,
  files INTEGER NOT NULL CHECK (files > 0),
  bytes INTEGER NOT NULL CHECK (bytes >= 0),
  unneeded_since INTEGER,
  digest BLOB NOT NULL,
  manifest TEXT NOT NULL,
  UNIQUE (trial, attempt, step, digest),
  FOREIGN KEY (trial, attempt) REFERENCES attempt (trial, number)
) STRICT;
CREATE INDEX checkpoint_of_trial ON checkpoint (trial, id);
CREATE INDEX checkpoint_of_study ON checkpoint (study, id);

CREATE TABLE study_chunk (
  hash BLOB NOT NULL CHECK (length(hash) = 32),
  study INTEGER NOT NULL REFERENCES study (id),
  size INTEGER NOT NULL CHECK (size > 0),
  checkpoints INTEGER NOT NULL CHECK (checkpoints > 0),
  PRIMARY KEY (hash, study)
) STRICT, WITHOUT ROWID;

CREATE TABLE checkpoint_usage (
  study INTEGER PRIMARY KEY REFERENCES study (id),
  bytes INTEGER NOT NULL CHECK (bytes >= 0)
) STRICT;

CREATE INDEX trial_continuing ON trial (continues) WHERE continues <> 0;
)sql";

// Beside `gradients`, in the same form.
constexpr char kGradientDeviations[] = R"sql(
ALTER TABLE measurement ADD COLUMN gradient_deviations TEXT;
)sql";

// The runs of a member of a population, or of a chain.
constexpr char kRunsOfMembers[] = R"sql(
CREATE INDEX trial_of_member ON trial (study, ordinal, id) WHERE continues <> 0;
)sql";

// 0: not known. `gpu` is that of the slot, empty if it has none.
constexpr char kSlots[] = R"sql(
ALTER TABLE attempt ADD COLUMN slot INTEGER NOT NULL DEFAULT 0
  CHECK (slot >= 0);
ALTER TABLE attempt ADD COLUMN gpu TEXT NOT NULL DEFAULT '';
)sql";

// The n-th brings user_version n - 1 to n. Append; never edit one that was
// released.
constexpr const char* kMigrations[] = {kFirst,         kEarlierStudies,
                                       kCheckpoints,   kGradientDeviations,
                                       kRunsOfMembers, kSlots};

absl::Status Apply(Connection& connection, int64_t version) {
  absl::Status status = connection.Execute(absl::StrCat(
      "BEGIN IMMEDIATE;", kMigrations[version], ";PRAGMA application_id = ",
      kApplicationId, ";PRAGMA user_version = ", version + 1, ";COMMIT"));
  if (connection.InTransaction()) connection.Execute("ROLLBACK").IgnoreError();
  return Named(status, "migration to schema ", version + 1);
}

// The database's version; refuses what is not ours or newer.
absl::StatusOr<int64_t> ReadVersion(Connection& connection) {
  ASSAY_ASSIGN_OR_RETURN(
      const int64_t tables,
      connection.QueryInt("SELECT COUNT(*) FROM sqlite_schema"));
  ASSAY_ASSIGN_OR_RETURN(const int64_t application,
                         connection.QueryInt("PRAGMA application_id"));
  if (tables > 0 && application != kApplicationId) {
    return absl::FailedPreconditionError(
        "the database was made by another program");
  }
  ASSAY_ASSIGN_OR_RETURN(const int64_t version,
                         connection.QueryInt("PRAGMA user_version"));
  if (version > SchemaVersion()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the database has schema ", version,
        ", written by a newer version; this one knows ", SchemaVersion()));
  }
  return version;
}

}  // namespace

int SchemaVersion() { return static_cast<int>(std::size(kMigrations)); }

absl::Status Migrate(Connection& connection) {
  ASSAY_ASSIGN_OR_RETURN(int64_t version, ReadVersion(connection));
  for (; version < SchemaVersion(); ++version) {
    ASSAY_RETURN_IF_ERROR(Apply(connection, version));
  }
  return absl::OkStatus();
}

absl::Status CheckSchemaVersion(Connection& connection) {
  ASSAY_ASSIGN_OR_RETURN(const int64_t version, ReadVersion(connection));
  if (version == SchemaVersion()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "the database has the older schema ", version,
      "; open it with a server once, which brings it to ", SchemaVersion()));
}

}  // namespace assay
