// What survives: a power cut at any moment, a full disk, a failed sync.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "storage/sqlite_storage.h"
#include "storage/storage.h"
#include "tests/storage/rows_for_tests.h"
#include "tests/support/unsynced_vfs.h"

namespace assay {
namespace {

using ::testing::IsEmpty;
using Unsynced = UnsyncedVfs::Unsynced;

constexpr char kVfs[] = "unsynced";
constexpr StudyId kStudy{1};

// Adds the study's next trial with its running attempt and a measurement, or
// the study itself: what a server's transaction does, its counts kept right.
absl::Status AddNextTrial(Transaction& t) {
  absl::StatusOr<Study> study = t.GetStudy(kStudy);
  if (!study.ok()) return t.InsertStudy(MakeStudy("s")).status();
  Trial trial = MakeTrial(kStudy, study->counts.trials);
  trial.revision = trial.created_revision = ++study->revision;
  trial.state = TrialState::kRunning;
  trial.attempts = 1;
  const absl::StatusOr<TrialId> id = t.InsertTrial(trial);
  if (!id.ok()) return id.status();
  absl::Status status = t.InsertAttempt(MakeAttempt(*id, 1), kStudy);
  if (!status.ok()) return status;
  status = t.InsertMeasurement(kStudy, *id, 1,
                               MakeMeasurement(1, ++study->revision));
  if (!status.ok()) return status;
  ++study->counts.trials;
  ++study->counts.running;
  ++study->counts.measurements;
  return t.UpdateStudy(*study);
}

class DurabilityTest : public testing::Test {
 protected:
  // nullptr if it cannot be opened.
  std::unique_ptr<Storage> Open() {
    auto opened = OpenSqliteStorage(
        folder_.path(), {.max_queued_bytes = 64 << 20,
                         .max_readers = 2,
                         .checkpoint_bytes = 100'000,  // Now and then.
                         .vfs = kVfs});
    last_error_ = opened.status();
    return opened.ok() ? *std::move(opened) : nullptr;
  }

  // Writes `groups` times `size` at once and closes; the number acknowledged.
  int Run(int groups, int size) {
    std::atomic<int> acknowledged = 0;
    std::unique_ptr<Storage> storage = Open();
    if (storage == nullptr) return 0;
    for (int i = 0; i < groups; ++i) {
      for (int j = 1; j < size; ++j) {
        storage->Write(AddNextTrial, [&](const absl::Status& status) {
          acknowledged += status.ok();
        });
      }
      acknowledged += WriteNow(*storage, AddNextTrial).ok();
    }
    storage.reset();
    return acknowledged;
  }

  // Rows that the writes left: the study and its trials.
  static int CountRows(Storage& storage) {
    return ReadNow<int>(storage, [](Snapshot& s) {
      const absl::StatusOr<Study> study = s.GetStudy(kStudy);
      return study.ok() ? 1 + static_cast<int>(study->counts.trials) : 0;
    });
  }

  static void ExpectSound(Storage& storage) {
    const auto lines = storage.Check();
    ASSERT_TRUE(lines.ok()) << lines.status();
    EXPECT_THAT(*lines, IsEmpty());
  }

  // Cuts the power at every `stride`-th operation of that run.
  void CutEverywhere(int groups, int size, int stride) {
    const int64_t before = vfs_->operations();
    ASSERT_EQ(Run(groups, size), groups * size);
    const int64_t operations = vfs_->operations() - before;
    ASSERT_GT(operations, 2 * groups);
    for (int64_t cut = 0; cut <= operations; cut += stride) {
      for (Unsynced unsynced :
           {Unsynced::kLost, Unsynced::kKept, Unsynced::kSome}) {
        SCOPED_TRACE(testing::Message() << "cut after " << cut << " operations,"
                                        << " mode " << int(unsynced));
        CutOnce(groups, size, cut, unsynced);
        if (HasFatalFailure() || HasNonfatalFailure()) return;
      }
    }
  }

  void CutOnce(int groups, int size, int64_t cut, Unsynced unsynced) {
    vfs_.reset();
    vfs_ = std::make_unique<UnsyncedVfs>(kVfs);
    vfs_->CutPowerAfter(cut);
    const int acknowledged = Run(groups, size);
    vfs_->Restore(unsynced, static_cast<uint64_t>(cut));
    std::unique_ptr<Storage> storage = Open();
    ASSERT_NE(storage, nullptr) << last_error_;
    const int rows = CountRows(*storage);
    EXPECT_GE(rows, acknowledged);
    EXPECT_LE(rows, groups * size);
    ExpectSound(*storage);
    EXPECT_TRUE(WriteNow(*storage, AddNextTrial).ok());
    EXPECT_EQ(CountRows(*storage), rows + 1);
  }

  TemporaryFolder folder_;
  std::unique_ptr<UnsyncedVfs> vfs_ = std::make_unique<UnsyncedVfs>(kVfs);
  absl::Status last_error_;
};

TEST_F(DurabilityTest, TheDiskForgetsWhatWasNotSynced) {
  ASSERT_EQ(Run(5, 1), 5);
  vfs_->FailSyncs(true);
  EXPECT_EQ(Run(1, 1), 0);
  vfs_->Restore(Unsynced::kLost);
  EXPECT_EQ(CountRows(*Open()), 5);
}

TEST_F(DurabilityTest, AcknowledgedWritesSurviveAPowerCutAnywhere) {
  CutEverywhere(/*groups=*/12, /*size=*/1, /*stride=*/1);
}

TEST_F(DurabilityTest, AcknowledgedGroupsSurviveAPowerCutAnywhere) {
  CutEverywhere(/*groups=*/30, /*size=*/8, /*stride=*/11);
}

TEST_F(DurabilityTest, AcknowledgedWritesSurviveCutAfterCut) {
  int rows = 0;
  for (uint64_t i = 0; i < 60; ++i) {
    vfs_->CutPowerAfter(static_cast<int64_t>(i * 7 % 53));
    rows += Run(4, 2);
    vfs_->Restore(Unsynced::kSome, i);
    std::unique_ptr<Storage> storage = Open();
    ASSERT_NE(storage, nullptr) << last_error_;
    EXPECT_GE(CountRows(*storage), rows);
    rows = CountRows(*storage);
    ExpectSound(*storage);
  }
}

TEST_F(DurabilityTest, FullDiskRefusesAndGoesOnWhenThereIsRoom) {
  std::unique_ptr<Storage> storage = Open();
  int acknowledged = 0;
  for (int i = 0; i < 5; ++i) {
    acknowledged += WriteNow(*storage, AddNextTrial).ok();
  }
  vfs_->SetQuota(vfs_->TotalBytes() + 20'000);
  absl::Status status;
  while (status.ok()) {
    status = WriteNow(*storage, AddNextTrial);
    acknowledged += status.ok();
  }
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
  EXPECT_TRUE(storage->Health().ok());
  EXPECT_EQ(CountRows(*storage), acknowledged);
  vfs_->SetQuota(1 << 30);
  status = WriteNow(*storage, AddNextTrial);
  EXPECT_TRUE(status.ok()) << status;
  acknowledged += status.ok();
  ExpectSound(*storage);
  storage.reset();
  vfs_->Restore(Unsynced::kLost);
  storage = Open();
  EXPECT_EQ(CountRows(*storage), acknowledged);
  ExpectSound(*storage);
}

// More than the page cache holds: SQLite meets the full disk inside the body
// and ends the whole transaction.
absl::Status WriteFarTooMuch(Transaction& t) {
  SpecRevision spec;
  spec.spec.assign(1 << 20, 'x');
  for (spec.number = 1; spec.number <= 48; ++spec.number) {
    const absl::Status status = t.InsertSpec(kStudy, spec);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

TEST_F(DurabilityTest, FullDiskInsideABodyFailsTheWholeGroup) {
  std::unique_ptr<Storage> storage = Open();
  ASSERT_TRUE(WriteNow(*storage, AddNextTrial).ok());
  vfs_->SetQuota(vfs_->TotalBytes() + (4 << 20));
  std::promise<void> begun, go;
  storage->Write(
      [&](Transaction&) {
        begun.set_value();
        go.get_future().wait();
        return absl::OkStatus();
      },
      [](const absl::Status&) {});
  begun.get_future().wait();  // A group by itself.
  std::vector<absl::StatusCode> codes;
  const auto note = [&](const absl::Status& status) {
    codes.push_back(status.code());
  };
  bool last_ran = false;
  storage->Write(AddNextTrial, note);
  storage->Write(
      [](Transaction& t) {
        WriteFarTooMuch(t).IgnoreError();  // Goes on as if nothing were wrong.
        return absl::OkStatus();
      },
      note);
  storage->Write(
      [&](Transaction&) {
        last_ran = true;
        return absl::OkStatus();
      },
      note);
  std::promise<void> answered;
  storage->Write(AddNextTrial, [&](const absl::Status& status) {
    note(status);
    answered.set_value();
  });
  go.set_value();  // All of them wait by now: they are one group.
  answered.get_future().wait();
  EXPECT_THAT(codes, testing::Each(absl::StatusCode::kUnavailable));
  EXPECT_EQ(codes.size(), 4);
  EXPECT_FALSE(last_ran);
  EXPECT_EQ(CountRows(*storage), 1);
  vfs_->SetQuota(1 << 30);
  EXPECT_TRUE(WriteNow(*storage, AddNextTrial).ok());
  ExpectSound(*storage);
}

TEST_F(DurabilityTest, FailedSyncRefusesEveryWriteUntilARestart) {
  std::unique_ptr<Storage> storage = Open();
  ASSERT_TRUE(WriteNow(*storage, AddNextTrial).ok());
  ASSERT_TRUE(WriteNow(*storage, AddNextTrial).ok());
  vfs_->FailSyncs(true);
  EXPECT_EQ(WriteNow(*storage, AddNextTrial).code(),
            absl::StatusCode::kUnavailable);
  EXPECT_FALSE(storage->Health().ok());
  vfs_->FailSyncs(false);
  bool ran = false;
  const absl::Status status = WriteNow(*storage, [&](Transaction&) {
    ran = true;
    return absl::OkStatus();
  });
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_FALSE(ran);
  EXPECT_EQ(CountRows(*storage), 2);  // Reads go on.
  storage.reset();
  vfs_->Restore(Unsynced::kLost);
  storage = Open();
  ASSERT_NE(storage, nullptr) << last_error_;
  EXPECT_TRUE(storage->Health().ok());
  EXPECT_EQ(CountRows(*storage), 2);
  EXPECT_TRUE(WriteNow(*storage, AddNextTrial).ok());
  ExpectSound(*storage);
}

TEST_F(DurabilityTest, ACutWhileTheWalIsCopiedLosesNothing) {
  ASSERT_EQ(Run(3, 1), 3);
  auto storage = Open();
  int rows = 3;
  for (int i = 0; i < 40; ++i) rows += WriteNow(*storage, AddNextTrial).ok();
  vfs_->CutPowerAfter(3);  // The copy at its end.
  storage.reset();
  EXPECT_TRUE(vfs_->power_is_off());
  vfs_->Restore(Unsynced::kSome, 4);
  storage = Open();
  ASSERT_NE(storage, nullptr) << last_error_;
  EXPECT_EQ(CountRows(*storage), rows);
  ExpectSound(*storage);
}

}  // namespace
}  // namespace assay
