#include "worker/state_folder.h"

#include <unistd.h>

#include <csignal>

#include "gmock/gmock.h"
#include "tests/worker/trial_bench.h"

namespace assay {
namespace {

using testing::HasSubstr;

class StateFolderTest : public TrialBench {
 protected:
  // A worker in a process of its own that runs a trial whose grandchild lives.
  std::unique_ptr<TrialProcess> StartWorker(const std::string& folder) {
    auto worker = Start(Program({"worker", folder}));
    Attach(*worker);
    EXPECT_TRUE(UntilSaid("\n"));
    trial_ = std::stoi(output_);
    grandchild_ = std::stoi(output_.substr(output_.find(' ')));
    return worker;
  }

  static bool IsDead(pid_t pid) {
    const std::string stat = ReadFile("/proc/" + std::to_string(pid) + "/stat");
    return stat.empty() || stat.find(") Z ") != std::string::npos;
  }

  pid_t trial_ = 0;
  pid_t grandchild_ = 0;
};

TEST_F(StateFolderTest, ASecondWorkerIsRefusedByName) {
  const auto second = StateFolder::Open(state_->path());
  EXPECT_EQ(second.status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_THAT(std::string(second.status().message()),
              HasSubstr("another worker uses the state folder"));
}

TEST_F(StateFolderTest, KillsWhatAKilledWorkerLeftBehind) {
  const std::string folder = folder_.File("other");
  const auto worker = StartWorker(folder);
  std::filesystem::create_directories(folder + "/trials/1-1/data");
  kill(worker->pid(), SIGKILL);
  ASSERT_TRUE(UntilEnd());
  // PDEATHSIG reached the trial, but not its grandchild.
  ASSERT_TRUE(Until([&] { return IsDead(trial_); }));
  ASSERT_FALSE(IsDead(grandchild_));

  const auto state = StateFolder::Open(folder);
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_EQ((*state)->leftovers(), 1);
  EXPECT_TRUE(Until([&] { return IsDead(grandchild_); }));
  EXPECT_TRUE(std::filesystem::is_empty(folder + "/trials"));
  EXPECT_TRUE(std::filesystem::is_empty(folder + "/processes"));
}

TEST_F(StateFolderTest, SocketsLieInAShortFolderOfTheirOwn) {
  const std::string socket = state_->NewSocket();
  EXPECT_NE(socket, state_->NewSocket());
  EXPECT_LT(socket.size(), 100U);
  const auto folder = std::filesystem::path(socket).parent_path();
  EXPECT_EQ(std::filesystem::status(folder).permissions(),
            std::filesystem::perms::owner_all);
  state_.reset();
  EXPECT_FALSE(std::filesystem::exists(folder));
}

TEST_F(StateFolderTest, SparesAProcessThatGotTheNumberLater) {
  const auto process = Start(Program({"wait"}));
  Attach(*process);
  ASSERT_TRUE(UntilSaid("ready"));
  const std::string folder = folder_.File("other");
  { (*StateFolder::Open(folder))->Record(process->pid(), 12345); }
  const auto state = StateFolder::Open(folder);
  ASSERT_TRUE(state.ok());
  EXPECT_EQ((*state)->leftovers(), 0);
  EXPECT_TRUE(process->Alive());
}

TEST_F(StateFolderTest, SparesEverythingAfterAReboot) {
  const auto process = Start(Program({"wait"}));
  const std::string folder = folder_.File("other");
  { ASSERT_TRUE(StateFolder::Open(folder).ok()); }
  std::ofstream(folder + "/processes/" + std::to_string(process->pid()))
      << process->start_time() << " another-boot mark";
  const auto state = StateFolder::Open(folder);
  EXPECT_EQ((*state)->leftovers(), 0);
  EXPECT_TRUE(process->Alive());
}

TEST_F(StateFolderTest, TrimsTheOutputOfTheOldest) {
  for (int i = 1; i <= 5; ++i) {
    const std::string path = state_->OutputOf({i, 1});
    std::ofstream(path + ".log") << i;
    std::ofstream(path + ".tail") << i;
    std::filesystem::last_write_time(
        path + ".log", std::filesystem::file_time_type::clock::now() +
                           std::chrono::seconds(i));
  }
  state_->TrimOutput(2);
  EXPECT_FALSE(std::filesystem::exists(state_->OutputOf({3, 1}) + ".log"));
  EXPECT_FALSE(std::filesystem::exists(state_->OutputOf({3, 1}) + ".tail"));
  EXPECT_TRUE(std::filesystem::exists(state_->OutputOf({4, 1}) + ".log"));
}

}  // namespace
}  // namespace assay
