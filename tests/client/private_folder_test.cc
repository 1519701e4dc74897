#include "client/cli/private_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace assay {
namespace {

namespace fs = std::filesystem;

class PrivateFolderTest : public ::testing::Test {
 protected:
  PrivateFolderTest() : parent_(mkdtemp(pattern_)) {
    setenv("XDG_RUNTIME_DIR", parent_.c_str(), 1);
  }
  ~PrivateFolderTest() override {
    unsetenv("XDG_RUNTIME_DIR");
    std::error_code ignored;
    fs::remove_all(parent_, ignored);
  }

  char pattern_[32] = "/tmp/assay-test-XXXXXX";
  const std::string parent_;
};

TEST_F(PrivateFolderTest, IsClosedToOthersAndGoneAtItsEnd) {
  {
    const auto folder = PrivateFolder::Create();
    ASSERT_TRUE(folder.ok()) << folder.status();
    EXPECT_EQ(fs::path((*folder)->path()).parent_path(), parent_);
    EXPECT_EQ(fs::status((*folder)->path()).permissions(),
              fs::perms::owner_all);
    std::ofstream((*folder)->path() + "/grpc") << "a socket that was left";
  }
  EXPECT_TRUE(fs::is_empty(parent_));
}

TEST_F(PrivateFolderTest, TheNextRemovesWhatAKilledProgramLeft) {
  const pid_t killed = fork();
  if (killed == 0) _exit(PrivateFolder::Create().ok() ? 0 : 1);
  int end = 0;
  ASSERT_EQ(waitpid(killed, &end, 0), killed);
  ASSERT_EQ(end, 0);
  const fs::path left = fs::directory_iterator(parent_)->path();

  const auto folder = PrivateFolder::Create();
  ASSERT_TRUE(folder.ok());
  EXPECT_FALSE(fs::exists(left));
  const auto another = PrivateFolder::Create();
  EXPECT_TRUE(fs::exists((*folder)->path())) << "its program lives";
}

}  // namespace
}  // namespace assay
