#include "server/http/listen_address.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace assay {
namespace {

using ::testing::HasSubstr;

TEST(ListenAddressTest, LoopbackNeedsNothing) {
  for (const char* address :
       {"127.0.0.1:7070", "127.9.9.9:0", "localhost:7070", "[::1]:7070",
        "::1:7070", "unix:/tmp/assay.sock", "unix:assay.sock"}) {
    const absl::Status status = CheckListenAddress("--grpc", address, false);
    EXPECT_TRUE(status.ok()) << address << ": " << status;
  }
}

TEST(ListenAddressTest, WhatOthersCanReachIsRefusedByName) {
  for (const char* address :
       {"0.0.0.0:7070", "[::]:7070", "10.0.0.5:7070", "192.168.1.1:80",
        "128.0.0.1:7070", "[2001:db8::1]:7070", "example.org:7070",
        "localhost.example.org:7070", "[::ffff:127.0.0.1]:7070",
        "127.0.0.1.example.org:7070"}) {
    const absl::Status status = CheckListenAddress("--grpc", address, false);
    EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied) << address;
    EXPECT_THAT(std::string(status.message()), HasSubstr(address));
    EXPECT_THAT(std::string(status.message()), HasSubstr("--insecure"));
  }
}

TEST(ListenAddressTest, InsecureAllowsThem) {
  EXPECT_TRUE(CheckListenAddress("--grpc", "0.0.0.0:7070", true).ok());
  EXPECT_TRUE(CheckListenAddress("--grpc", "example.org:7070", true).ok());
}

TEST(ListenAddressTest, WhatIsNoAddressIsInvalid) {
  for (const char* address :
       {"", "7070", ":7070", "localhost", "localhost:", "localhost:http",
        "localhost:-1", "localhost:65536", "localhost:70 70"}) {
    for (const bool insecure : {false, true}) {
      const absl::Status status =
          CheckListenAddress("--http", address, insecure);
      EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << address;
      EXPECT_THAT(std::string(status.message()), HasSubstr("--http"));
    }
  }
}

}  // namespace
}  // namespace assay
