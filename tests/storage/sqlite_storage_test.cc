#include "storage/sqlite_storage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "search/base/status_macros.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/schema.h"
#include "tests/storage/rows_for_tests.h"

namespace assay {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string Text(const absl::Status& status) {
  return std::string(status.message());
}

class SqliteStorageTest : public testing::Test {
 protected:
  std::string Database() const { return folder_.path() + "/assay.db"; }

  absl::Status OpenError() {
    return OpenSqliteStorage(folder_.path()).status();
  }

  // A database with one study, closed.
  void MakeDatabase() {
    auto storage = OpenSqliteStorage(folder_.path());
    ASSERT_TRUE(storage.ok()) << storage.status();
    ASSERT_TRUE(WriteNow(**storage, [](Transaction& t) {
                  return t.InsertStudy(MakeStudy("s")).status();
                }).ok());
  }

  // A running attempt of trial 1, in what MakeDatabase() made.
  void AddAttempt() {
    auto storage = OpenSqliteStorage(folder_.path());
    ASSERT_TRUE(storage.ok()) << storage.status();
    const absl::Status status =
        WriteNow(**storage, [](Transaction& t) -> absl::Status {
          ASSAY_ASSIGN_OR_RETURN(Study study, t.GetStudy(StudyId{1}));
          study.counts.trials = study.counts.running = study.revision = 1;
          Trial trial = MakeTrial(study.id, 0);
          trial.state = TrialState::kRunning;
          trial.attempts = 1;
          ASSAY_ASSIGN_OR_RETURN(trial.id, t.InsertTrial(trial));
          ASSAY_RETURN_IF_ERROR(t.UpdateStudy(study));
          return t.InsertAttempt(MakeAttempt(trial.id, 1), study.id);
        });
    ASSERT_TRUE(status.ok()) << status;
  }

  // As another program would.
  void Execute(const std::string& sql) {
    auto connection = Connection::Open(Database(), Connection::Mode::kWrite);
    ASSERT_TRUE(connection.ok());
    const absl::Status status = (*connection)->Execute(sql);
    ASSERT_TRUE(status.ok()) << status;
  }

  void WriteFile(const std::string& text) {
    std::ofstream(Database(), std::ios::binary) << text;
  }

  TemporaryFolder folder_;
};

// --- Opening ----------------------------------------------------------------

TEST_F(SqliteStorageTest, CreatesTheFolderForItsOwnerOnly) {
  const std::string folder = folder_.path() + "/new/data/";
  ASSERT_TRUE(OpenSqliteStorage(folder).ok());
  struct stat info = {};
  ASSERT_EQ(stat(folder.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700);
}

TEST_F(SqliteStorageTest, RowsAreThereWhenItIsOpenedAgain) {
  MakeDatabase();
  auto storage = OpenSqliteStorage(folder_.path());
  ASSERT_TRUE(storage.ok());
  EXPECT_TRUE(ReadNow<bool>(**storage, [](Snapshot& s) {
    return s.FindStudy("ada", "s")->has_value();
  }));
}

TEST_F(SqliteStorageTest, SecondServerIsRefusedNamingTheFirst) {
  auto first = OpenSqliteStorage(folder_.path());
  ASSERT_TRUE(first.ok());
  const absl::Status status = OpenError();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(Text(status), HasSubstr(absl::StrCat("pid ", getpid())));
  first->reset();
  EXPECT_TRUE(OpenError().ok());
}

TEST_F(SqliteStorageTest, LockOfADeadServerIsFree) {
  std::ofstream(folder_.path() + "/assay.lock") << "1\n";
  EXPECT_TRUE(OpenError().ok());
}

TEST_F(SqliteStorageTest, FolderThatIsAFileIsRefused) {
  const std::string path = folder_.path() + "/file";
  std::ofstream(path) << "x";
  const absl::Status status = OpenSqliteStorage(path).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(Text(status), HasSubstr("is not a folder"));
  EXPECT_FALSE(OpenSqliteStorage(path + "/below").ok());
  EXPECT_EQ(OpenSqliteStorage("").status().code(),
            absl::StatusCode::kInvalidArgument);
}

// Root may write everywhere: tried by a child that is nobody.
int ExitCodeOfOpening(const std::string& folder) {
  if (geteuid() == 0 && setuid(65534) != 0) return 100;
  return static_cast<int>(OpenSqliteStorage(folder).status().code());
}

TEST_F(SqliteStorageTest, ReadOnlyFolderIsPermissionDenied) {
  chmod(folder_.path().c_str(), 0555);
  EXPECT_EXIT(std::_Exit(ExitCodeOfOpening(folder_.path())),
              testing::ExitedWithCode(
                  static_cast<int>(absl::StatusCode::kPermissionDenied)),
              "");
  chmod(folder_.path().c_str(), 0755);
}

TEST_F(SqliteStorageTest, ReadOnlyDatabaseIsPermissionDenied) {
  MakeDatabase();
  chmod(folder_.path().c_str(), 0777);
  chmod((folder_.path() + "/assay.lock").c_str(), 0666);
  chmod(Database().c_str(), 0444);
  EXPECT_EXIT(std::_Exit(ExitCodeOfOpening(folder_.path())),
              testing::ExitedWithCode(
                  static_cast<int>(absl::StatusCode::kPermissionDenied)),
              "");
}

TEST_F(SqliteStorageTest, FileThatIsNoDatabaseIsDataLossAndLeftAlone) {
  const std::string text(5000, 'x');
  WriteFile(text);
  const absl::Status status = OpenError();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
  EXPECT_THAT(Text(status), HasSubstr("assay.db"));
  EXPECT_EQ(std::filesystem::file_size(Database()), text.size());
}

TEST_F(SqliteStorageTest, TruncatedDatabaseIsDataLoss) {
  MakeDatabase();
  std::filesystem::resize_file(Database(),
                               std::filesystem::file_size(Database()) / 2);
  EXPECT_EQ(OpenError().code(), absl::StatusCode::kDataLoss);
  EXPECT_FALSE(CheckDatabaseFile(Database()).ok());
}

TEST_F(SqliteStorageTest, NewerSchemaIsFailedPrecondition) {
  MakeDatabase();
  Execute("PRAGMA user_version = 1000");
  const absl::Status status = OpenError();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(Text(status), HasSubstr("newer version"));
  EXPECT_EQ(CheckDatabaseFile(Database()).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST_F(SqliteStorageTest, DatabaseOfAnotherProgramIsLeftAlone) {
  Execute("CREATE TABLE theirs (x)");
  const absl::Status status = OpenError();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(Text(status), HasSubstr("another program"));
}

// --- The schema -------------------------------------------------------------

TEST_F(SqliteStorageTest, MigrationsBringAnEmptyFileToTheLatestSchema) {
  WriteFile("");
  auto connection = *Connection::Open(Database(), Connection::Mode::kWrite);
  EXPECT_EQ(CheckSchemaVersion(*connection).code(),
            absl::StatusCode::kFailedPrecondition);
  ASSERT_TRUE(Migrate(*connection).ok());
  EXPECT_EQ(*connection->QueryInt("PRAGMA user_version"), SchemaVersion());
  EXPECT_TRUE(CheckSchemaVersion(*connection).ok());
  EXPECT_TRUE(Migrate(*connection).ok());  // Nothing to do.
}

// Of version 1, which knew neither earlier studies nor checkpoints, nor how
// sure a gradient is, nor the slot of an attempt.
TEST_F(SqliteStorageTest, MigrationKeepsWhatAnOlderSchemaHolds) {
  MakeDatabase();
  AddAttempt();
  Execute(
      "DROP TABLE earlier_trial; DROP TABLE earlier_study;"
      "DROP INDEX trial_continuing; DROP INDEX trial_of_member;"
      "DROP TABLE checkpoint;"
      "DROP TABLE study_chunk; DROP TABLE checkpoint_usage;"
      "ALTER TABLE measurement DROP COLUMN gradient_deviations;"
      "ALTER TABLE attempt DROP COLUMN slot;"
      "ALTER TABLE attempt DROP COLUMN gpu;"
      "PRAGMA user_version = 1");
  EXPECT_EQ(CheckDatabaseFile(Database()).status().code(),
            absl::StatusCode::kFailedPrecondition);
  const auto storage = OpenSqliteStorage(folder_.path());
  ASSERT_TRUE(storage.ok()) << storage.status();
  EXPECT_TRUE((*storage)->Check()->empty());
  const auto studies = ReadNow<std::vector<Study>>(
      **storage, [](Snapshot& s) { return *s.ListStudies({}, 10); });
  ASSERT_EQ(studies.size(), 1u);
  EXPECT_TRUE(ReadNow<std::vector<EarlierStudy>>(**storage, [&](Snapshot& s) {
                return *s.ListEarlier(studies[0].id);
              }).empty());
  EXPECT_TRUE(ReadNow<std::vector<Checkpoint>>(**storage, [](Snapshot& s) {
                return *s.ListCheckpoints({}, {}, {}, 10);
              }).empty());
  const Attempt attempt = ReadNow<Attempt>(
      **storage, [](Snapshot& s) { return *s.GetAttempt(TrialId{1}, 1); });
  EXPECT_EQ(attempt.holder, "worker-1");
  EXPECT_EQ(attempt.slot, 0);
  EXPECT_EQ(attempt.gpu, "");
}

TEST_F(SqliteStorageTest, FailedMigrationLeavesTheOldSchema) {
  Execute(absl::StrCat("CREATE TABLE trial (x); PRAGMA application_id = ",
                       0x41736179));
  EXPECT_FALSE(OpenError().ok());
  auto connection = *Connection::Open(Database(), Connection::Mode::kWrite);
  EXPECT_EQ(*connection->QueryInt("PRAGMA user_version"), 0);
  EXPECT_EQ(*connection->QueryInt("SELECT COUNT(*) FROM sqlite_schema"), 1);
}

TEST_F(SqliteStorageTest, ConstraintsAreTheLastFence) {
  MakeDatabase();
  AddAttempt();
  auto connection = *Connection::Open(Database(), Connection::Mode::kWrite);
  for (const char* sql :
       {"UPDATE study SET state = 9", "UPDATE study SET pending = -1",
        "UPDATE study SET revision = -1", "UPDATE study SET name = NULL",
        "UPDATE study SET created = 'yesterday'",
        "UPDATE attempt SET slot = -1"}) {
    EXPECT_EQ(connection->Execute(sql).code(), absl::StatusCode::kInternal)
        << sql;
  }
}

TEST_F(SqliteStorageTest, EachListUsesAnIndex) {
  MakeDatabase();
  auto connection = *Connection::Open(Database(), Connection::Mode::kWrite);
  const auto plan = [&](const std::string& sql) {
    std::string text;
    sqlite3_exec(
        connection->handle(), absl::StrCat("EXPLAIN QUERY PLAN ", sql).c_str(),
        [](void* to, int, char** values, char**) {
          absl::StrAppend(static_cast<std::string*>(to), values[3], "\n");
          return 0;
        },
        &text, nullptr);
    return text;
  };
  EXPECT_THAT(plan("SELECT * FROM trial WHERE study = 1 AND state <= 2"),
              HasSubstr("trial_unfinished"));
  EXPECT_THAT(plan("SELECT * FROM trial WHERE study = 1 AND ended_revision > 0"
                   " AND ended_revision > 7 ORDER BY ended_revision"),
              HasSubstr("trial_ended"));
  EXPECT_THAT(plan("SELECT * FROM measurement WHERE study = 1 AND revision > 7"
                   " ORDER BY revision"),
              HasSubstr("measurement_by_revision"));
  EXPECT_THAT(plan("SELECT * FROM attempt WHERE outcome = 1 ORDER BY trial"),
              HasSubstr("attempt_running"));
}

// --- The running storage ----------------------------------------------------

TEST_F(SqliteStorageTest, FullQueueIsResourceExhausted) {
  auto storage =
      *OpenSqliteStorage(folder_.path(), {.max_queued_bytes = 1000,
                                          .max_readers = 1,
                                          .checkpoint_bytes = 1 << 20,
                                          .vfs = ""});
  std::promise<void> go;
  std::shared_future<void> gone = go.get_future().share();
  const auto wait = [gone](Transaction&) {
    gone.wait();
    return absl::OkStatus();
  };
  absl::Status first;
  absl::Status second;
  storage->Write(
      wait, [&](absl::Status s) { first = std::move(s); }, 900);
  bool ran = false;
  storage->Write(
      [&](Transaction&) {
        ran = true;
        return absl::OkStatus();
      },
      [&](absl::Status s) { second = std::move(s); }, 200);
  EXPECT_EQ(second.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_FALSE(ran);
  EXPECT_EQ(storage->Stats().queued_bytes, 900);
  go.set_value();
  storage.reset();
  EXPECT_TRUE(first.ok());
}

TEST_F(SqliteStorageTest, ReadKeepsItsMomentWhileOthersWrite) {
  auto storage = *OpenSqliteStorage(folder_.path());
  const absl::Status status = storage->Read([&](Snapshot& snapshot) {
    EXPECT_TRUE(snapshot.ListStudies({}, 10)->empty());
    EXPECT_TRUE(WriteNow(*storage, [](Transaction& t) {
                  return t.InsertStudy(MakeStudy("new")).status();
                }).ok());
    EXPECT_TRUE(snapshot.ListStudies({}, 10)->empty());
    return absl::OkStatus();
  });
  EXPECT_TRUE(status.ok());
}

TEST_F(SqliteStorageTest, ReadsWaitForAFreeConnection) {
  auto storage = *OpenSqliteStorage(folder_.path(), {.max_queued_bytes = 1000,
                                                     .max_readers = 1,
                                                     .checkpoint_bytes = 4096,
                                                     .vfs = ""});
  std::atomic<int> inside = 0;
  std::atomic<int> most = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 50; ++j) {
        storage
            ->Read([&](Snapshot&) {
              const int now = ++inside;
              if (now > most) most = now;
              --inside;
              return absl::OkStatus();
            })
            .IgnoreError();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(most, 1);
}

TEST_F(SqliteStorageTest, WalStaysSmallBesideReadsThatOverlap) {
  auto storage =
      *OpenSqliteStorage(folder_.path(), {.max_queued_bytes = 1 << 20,
                                          .max_readers = 4,
                                          .checkpoint_bytes = 64 << 10,
                                          .vfs = ""});
  std::atomic<bool> over = false;
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&] {
      while (!over) {
        storage->Read([](Snapshot& s) { return s.ListStudies({}, 5).status(); })
            .IgnoreError();
      }
    });
  }
  int64_t largest = 0;
  for (int i = 0; i < 300; ++i) {
    ASSERT_TRUE(WriteNow(*storage, [i](Transaction& t) {
                  Study study = MakeStudy(absl::StrCat("s", i));
                  study.reason.assign(8000, 'x');
                  return t.InsertStudy(study).status();
                }).ok());
    largest = std::max(largest, storage->Stats().wal_bytes);
  }
  over = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_LT(largest, 2 << 20);  // 300 writes are 5 MB and more.
}

TEST_F(SqliteStorageTest, BackupRunsBesideWrites) {
  auto storage = *OpenSqliteStorage(folder_.path());
  std::atomic<bool> over = false;
  std::thread writer([&] {
    for (int i = 0; !over; ++i) {
      EXPECT_TRUE(WriteNow(*storage, [i](Transaction& t) {
                    return t.InsertStudy(MakeStudy(absl::StrCat(i))).status();
                  }).ok());
    }
  });
  for (int i = 0; i < 5; ++i) {
    const std::string path = absl::StrCat(folder_.path(), "/copy", i);
    const absl::Status status = storage->Backup(path);
    EXPECT_TRUE(status.ok()) << status;
    const auto lines = CheckDatabaseFile(path);
    EXPECT_TRUE(lines.ok()) << lines.status();
    EXPECT_FALSE(std::filesystem::exists(path + ".partial"));
  }
  over = true;
  writer.join();
}

TEST_F(SqliteStorageTest, ClosedDatabaseIsOneFile) {
  MakeDatabase();
  EXPECT_FALSE(std::filesystem::exists(Database() + "-wal"));
}

// --- Checking a file --------------------------------------------------------

TEST_F(SqliteStorageTest, CheckedFileIsFine) {
  MakeDatabase();
  const auto lines = CheckDatabaseFile(Database());
  ASSERT_TRUE(lines.ok()) << lines.status();
  EXPECT_THAT(*lines, IsEmpty());
}

TEST_F(SqliteStorageTest, CheckNamesDamageInsideTheFile) {
  MakeDatabase();
  Execute("PRAGMA writable_schema = ON; UPDATE study SET trials = 3");
  const auto lines = CheckDatabaseFile(Database());
  ASSERT_TRUE(lines.ok()) << lines.status();
  EXPECT_THAT(*lines, testing::Contains(HasSubstr("study 1 has 3 trials")));
}

TEST_F(SqliteStorageTest, OverwrittenPagesAreFoundAndNeverCrash) {
  MakeDatabase();
  const auto size = std::filesystem::file_size(Database());
  for (uintmax_t page = 1; page * 4096 < size; ++page) {
    const std::string copy = absl::StrCat(folder_.path(), "/copy");
    std::filesystem::copy_file(
        Database(), copy, std::filesystem::copy_options::overwrite_existing);
    std::fstream file(copy, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(page * 4096));
    file << std::string(4096, static_cast<char>(0xa5));
    file.close();
    const auto lines = CheckDatabaseFile(copy);
    EXPECT_TRUE(!lines.ok() || !lines->empty()) << page;
  }
}

TEST_F(SqliteStorageTest, CheckedFileThatIsNotThereIsNotFound) {
  EXPECT_EQ(CheckDatabaseFile(folder_.path() + "/none").status().code(),
            absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace assay
