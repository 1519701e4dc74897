#include "worker/standby_pool.h"

#include <csignal>

#include "gmock/gmock.h"
#include "tests/worker/trial_bench.h"

namespace assay {
namespace {

class StandbyPoolTest : public TrialBench {
 protected:
  std::unique_ptr<TrialProcess> UntilReady(const std::string& devices) {
    std::unique_ptr<TrialProcess> process;
    EXPECT_TRUE(Until([&] {
      process = standby_.Take(devices);
      return process != nullptr;
    }));
    return process;
  }
};

TEST_F(StandbyPoolTest, GivesTheOneThatWaits) {
  EXPECT_EQ(standby_.Take("0"), nullptr);
  standby_.Prepare("0");
  const auto process = UntilReady("0");
  EXPECT_TRUE(process->Alive());
  EXPECT_EQ(standby_.Take("0"), nullptr);
}

TEST_F(StandbyPoolTest, KeepsDevicesApart) {
  standby_.Prepare("0");
  UntilReady("0");
  standby_.Prepare("0");
  EXPECT_EQ(standby_.Take("1"), nullptr);
}

TEST_F(StandbyPoolTest, NeverGivesOneThatDied) {
  standby_.Prepare("0");
  auto process = UntilReady("0");
  const pid_t first = process->pid();
  process.reset();
  standby_.Prepare("0");
  process = UntilReady("0");
  EXPECT_NE(process->pid(), first);
}

TEST_F(StandbyPoolTest, PreparesAFreshOneForOneThatDied) {
  pid_t dead = 0;
  StandbyPool pool(loop_, spawner_, *state_, [](const std::string&) {
    return Program({"exit", "0"});
  });
  pool.Prepare("");
  const auto folder = state_->path() + "/processes";
  ASSERT_TRUE(Until([&] { return !std::filesystem::is_empty(folder); }));
  dead = std::stoi(
      std::filesystem::directory_iterator(folder)->path().filename().string());
  ASSERT_TRUE(Until([&] {
    return ReadFile("/proc/" + std::to_string(dead) + "/stat").find(") Z ") !=
           std::string::npos;
  }));
  EXPECT_EQ(pool.Take(""), nullptr);
}

}  // namespace
}  // namespace assay
