// Rows of checkpoints: what they name, and what the counts say of it.

#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "search/base/sha256.h"
#include "search/base/status_macros.h"
#include "storage/sqlite_storage.h"
#include "tests/storage/rows_for_tests.h"

namespace assay {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class CheckpointRowsTest : public ::testing::Test {
 protected:
  CheckpointRowsTest() : storage_(*OpenMemoryStorage()) {
    for (const char* name : {"a", "b"}) {
      Do([&](Transaction& rows) -> absl::Status {
        Study study = MakeStudy(name);
        study.counts.trials = study.counts.running = 1;
        study.revision = 5;
        ASSAY_ASSIGN_OR_RETURN(study.id, rows.InsertStudy(study));
        Trial trial = MakeTrial(study.id, 0);
        trial.state = TrialState::kRunning;
        trial.attempts = 1;
        ASSAY_ASSIGN_OR_RETURN(trial.id, rows.InsertTrial(trial));
        trials_.push_back(trial);
        return rows.InsertAttempt(MakeAttempt(trial.id, 1), study.id);
      });
    }
  }
  // The counts are as the check counts them, after whatever a test did.
  ~CheckpointRowsTest() override { EXPECT_THAT(*storage_->Check(), IsEmpty()); }

  void Do(Storage::Body body) {
    const absl::Status status = WriteNow(*storage_, std::move(body));
    ASSERT_TRUE(status.ok()) << status;
  }

  // Of one file with a full chunk for each word, and of one byte more.
  Checkpoint Make(const Trial& trial, int64_t step,
                  const std::vector<std::string>& words) const {
    CheckpointFile file = {.path = "model"};
    for (const std::string& word : words) file.chunks.push_back(Sha256(word));
    file.size = static_cast<int64_t>(words.size()) * kChunkBytes;
    const Manifest manifest = {{file, {.path = "empty", .mode = 0600}}};
    return {.study = trial.study,
            .trial = trial.id,
            .attempt = 1,
            .step = step,
            .created = absl::FromUnixSeconds(1'700'000'000),
            .files = 2,
            .bytes = file.size,
            .manifest = manifest};
  }

  CheckpointId Insert(const Checkpoint& checkpoint) {
    CheckpointId id;
    Do([&](Transaction& rows) -> absl::Status {
      ASSAY_ASSIGN_OR_RETURN(id, rows.InsertCheckpoint(checkpoint));
      return absl::OkStatus();
    });
    return id;
  }

  std::vector<std::string> Delete(CheckpointId id) {
    std::vector<std::string> freed;
    Do([&](Transaction& rows) -> absl::Status {
      ASSAY_ASSIGN_OR_RETURN(freed, rows.DeleteCheckpoint(id));
      return absl::OkStatus();
    });
    return freed;
  }

  int64_t BytesOfStudy(StudyId study) {
    return *ReadNow<absl::StatusOr<int64_t>>(
        *storage_, [&](Snapshot& rows) { return rows.CheckpointBytes(study); });
  }

  bool IsNamed(const std::string& word) {
    return *ReadNow<absl::StatusOr<bool>>(*storage_, [&](Snapshot& rows) {
      return rows.IsChunkNamed(Sha256(word));
    });
  }

  std::unique_ptr<Storage> storage_;
  std::vector<Trial> trials_;  // One in each of two studies.
};

TEST_F(CheckpointRowsTest, ACheckpointComesBackAsGiven) {
  Checkpoint given = Make(trials_[0], 9, {"x", "y"});
  given.unneeded_since = absl::FromUnixSeconds(1'700'000'100);
  given.id = Insert(given);
  const auto back = ReadNow<absl::StatusOr<Checkpoint>>(
      *storage_, [&](Snapshot& rows) { return rows.GetCheckpoint(given.id); });
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->id, given.id);
  EXPECT_EQ(back->study, given.study);
  EXPECT_EQ(back->trial, given.trial);
  EXPECT_EQ(back->attempt, given.attempt);
  EXPECT_EQ(back->step, given.step);
  EXPECT_EQ(back->created, given.created);
  EXPECT_EQ(back->files, given.files);
  EXPECT_EQ(back->bytes, given.bytes);
  EXPECT_EQ(back->manifest, given.manifest);
  EXPECT_EQ(back->unneeded_since, given.unneeded_since);
}

TEST_F(CheckpointRowsTest, TheNewestIsTheLastInserted) {
  Insert(Make(trials_[0], 9, {"x"}));
  Insert(Make(trials_[0], 3, {"x"}));  // The program went back.
  Insert(Make(trials_[1], 5, {"x"}));
  const auto newest = ReadNow<absl::StatusOr<std::optional<Checkpoint>>>(
      *storage_,
      [&](Snapshot& rows) { return rows.NewestCheckpoint(trials_[0].id); });
  EXPECT_EQ((*newest)->step, 3);
}

TEST_F(CheckpointRowsTest, TheSameIsFoundByItsContent) {
  const Checkpoint given = Make(trials_[0], 9, {"x"});
  const CheckpointId id = Insert(given);
  const auto find = [&](const Checkpoint& like) {
    return *ReadNow<absl::StatusOr<std::optional<Checkpoint>>>(
        *storage_, [&](Snapshot& rows) { return rows.FindCheckpoint(like); });
  };
  EXPECT_EQ(find(given)->id, id);
  EXPECT_EQ(find(Make(trials_[0], 10, {"x"})), std::nullopt);
  EXPECT_EQ(find(Make(trials_[0], 9, {"y"})), std::nullopt);
  EXPECT_EQ(find(Make(trials_[1], 9, {"x"})), std::nullopt);
  const absl::Status twice = WriteNow(*storage_, [&](Transaction& rows) {
    return rows.InsertCheckpoint(given).status();
  });
  EXPECT_EQ(twice.code(), absl::StatusCode::kAlreadyExists) << twice;
}

TEST_F(CheckpointRowsTest, AStudyPaysForEachChunkOnce) {
  Insert(Make(trials_[0], 1, {"x", "y", "x"}));
  EXPECT_EQ(BytesOfStudy(trials_[0].study), 2 * kChunkBytes);
  const Checkpoint next = Make(trials_[0], 2, {"x", "z"});
  EXPECT_EQ(*ReadNow<absl::StatusOr<int64_t>>(
                *storage_,
                [&](Snapshot& rows) {
                  return rows.CheckpointBytesNewTo(next.study, next.manifest);
                }),
            kChunkBytes);
  Insert(next);
  EXPECT_EQ(BytesOfStudy(trials_[0].study), 3 * kChunkBytes);
  Insert(Make(trials_[1], 2, {"x"}));
  EXPECT_EQ(BytesOfStudy(trials_[1].study), kChunkBytes);
  EXPECT_EQ(BytesOfStudy(StudyId()), 4 * kChunkBytes);
}

TEST_F(CheckpointRowsTest, ADeletedOneFreesWhatNobodyElseNames) {
  const CheckpointId first = Insert(Make(trials_[0], 1, {"x", "y", "w"}));
  const CheckpointId second = Insert(Make(trials_[0], 2, {"x"}));
  Insert(Make(trials_[1], 1, {"w"}));
  EXPECT_THAT(Delete(first), ElementsAre(Sha256("y")));
  EXPECT_EQ(BytesOfStudy(trials_[0].study), kChunkBytes);
  EXPECT_TRUE(IsNamed("w"));  // By the other study.
  EXPECT_THAT(Delete(second), ElementsAre(Sha256("x")));
  EXPECT_EQ(BytesOfStudy(trials_[0].study), 0);
  EXPECT_FALSE(IsNamed("x"));
}

TEST_F(CheckpointRowsTest, ListsGoByIdWithoutManifests) {
  const CheckpointId a = Insert(Make(trials_[0], 1, {"x"}));
  const CheckpointId b = Insert(Make(trials_[1], 1, {"x"}));
  const CheckpointId c = Insert(Make(trials_[0], 2, {"x"}));
  const auto list = [&](StudyId study, TrialId trial, CheckpointId after,
                        int limit) {
    std::vector<CheckpointId> ids;
    const auto found = ReadNow<absl::StatusOr<std::vector<Checkpoint>>>(
        *storage_, [&](Snapshot& rows) {
          return rows.ListCheckpoints(study, trial, after, limit);
        });
    for (const Checkpoint& checkpoint : *found) {
      EXPECT_THAT(checkpoint.manifest.files, IsEmpty());
      ids.push_back(checkpoint.id);
    }
    return ids;
  };
  EXPECT_THAT(list({}, {}, {}, 10), ElementsAre(a, b, c));
  EXPECT_THAT(list({}, {}, a, 1), ElementsAre(b));
  EXPECT_THAT(list(trials_[0].study, {}, {}, 10), ElementsAre(a, c));
  EXPECT_THAT(list({}, trials_[1].id, {}, 10), ElementsAre(b));
}

TEST_F(CheckpointRowsTest, UnneededIsAMarkThatGoesAway) {
  const CheckpointId id = Insert(Make(trials_[0], 1, {"x"}));
  const absl::Time now = absl::FromUnixSeconds(1'700'000'500);
  const auto since = [&] {
    return ReadNow<absl::StatusOr<Checkpoint>>(
               *storage_,
               [&](Snapshot& rows) { return rows.GetCheckpoint(id); })
        ->unneeded_since;
  };
  Do([&](Transaction& rows) { return rows.SetUnneeded(id, now); });
  EXPECT_EQ(since(), now);
  Do([&](Transaction& rows) { return rows.SetUnneeded(id, std::nullopt); });
  EXPECT_EQ(since(), std::nullopt);
}

TEST_F(CheckpointRowsTest, TrialsThatContinueAnother) {
  std::vector<TrialId> ids;
  Do([&](Transaction& rows) -> absl::Status {
    ASSAY_ASSIGN_OR_RETURN(Study study, rows.GetStudy(trials_[0].study));
    for (int64_t number : {1, 2}) {
      Trial trial = MakeTrial(trials_[0].study, number);
      trial.continues = trials_[0].id;
      trial.origin.ordinal = 7;
      ASSAY_ASSIGN_OR_RETURN(TrialId id, rows.InsertTrial(trial));
      ids.push_back(id);
    }
    study.counts.trials = 3;
    study.counts.pending = 2;
    return rows.UpdateStudy(study);
  });
  std::vector<TrialId> found;
  const auto children = ReadNow<absl::StatusOr<std::vector<Trial>>>(
      *storage_,
      [&](Snapshot& rows) { return rows.ListContinuing(trials_[0].id); });
  for (const Trial& trial : *children) found.push_back(trial.id);
  EXPECT_EQ(found, ids);
  EXPECT_THAT(
      *ReadNow<absl::StatusOr<std::vector<Trial>>>(
          *storage_, [&](Snapshot& rows) { return rows.ListContinuing({}); }),
      IsEmpty());

  const auto runs = [&](int64_t ordinal, TrialId after) {
    std::vector<TrialId> some;
    const auto trials = ReadNow<absl::StatusOr<std::vector<Trial>>>(
        *storage_, [&](Snapshot& rows) {
          return rows.ListContinuations(trials_[0].study, ordinal, after);
        });
    for (const Trial& trial : *trials) some.push_back(trial.id);
    return some;
  };
  EXPECT_EQ(runs(7, {}), ids);
  EXPECT_THAT(runs(7, ids[0]), ElementsAre(ids[1]));
  EXPECT_THAT(runs(7, ids[1]), IsEmpty());
  EXPECT_THAT(runs(8, {}), IsEmpty());
  EXPECT_THAT(runs(trials_[0].origin.ordinal, {}), IsEmpty());
}

}  // namespace
}  // namespace assay
