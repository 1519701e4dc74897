// What every storage promises of writes, reads, copies and checks.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "tests/storage/conformance.h"

namespace assay {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class WritingConformanceTest : public StorageConformanceTest {};

TEST_P(WritingConformanceTest, FailedBodyLeavesNothing) {
  const absl::Status status = Write([](Transaction& t) -> absl::Status {
    EXPECT_TRUE(t.InsertStudy(MakeStudy("gone")).ok());
    return absl::FailedPreconditionError("changed my mind");
  });
  EXPECT_EQ(status, absl::FailedPreconditionError("changed my mind"));
  EXPECT_FALSE(
      Ask([](Snapshot& s) { return s.FindStudy("ada", "gone"); }).has_value());
}

TEST_P(WritingConformanceTest, FailedBodyDoesNotHarmTheOthersOfItsGroup) {
  std::promise<void> go;
  std::shared_future<void> gone = go.get_future().share();
  std::atomic<int> failed = 0;
  storage_->Write(
      [gone](Transaction&) {
        gone.wait();
        return absl::OkStatus();
      },
      [](const absl::Status&) {});
  for (int i = 0; i < 20; ++i) {
    storage_->Write(
        [i](Transaction& t) {
          auto id = t.InsertStudy(MakeStudy("s" + std::to_string(i)));
          return i % 2 == 0 ? id.status() : absl::AbortedError("odd");
        },
        [&failed](const absl::Status& status) { failed += !status.ok(); });
  }
  go.set_value();
  Do([](Transaction&) { return absl::OkStatus(); });
  EXPECT_EQ(failed, 10);
  EXPECT_THAT(Ask([](Snapshot& s) { return s.ListStudies({}, 100); }),
              SizeIs(10));
}

TEST_P(WritingConformanceTest, BodySeesItsOwnChangesAndThoseBefore) {
  Do([](Transaction& t) -> absl::Status {
    const StudyId study = *t.InsertStudy(MakeStudy("s"));
    const TrialId trial = *t.InsertTrial(MakeTrial(study, 0));
    EXPECT_EQ(t.GetTrial(trial)->number, 0);
    EXPECT_EQ(t.FindStudy("ada", "s")->value().id, study);
    return absl::OkStatus();
  });
  Do([](Transaction& t) -> absl::Status {
    EXPECT_TRUE(t.FindStudy("ada", "s")->has_value());
    return absl::OkStatus();
  });
}

TEST_P(WritingConformanceTest, WritesRunAndAnswerInTheOrderOfTheCalls) {
  std::vector<int> ran;
  std::vector<int> answered;
  for (int i = 0; i < 100; ++i) {
    storage_->Write(
        [i, &ran](Transaction&) {
          ran.push_back(i);
          return absl::OkStatus();
        },
        [i, &answered](const absl::Status&) { answered.push_back(i); });
  }
  Do([](Transaction&) { return absl::OkStatus(); });
  std::vector<int> expected(100);
  for (int i = 0; i < 100; ++i) expected[i] = i;
  EXPECT_EQ(ran, expected);
  EXPECT_EQ(answered, expected);
}

TEST_P(WritingConformanceTest, DoneMayWriteAgain) {
  std::promise<absl::Status> second;
  storage_->Write(
      [](Transaction& t) { return t.InsertStudy(MakeStudy("a")).status(); },
      [&](const absl::Status&) {
        storage_->Write(
            [](Transaction& t) {
              return t.InsertStudy(MakeStudy("b")).status();
            },
            [&](absl::Status status) { second.set_value(std::move(status)); });
      });
  EXPECT_TRUE(second.get_future().get().ok());
}

TEST_P(WritingConformanceTest, QueuedWritesAreFinishedWhenItCloses) {
  std::atomic<int> done = 0;
  for (int i = 0; i < 50; ++i) {
    storage_->Write(
        [i](Transaction& t) {
          return t.InsertStudy(MakeStudy(std::to_string(i))).status();
        },
        [&done](const absl::Status& status) { done += status.ok(); });
  }
  storage_.reset();
  EXPECT_EQ(done, 50);
}

TEST_P(WritingConformanceTest, ReadersSeeWholeWritesWhileAWriterRuns) {
  const StudyId study = AddStudy();
  constexpr int kPairs = 100;
  // Each reader reads after every write, beside the next one: if it read all
  // the time it might keep a mutex that the writer needs.
  std::atomic<int> written = 0;
  std::atomic<int> torn = 0;
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      for (int seen = 0; seen < kPairs; seen = written) {
        written.wait(seen);
        const auto count = ReadNow<size_t>(*storage_, [&](Snapshot& s) {
          const size_t once = s.ListTrials(study, {})->size();
          return once == s.ListTrials(study, {})->size() ? once : size_t{1};
        });
        if (count % 2 != 0) ++torn;
      }
    });
  }
  for (int i = 0; i < kPairs; ++i) {
    Do([&](Transaction& t) -> absl::Status {
      EXPECT_TRUE(t.InsertTrial(MakeTrial(study, 2 * i)).ok());
      return t.InsertTrial(MakeTrial(study, 2 * i + 1)).status();
    });
    ++written;
    written.notify_all();
  }
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(torn, 0);
}

TEST_P(WritingConformanceTest, ReadReturnsTheErrorOfItsBody) {
  EXPECT_EQ(storage_->Read([](Snapshot&) { return absl::AbortedError("no"); }),
            absl::AbortedError("no"));
}

TEST_P(WritingConformanceTest, StatsAndObserverCountCommits) {
  std::atomic<int> observed = 0;
  storage_->SetCommitObserver([&](absl::Duration duration, int writes) {
    EXPECT_GE(duration, absl::ZeroDuration());
    observed += writes;
  });
  AddStudy("a");
  AddStudy("b");
  const StorageStats stats = storage_->Stats();
  EXPECT_EQ(stats.commits, 2);
  EXPECT_EQ(stats.writes, 2);
  EXPECT_GT(stats.database_bytes, 0);
  EXPECT_EQ(observed, 2);
  EXPECT_TRUE(storage_->Health().ok());
}

TEST_P(WritingConformanceTest, BackupIsACompleteDatabase) {
  AddTrial(MakeTrial(AddStudy("kept"), 0));
  std::filesystem::create_directory(folder_.path() + "/copy");
  const std::string path = folder_.path() + "/copy/assay.db";
  const absl::Status status = storage_->Backup(path);
  ASSERT_TRUE(status.ok()) << status;
  auto copy = OpenSqliteStorage(folder_.path() + "/copy");
  ASSERT_TRUE(copy.ok()) << copy.status();
  (*copy)
      ->Read([](Snapshot& s) {
        EXPECT_TRUE(s.FindStudy("ada", "kept")->has_value());
        EXPECT_EQ(s.ListUnfinished(StudyId{1})->size(), 1);
        return absl::OkStatus();
      })
      .IgnoreError();
}

TEST_P(WritingConformanceTest, BackupNeverReplacesAFile) {
  const std::string path = folder_.path() + "/copy.db";
  ASSERT_TRUE(storage_->Backup(path).ok());
  EXPECT_EQ(storage_->Backup(path).code(), absl::StatusCode::kAlreadyExists);
  EXPECT_FALSE(storage_->Backup(folder_.path() + "/none/copy.db").ok());
}

TEST_P(WritingConformanceTest, CheckFindsNothingWrongInARightStudy) {
  Do([](Transaction& t) -> absl::Status {
    Study study = MakeStudy("right");
    study.id = *t.InsertStudy(study);
    Trial trial = MakeTrial(study.id, 0);
    trial.state = TrialState::kRunning;
    trial.attempts = 1;
    trial.id = *t.InsertTrial(trial);
    EXPECT_TRUE(t.InsertAttempt(MakeAttempt(trial.id, 1), study.id).ok());
    EXPECT_TRUE(
        t.InsertMeasurement(study.id, trial.id, 1, MakeMeasurement(1, 2)).ok());
    study.counts.trials = study.counts.running = study.counts.measurements = 1;
    study.revision = 2;
    return t.UpdateStudy(study);
  });
  const auto lines = storage_->Check();
  ASSERT_TRUE(lines.ok()) << lines.status();
  EXPECT_THAT(*lines, IsEmpty());
}

TEST_P(WritingConformanceTest, CheckNamesEachBrokenInvariant) {
  Do([](Transaction& t) -> absl::Status {
    Study study = MakeStudy("wrong");
    study.id = *t.InsertStudy(study);  // Counts nothing, revision 0.
    Trial trial = MakeTrial(study.id, 1);
    trial.state = TrialState::kRunning;
    trial.id = *t.InsertTrial(trial);
    Trial pending = MakeTrial(study.id, 2);
    pending.id = *t.InsertTrial(pending);
    Attempt attempt = MakeAttempt(pending.id, 1);
    EXPECT_TRUE(t.InsertAttempt(attempt, study.id).ok());
    for (int32_t number : {2, 3}) {
      attempt.number = number;
      attempt.outcome = AttemptOutcome::kCompleted;
      EXPECT_TRUE(t.InsertAttempt(attempt, study.id).ok());
    }
    return t.InsertMeasurement(study.id, pending.id, 1, MakeMeasurement(1, 9));
  });
  const auto lines = storage_->Check();
  ASSERT_TRUE(lines.ok()) << lines.status();
  for (const char* text :
       {"numbers are not 0 to", "counts other states",
        "counts 0 measurements, there are 1", "trial 1 at 2",
        "a measurement of it at 9", "trial 1 is RUNNING and has no",
        "trial 2 is not RUNNING, its attempt 1 is",
        "trial 2 has 0 attempts, their numbers",
        "trial 2 has 2 accepted results"}) {
    EXPECT_THAT(*lines, testing::Contains(HasSubstr(text)));
  }
}

ASSAY_FOR_EACH_STORAGE(WritingConformanceTest);

}  // namespace
}  // namespace assay
