#include "worker/scratch_folders.h"

#include <future>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/worker/temporary_folder.h"

namespace assay {
namespace {

TEST(ScratchFoldersTest, MeasuresEverythingBelowAndRemovesIt) {
  const TemporaryFolder folder;
  const std::string below = folder.File("a/b/c");
  std::filesystem::create_directories(below);
  std::ofstream(below + "/big") << std::string(1 << 20, 'x');
  std::promise<int64_t> measured;
  {
    ScratchFolders folders;
    folders.Measure(folder.File("a"),
                    [&](int64_t bytes) { measured.set_value(bytes); });
    folders.Remove(folder.File("a"));
  }
  EXPECT_GE(measured.get_future().get(), 1 << 20);
  EXPECT_FALSE(std::filesystem::exists(folder.File("a")));
}

TEST(ScratchFoldersTest, AFolderThatIsNotThereHoldsNothing) {
  std::promise<int64_t> measured;
  ScratchFolders folders;
  folders.Measure("/nowhere/at/all",
                  [&](int64_t bytes) { measured.set_value(bytes); });
  EXPECT_EQ(measured.get_future().get(), 0);
}

}  // namespace
}  // namespace assay
