#include "worker/trainer/checkpoint_folder.h"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/worker/trainer/support/recorder.h"
#include "tests/worker/trainer/support/scratch_folder.h"

namespace assay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr double kAlways = 1e-9;

// Does not take a checkpoint before it is told to, or waited for.
class SlowWorker : public Recorder {
 public:
  void AnnounceCheckpoint(int64_t step) override {
    Recorder::AnnounceCheckpoint(step);
    answered = false;
  }
  bool CheckpointAnswered() override { return answered; }
  void AwaitCheckpoint() override {
    answered = true;
    ++waits;
  }

  bool answered = true;
  int waits = 0;
};

CheckpointFolder::Write Content(const std::string& content) {
  return [content](const std::string& path) {
    std::ofstream(path) << content;
    return Success();
  };
}

class CheckpointFolderTest : public ::testing::Test {
 protected:
  std::string Saved() const {
    std::ostringstream text;
    text << std::ifstream(folder_.path() + "/trainer.pt").rdbuf();
    return text.str();
  }

  ScratchFolder folder_;
  SlowWorker worker_;
};

TEST_F(CheckpointFolderTest, SavesAndAnnounces) {
  CheckpointFolder checkpoints(folder_.path(), kAlways, worker_);
  EXPECT_TRUE(checkpoints.Due(1));
  checkpoints.Save(3, Content("three"));
  EXPECT_EQ(Saved(), "three");
  EXPECT_THAT(worker_.checkpoints, ElementsAre(3));
}

TEST_F(CheckpointFolderTest, NoneIsDueBeforeTheLastOneIsTaken) {
  CheckpointFolder checkpoints(folder_.path(), kAlways, worker_);
  checkpoints.Save(3, Content("three"));
  EXPECT_FALSE(checkpoints.Due(1));
  worker_.answered = true;
  EXPECT_TRUE(checkpoints.Due(1));
}

TEST_F(CheckpointFolderTest, NoneIsDueWithinTheIntervalNorWithoutOne) {
  EXPECT_FALSE(CheckpointFolder(folder_.path(), 1e6, worker_).Due(1));
  EXPECT_FALSE(CheckpointFolder(folder_.path(), 0, worker_).Due(1));
}

TEST_F(CheckpointFolderTest, WithoutAFolderNothingIsSaved) {
  CheckpointFolder checkpoints("", kAlways, worker_);
  EXPECT_FALSE(checkpoints.Due(1));
  checkpoints.SaveLast(3, [](const std::string& /*path*/) -> Done {
    ADD_FAILURE() << "nothing to write to";
    return Success();
  });
  EXPECT_THAT(worker_.checkpoints, IsEmpty());
}

TEST_F(CheckpointFolderTest, TheLastOneWaitsForTheOneBeforeAndForItself) {
  CheckpointFolder checkpoints(folder_.path(), 0, worker_);
  checkpoints.SaveLast(3, Content("three"));
  EXPECT_EQ(worker_.waits, 2);
  EXPECT_THAT(worker_.checkpoints, ElementsAre(3));
}

TEST_F(CheckpointFolderTest, TheOldOneStaysWholeUntilTheNewOneIs) {
  CheckpointFolder checkpoints(folder_.path(), kAlways, worker_);
  checkpoints.Save(3, Content("three"));
  checkpoints.Save(4, [this](const std::string& path) {
    std::ofstream(path) << "fo";
    EXPECT_EQ(Saved(), "three");
    return Success();
  });
  EXPECT_EQ(Saved(), "fo");
}

TEST_F(CheckpointFolderTest, APartIsNeitherKeptNorAnnounced) {
  CheckpointFolder checkpoints(folder_.path(), kAlways, worker_);
  checkpoints.Save(3, Content("three"));
  checkpoints.Save(4, [](const std::string& path) -> Done {
    std::ofstream(path) << "fo";
    return Failure("the disk is full");
  });
  EXPECT_EQ(Saved(), "three");
  EXPECT_THAT(worker_.checkpoints, ElementsAre(3));
  EXPECT_THAT(worker_.notes,
              HasSubstr("No checkpoint at step 4: the disk is full"));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_.path()),
                          std::filesystem::directory_iterator()),
            1);
}

}  // namespace
}  // namespace assay
