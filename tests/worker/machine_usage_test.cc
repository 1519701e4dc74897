#include "worker/machine_usage.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ctime>

#include "gtest/gtest.h"

namespace assay {
namespace {

// A child in a process group of its own, until the end of the test.
class Sleeper {
 public:
  Sleeper() : pid_(fork()) {
    if (pid_ == 0) {
      setpgid(0, 0);
      for (;;) pause();
    }
    setpgid(pid_, pid_);
  }
  ~Sleeper() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  pid_t pid() const { return pid_; }

 private:
  const pid_t pid_;
};

TEST(MachineUsageTest, AMachineHasMemoryAndHasWorked) {
  const auto usage = ReadMachineUsage();
  ASSERT_TRUE(usage.ok()) << usage.status();
  EXPECT_GT(usage->busy_seconds, 0);
  EXPECT_GT(usage->memory_bytes, usage->available_bytes);
  EXPECT_GT(usage->available_bytes, 0);
}

TEST(MachineUsageTest, CountsTheProcessesOfTheGroupsAndNoOthers) {
  const Sleeper a, b;
  EXPECT_EQ(ReadUsageOf({}).processes, 0);
  EXPECT_EQ(ReadUsageOf({a.pid()}).processes, 1);
  EXPECT_EQ(ReadUsageOf({a.pid(), b.pid()}).processes, 2);
  EXPECT_GT(ReadUsageOf({a.pid()}).resident_bytes, 0);
}

TEST(MachineUsageTest, ProcessorTimeOfAProcessIsThatOfItsGroup) {
  const double before = ReadUsageOf({getpgrp()}).cpu_seconds;
  const clock_t start = clock();
  while (clock() - start < CLOCKS_PER_SEC / 10) {
  }
  EXPECT_GE(ReadUsageOf({getpgrp()}).cpu_seconds, before + 0.05);
}

}  // namespace
}  // namespace assay
