#include "worker/trial_process.h"

#include <csignal>
#include <sstream>

#include "gmock/gmock.h"
#include "tests/worker/trial_bench.h"

namespace assay {
namespace {

using testing::EndsWith;

class TrialProcessTest : public TrialBench {};

// Of the processes that are there, none but zombies (until their new parent
// reaps them) belongs to the group.
bool GroupIsDead(pid_t group) {
  std::error_code error;
  for (std::filesystem::directory_iterator entry("/proc", error), end;
       !error && entry != end; entry.increment(error)) {
    std::ifstream file(entry->path() / "stat");
    std::string stat;
    if (!std::getline(file, stat)) continue;
    std::istringstream fields(stat.substr(stat.rfind(')') + 1));
    std::string state;
    pid_t parent = 0;
    pid_t its_group = 0;
    fields >> state >> parent >> its_group;
    if (its_group == group && state != "Z") return false;
  }
  return true;
}

TEST_F(TrialProcessTest, TellsTheExitCode) {
  const auto process = Start(Program({"exit", "3"}));
  Attach(*process);
  ASSERT_TRUE(UntilEnd());
  EXPECT_FALSE(end_->by_signal);
  EXPECT_EQ(end_->code, 3);
  EXPECT_EQ(ToText(*end_), "exit code 3");
}

TEST_F(TrialProcessTest, TellsTheSignal) {
  for (const int number : {SIGSEGV, SIGKILL, SIGABRT}) {
    end_.reset();
    const auto process = Start(Program({"signal", std::to_string(number)}));
    Attach(*process);
    ASSERT_TRUE(UntilEnd());
    EXPECT_TRUE(end_->by_signal);
    EXPECT_EQ(end_->code, number);
  }
}

TEST_F(TrialProcessTest, NamesASegmentationFault) {
  EXPECT_EQ(ToText(ProcessEnd{.by_signal = true, .code = 11, .error_tail = ""}),
            "signal 11 (Segmentation fault)");
}

TEST_F(TrialProcessTest, KeepsTheEndOfStderr) {
  const auto process =
      Start(Program({"fail", std::string(5000, 'a').append("the reason")}));
  Attach(*process);
  ASSERT_TRUE(UntilEnd());
  EXPECT_EQ(end_->error_tail.size(), 2048U);
  EXPECT_THAT(end_->error_tail, EndsWith("the reason\n"));
}

TEST_F(TrialProcessTest, TheEndIsThatOfTheProcessNotOfItsPipes) {
  auto child = Start(Program({"grandchild"}));
  const pid_t group = child->pid();
  Attach(*child);
  ASSERT_TRUE(UntilEnd());
  EXPECT_EQ(end_->code, 0);
  EXPECT_EQ(output_, "gone\n");
  EXPECT_TRUE(Until([&] { return GroupIsDead(group); }));
}

TEST_F(TrialProcessTest, SigtermReachesAProcessOfAWorkerThatBlocksIt) {
  const auto process = Start(Program({"wait"}));
  Attach(*process);
  ASSERT_TRUE(UntilSaid("ready"));
  process->Terminate();
  ASSERT_TRUE(UntilEnd());
  EXPECT_TRUE(end_->by_signal);
  EXPECT_EQ(end_->code, SIGTERM);
}

TEST_F(TrialProcessTest, KillEndsWhatIgnoresSigterm) {
  const auto process = Start(Program({"ignore-term"}));
  Attach(*process);
  ASSERT_TRUE(UntilSaid("ready"));
  process->Terminate();
  process->Kill();
  ASSERT_TRUE(UntilEnd());
  EXPECT_EQ(end_->code, SIGKILL);
}

TEST_F(TrialProcessTest, TakesAllOfAFlood) {
  const auto process = Start(Program({"flood", std::to_string(10 << 20)}));
  Attach(*process);
  ASSERT_TRUE(UntilEnd());
  EXPECT_EQ(output_.size(), 10U << 20);
}

TEST_F(TrialProcessTest, WritesOneInput) {
  const auto process = Start(Program({"input"}));
  EXPECT_TRUE(process->WriteInput("a line\n"));
  Attach(*process);
  ASSERT_TRUE(UntilEnd());
  EXPECT_EQ(output_, "a line\n");
}

TEST_F(TrialProcessTest, KnowsWhetherItLivesBeforeItIsTold) {
  const auto process = Start(Program({"input"}));
  EXPECT_TRUE(process->Alive());
  process->CloseInput();
  Attach(*process);
  ASSERT_TRUE(UntilEnd());
  const auto dead = Start(Program({"exit", "0"}));
  ASSERT_TRUE(Until([&] { return !dead->Alive(); }));
}

TEST_F(TrialProcessTest, DestructionKillsTheGroup) {
  auto process = Start(Program({"grandchild-waits"}));
  Attach(*process);
  ASSERT_TRUE(UntilSaid("\n"));
  const pid_t group = process->pid();
  process.reset();
  EXPECT_TRUE(Until([&] { return GroupIsDead(group); }));
}

}  // namespace
}  // namespace assay
