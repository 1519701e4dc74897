#include "server/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "tests/server/server_fixture.h"

namespace assay {
namespace {

using ::testing::HasSubstr;

using absl::StatusCode;

absl::StatusOr<std::optional<ServerConfig>> Parse(
    std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "assay-server");
  return ParseServerConfig(static_cast<int>(arguments.size()),
                           arguments.data());
}

TEST(ServerConfigTest, StandsOnLoopbackByDefault) {
  const auto config = Parse({});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ((*config)->grpc, "127.0.0.1:7070");
  EXPECT_EQ((*config)->http, "127.0.0.1:7071");
  EXPECT_FALSE((*config)->memory);
}

TEST(ServerConfigTest, ChecksBothAddresses) {
  EXPECT_THAT(Parse({"--grpc", "0.0.0.0:7070"}),
              Fails(StatusCode::kPermissionDenied, "--grpc"));
  EXPECT_THAT(Parse({"--http", "0.0.0.0:7071"}),
              Fails(StatusCode::kPermissionDenied, "--http"));
  EXPECT_TRUE(
      Parse({"--grpc", "0.0.0.0:7070", "--http", "0.0.0.0:1", "--insecure"})
          .ok());
  EXPECT_TRUE(Parse({"--http", "none"}).ok());
}

TEST(ServerConfigTest, NamesAFlagThatIsWrong) {
  EXPECT_THAT(Parse({"--worker-lease", "0"}),
              Fails(StatusCode::kInvalidArgument, "--worker-lease"));
  EXPECT_THAT(Parse({"--search-threads", "many"}),
              Fails(StatusCode::kInvalidArgument, "--search-threads"));
  EXPECT_THAT(Parse({"--log-level", "loud"}),
              Fails(StatusCode::kInvalidArgument, "--log-level"));
  EXPECT_THAT(Parse({"--no-such-flag"}),
              Fails(StatusCode::kInvalidArgument, "--no-such-flag"));
  EXPECT_THAT(Parse({"--memory", "--data-dir", "here"}),
              Fails(StatusCode::kInvalidArgument, "--memory"));
}

TEST(ServerConfigTest, HelpAndVersionEndTheProgramWell) {
  testing::internal::CaptureStdout();
  const auto version = Parse({"--version"});
  EXPECT_THAT(testing::internal::GetCapturedStdout(),
              HasSubstr("assay-server"));
  ASSERT_TRUE(version.ok());
  EXPECT_FALSE(version->has_value());
}

TEST(ServerConfigTest, FlagsOfCheckpoints) {
  auto config = Parse({});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ((*config)->checkpoint_bytes, int64_t{10} << 30);
  EXPECT_EQ((*config)->checkpoint_grace_seconds, 600);
  EXPECT_EQ((*config)->checkpoint_folder, "");
  config = Parse({"--checkpoint-bytes", "0", "--checkpoint-grace", "1.5",
                  "--checkpoint-folder", "/nfs"});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ((*config)->checkpoint_bytes, 0);
  EXPECT_EQ((*config)->checkpoint_grace_seconds, 1.5);
  EXPECT_EQ((*config)->checkpoint_folder, "/nfs");
  EXPECT_THAT(Parse({"--checkpoint-bytes", "-1"}),
              Fails(StatusCode::kInvalidArgument, "--checkpoint-bytes"));
}

}  // namespace
}  // namespace assay
