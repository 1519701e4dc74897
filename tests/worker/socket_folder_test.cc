#include "worker/socket_folder.h"

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "gmock/gmock.h"
#include "tests/worker/trial_bench.h"

namespace assay {
namespace {

namespace fs = std::filesystem;

using testing::IsEmpty;
using testing::SizeIs;

class SocketFolderTest : public TrialBench {
 protected:
  SocketFolderTest() {
    fs::create_directory(parent_);
    setenv("XDG_RUNTIME_DIR", parent_.c_str(), 1);
  }
  ~SocketFolderTest() override { unsetenv("XDG_RUNTIME_DIR"); }

  std::unique_ptr<SocketFolder> Create() {
    auto folder = SocketFolder::Create();
    EXPECT_TRUE(folder.ok()) << folder.status();
    return *std::move(folder);
  }

  std::vector<fs::path> Folders() const {
    return {fs::directory_iterator(parent_), fs::directory_iterator()};
  }

  const std::string parent_ = folder_.File("runtime");
};

TEST_F(SocketFolderTest, IsClosedToOthersAndGoneAtItsEnd) {
  auto folder = Create();
  EXPECT_EQ(fs::status(folder->path()).permissions(), fs::perms::owner_all);
  EXPECT_THAT(Folders(), SizeIs(1));
  std::ofstream(folder->path() + "/1") << "a socket that was left";
  folder.reset();
  EXPECT_THAT(Folders(), IsEmpty());
}

TEST_F(SocketFolderTest, TheNextWorkerRemovesWhatAKilledOneLeft) {
  Command command = Program({"worker", folder_.File("other")});
  command.environment.push_back("XDG_RUNTIME_DIR=" + parent_);
  const auto worker = Start(std::move(command));
  Attach(*worker);
  ASSERT_TRUE(UntilSaid("\n"));
  const std::vector<fs::path> left = Folders();
  ASSERT_THAT(left, SizeIs(1));
  std::ofstream(left[0] / "1") << "a socket";

  {
    const auto folder = Create();
    EXPECT_TRUE(fs::exists(left[0])) << "its owner lives";
  }
  kill(worker->pid(), SIGKILL);
  ASSERT_TRUE(UntilEnd());
  EXPECT_TRUE(fs::exists(left[0]));
  const auto folder = Create();
  EXPECT_FALSE(fs::exists(left[0]));
  EXPECT_TRUE(fs::exists(folder->path()));
}

TEST_F(SocketFolderTest, TouchesNothingElse) {
  const fs::path target = folder_.File("target");
  fs::create_directory(target);
  fs::create_directory_symlink(target, parent_ + "/assay-sockets-link");
  fs::create_directory(parent_ + "/other-folder");
  std::ofstream(parent_ + "/assay-sockets-file") << "a file";
  const auto folder = Create();
  EXPECT_TRUE(fs::exists(target));
  EXPECT_THAT(Folders(), SizeIs(4));
}

TEST_F(SocketFolderTest, WithoutARuntimeFolderItLiesInTmp) {
  setenv("XDG_RUNTIME_DIR", std::string(80, 'x').insert(0, "/").c_str(), 1);
  EXPECT_EQ(fs::path(Create()->path()).parent_path(), "/tmp");
}

}  // namespace
}  // namespace assay
