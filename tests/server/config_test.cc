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

TEST(CheckAddressTest, LoopbackNeedsNothing) {
  for (const char* address :
       {"127.0.0.1:7070", "127.9.9.9:0", "localhost:7070", "[::1]:7070",
        "::1:7070", "unix:/tmp/assay.sock", "unix:assay.sock"}) {
    const absl::Status status = CheckAddress("--grpc", address, false);
    EXPECT_TRUE(status.ok()) << address << ": " << status;
  }
}

TEST(CheckAddressTest, WhatOthersCanReachIsRefusedByName) {
  for (const char* address :
       {"0.0.0.0:7070", "[::]:7070", "10.0.0.5:7070", "192.168.1.1:80",
        "128.0.0.1:7070", "[2001:db8::1]:7070", "example.org:7070",
        "localhost.example.org:7070", "[::ffff:127.0.0.1]:7070",
        "127.0.0.1.example.org:7070"}) {
    const absl::Status status = CheckAddress("--grpc", address, false);
    EXPECT_EQ(status.code(), StatusCode::kPermissionDenied) << address;
    EXPECT_THAT(std::string(status.message()), HasSubstr(address));
    EXPECT_THAT(std::string(status.message()), HasSubstr("--insecure"));
  }
}

TEST(CheckAddressTest, InsecureAllowsThem) {
  EXPECT_TRUE(CheckAddress("--grpc", "0.0.0.0:7070", true).ok());
  EXPECT_TRUE(CheckAddress("--grpc", "example.org:7070", true).ok());
}

TEST(CheckAddressTest, WhatIsNoAddressIsInvalid) {
  for (const char* address :
       {"", "7070", ":7070", "localhost", "localhost:", "localhost:http",
        "localhost:-1", "localhost:65536", "localhost:70 70"}) {
    for (const bool insecure : {false, true}) {
      const absl::Status status = CheckAddress("--http", address, insecure);
      EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << address;
      EXPECT_THAT(std::string(status.message()), HasSubstr("--http"));
    }
  }
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
