#include "worker/config.h"

#include <cstdlib>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/worker/temporary_folder.h"

namespace assay {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

absl::StatusOr<std::optional<WorkerConfig>> Read(
    std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "assay-worker");
  return ReadConfig(static_cast<int>(arguments.size()), arguments.data());
}

std::string ErrorOf(const absl::Status& status) {
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  return std::string(status.message());
}

TEST(ConfigTest, WithoutFlagsSpeaksToThisMachine) {
  unsetenv("ASSAY_SERVER");
  const auto config = Read({});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ((*config)->server, "127.0.0.1:7070");
  EXPECT_FALSE((*config)->name.empty());
  EXPECT_FALSE((*config)->any_command);
  EXPECT_EQ((*config)->drain, DrainMode::kFinish);
  EXPECT_EQ((*config)->spool_bytes, 64 << 20);
  EXPECT_EQ((*config)->self_stop, absl::InfiniteDuration());
}

TEST(ConfigTest, TheFlagBeatsTheEnvironment) {
  setenv("ASSAY_SERVER", "a:1", 1);
  EXPECT_EQ((*Read({}))->server, "a:1");
  EXPECT_EQ((*Read({"--server", "unix:/x"}))->server, "unix:/x");
  unsetenv("ASSAY_SERVER");
}

TEST(ConfigTest, ReadsEveryFlag) {
  const auto config = Read({"--name",
                            "w",
                            "--slots",
                            "3",
                            "--allow-any-command",
                            "--data-root",
                            "/data",
                            "--state-dir",
                            "/state",
                            "--trainer",
                            "/t",
                            "--drain",
                            "hand-back",
                            "--grace",
                            "0.5",
                            "--self-stop",
                            "60",
                            "--spool-bytes",
                            "1000000",
                            "--scratch-limit",
                            "5",
                            "--verbose"});
  ASSERT_TRUE(config.ok()) << config.status();
  const WorkerConfig& c = **config;
  EXPECT_EQ(c.slots, 3);
  EXPECT_TRUE(c.any_command);
  EXPECT_EQ(c.drain, DrainMode::kHandBack);
  EXPECT_EQ(c.grace, absl::Milliseconds(500));
  EXPECT_EQ(c.self_stop, absl::Seconds(60));
  EXPECT_EQ(c.scratch_limit, 5);
}

TEST(ConfigTest, FlagsOfCheckpoints) {
  auto config = Read({});
  EXPECT_EQ((*config)->cache_bytes, int64_t{4} << 30);
  EXPECT_EQ((*config)->checkpoint_folder, "");
  EXPECT_EQ((*config)->checkpoint_wait, absl::Minutes(10));
  config = Read({"--cache-bytes", "0", "--checkpoint-folder", "/nfs",
                 "--checkpoint-wait", "1.5"});
  EXPECT_EQ((*config)->cache_bytes, 0);
  EXPECT_EQ((*config)->checkpoint_folder, "/nfs");
  EXPECT_EQ((*config)->checkpoint_wait, absl::Seconds(1.5));
}

TEST(ConfigTest, AMetricsPortIsAskedFor) {
  EXPECT_EQ((*Read({}))->http, "none");
  const auto config = Read({"--http", "127.0.0.1:0", "--http-name", "node-1",
                            "--http-name", "node-1.lab"});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ((*config)->http, "127.0.0.1:0");
  EXPECT_THAT((*config)->http_names, ElementsAre("node-1", "node-1.lab"));
  const absl::Status open = Read({"--http", "0.0.0.0:7072"}).status();
  EXPECT_EQ(open.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(std::string(open.message()), HasSubstr("--http 0.0.0.0:7072"));
  EXPECT_TRUE(Read({"--http", "0.0.0.0:7072", "--insecure"}).ok());
}

TEST(ConfigTest, AWrongFlagIsNamed) {
  EXPECT_THAT(ErrorOf(Read({"--slots", "-1"}).status()), HasSubstr("--slots"));
  EXPECT_THAT(ErrorOf(Read({"--drain", "x"}).status()), HasSubstr("--drain"));
  EXPECT_THAT(ErrorOf(Read({"--bogus"}).status()), HasSubstr("--bogus"));
  EXPECT_THAT(ErrorOf(Read({"--config", "/no/file"}).status()),
              HasSubstr("/no/file"));
}

TEST(ConfigTest, ReadsRunners) {
  const auto runners = ParseRunners(R"(
    [runners.pytorch]
    argv = ["python3", "train.py", "--lr", "{lr}"]
    directory = "/srv"
    environment = { A = "1" }
  )");
  ASSERT_TRUE(runners.ok()) << runners.status();
  const RunnerConfig& runner = runners->at("pytorch");
  EXPECT_THAT(runner.argv, ElementsAre("python3", "train.py", "--lr", "{lr}"));
  EXPECT_EQ(runner.directory, "/srv");
  EXPECT_EQ(runner.environment.at("A"), "1");
}

TEST(ConfigTest, AWrongRunnerIsNamed) {
  EXPECT_THAT(ErrorOf(ParseRunners("[runners.a]\nargv = 3").status()),
              HasSubstr("\"runners.a.argv\" has to be a list"));
  EXPECT_THAT(ErrorOf(ParseRunners("[runners.a]\nargv=[\"x\"]\nag=1").status()),
              HasSubstr("unknown key \"runners.a.ag\""));
  EXPECT_THAT(ErrorOf(ParseRunners("[runners.a]").status()),
              HasSubstr("\"runners.a\" has no argv"));
  EXPECT_THAT(ErrorOf(ParseRunners("[slots]\n").status()),
              HasSubstr("unknown key \"slots\""));
  EXPECT_THAT(ErrorOf(ParseRunners("\n[runners").status()),
              HasSubstr("line 2"));
}

TEST(ConfigTest, AnErrorInTheFileNamesTheFile) {
  const TemporaryFolder folder;
  std::ofstream(folder.File("w.toml")) << "[runners.a]";
  EXPECT_THAT(
      ErrorOf(Read({"--config", folder.File("w.toml").c_str()}).status()),
      HasSubstr("w.toml: \"runners.a\" has no argv"));
}

}  // namespace
}  // namespace assay
