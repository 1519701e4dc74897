#include "worker/spawner.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <future>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace assay {
namespace {

using testing::HasSubstr;

absl::StatusOr<Child> StartAndWait(Spawner& spawner, Command command) {
  std::promise<absl::StatusOr<Child>> started;
  spawner.Start(std::move(command), [&](absl::StatusOr<Child> child) {
    started.set_value(std::move(child));
  });
  return started.get_future().get();
}

Command Shell(const std::string& script) {
  return {.argv = {"sh", "-c", script},
          .environment = {"PATH=/usr/bin:/bin"},
          .directory = "/"};
}

// Its output until it closes it; then it is reaped.
std::string OutputOf(Child& child) {
  std::string text;
  waitpid(child.pid, nullptr, 0);
  char buffer[4096];
  for (;;) {
    const ssize_t count = read(child.output.get(), buffer, sizeof(buffer));
    if (count <= 0) return text;
    text.append(buffer, static_cast<size_t>(count));
  }
}

TEST(SpawnerTest, FindsTheProgramInThePathOfItsEnvironment) {
  Spawner spawner;
  auto child = StartAndWait(spawner, Shell("echo hello; pwd"));
  ASSERT_TRUE(child.ok()) << child.status();
  EXPECT_EQ(OutputOf(*child), "hello\n/\n");
}

TEST(SpawnerTest, AProgramThatIsNotThereIsNotFound) {
  Spawner spawner;
  Command command = Shell("");
  command.argv[0] = "no-such-program";
  auto child = StartAndWait(spawner, command);
  EXPECT_EQ(child.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(child.status().message()),
              HasSubstr("no program \"no-such-program\""));
  command.argv[0] = "/no/such/program";
  EXPECT_EQ(StartAndWait(spawner, command).status().code(),
            absl::StatusCode::kNotFound);
}

TEST(SpawnerTest, AFolderThatIsNotThereIsNamed) {
  Spawner spawner;
  Command command = Shell("true");
  command.directory = "/no/such/folder";
  EXPECT_THAT(std::string(StartAndWait(spawner, command).status().message()),
              HasSubstr("/no/such/folder"));
}

TEST(SpawnerTest, TheChildHasOnlyTheGivenEnvironmentAndDescriptors) {
  setenv("ASSAY_TOKEN", "secret", 1);
  Spawner spawner;
  auto child = StartAndWait(spawner, Shell("env; ls /proc/self/fd | wc -l"));
  ASSERT_TRUE(child.ok());
  const std::string output = OutputOf(*child);
  EXPECT_THAT(output, testing::Not(HasSubstr("secret")));
  EXPECT_THAT(output, testing::EndsWith("4\n"));  // 0, 1, 2 and ls's own.
  unsetenv("ASSAY_TOKEN");
}

TEST(SpawnerTest, TheChildTakesSignalsThatWeBlockAndIgnore) {
  sigset_t mask;
  sigset_t before;
  sigemptyset(&mask);
  sigaddset(&mask, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &mask, &before);
  const auto pipe_before = signal(SIGPIPE, SIG_IGN);
  {
    Spawner spawner;
    auto child = StartAndWait(
        spawner, Shell("grep -E 'SigBlk|SigIgn' /proc/self/status"));
    ASSERT_TRUE(child.ok());
    EXPECT_EQ(OutputOf(*child),
              "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
  }
  signal(SIGPIPE, pipe_before);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

TEST(SpawnerTest, TheChildLeadsAGroupOfItsOwn) {
  Spawner spawner;
  auto child = StartAndWait(spawner, Shell("cat"));
  ASSERT_TRUE(child.ok());
  EXPECT_EQ(getpgid(child->pid), child->pid);
  EXPECT_EQ(child->start_time, *StartTimeOf(child->pid));
  child->input.Close();
  OutputOf(*child);
}

TEST(SpawnerTest, ChildrenDieWithTheSpawner) {
  pid_t pid;
  {
    Spawner spawner;
    auto child = StartAndWait(spawner, Shell("exec sleep 1000"));
    ASSERT_TRUE(child.ok());
    pid = child->pid;
  }
  int status;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGKILL);
}

TEST(SpawnerTest, ChildrenKeepTheLimitOfOpenFiles) {
  rlimit before;
  getrlimit(RLIMIT_NOFILE, &before);
  rlimit lower = before;
  lower.rlim_cur = 256;
  setrlimit(RLIMIT_NOFILE, &lower);
  Spawner spawner;
  rlimit now;
  getrlimit(RLIMIT_NOFILE, &now);
  EXPECT_EQ(now.rlim_cur, before.rlim_max);
  auto child = StartAndWait(spawner, Shell("ulimit -n"));
  ASSERT_TRUE(child.ok());
  EXPECT_EQ(OutputOf(*child), "256\n");
  setrlimit(RLIMIT_NOFILE, &before);
}

}  // namespace
}  // namespace assay
