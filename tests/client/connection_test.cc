#include "client/cli/connection.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <memory>

#include "absl/strings/str_cat.h"

namespace assay {
namespace {

class FakeServer final : public v1::ServerService::Service {
 public:
  grpc::Status Info(grpc::ServerContext*, const v1::InfoRequest*,
                    v1::InfoResponse* response) override {
    response->set_version("1.2.3");
    return grpc::Status::OK;
  }
};

std::unique_ptr<grpc::Server> Start(const std::string& address,
                                    FakeServer& service) {
  grpc::ServerBuilder builder;
  builder.AddListeningPort(address, grpc::InsecureServerCredentials());
  builder.RegisterService(&service);
  return builder.BuildAndStart();
}

// A channel that has no call connects when gRPC's backup poller looks, every
// 5 s: `assay run` waited that long for its own server.
TEST(ConnectionTest, FindsAServerThatStartsLaterWithoutTheBackupPoller) {
  const std::string address =
      absl::StrCat("unix:", testing::TempDir(), "/connection_test.sock");
  const Connection connection(address);
  EXPECT_FALSE(connection.WaitUntilConnected(absl::Milliseconds(50)));
  FakeServer service;
  const auto server = Start(address, service);
  EXPECT_TRUE(connection.WaitUntilConnected(absl::Seconds(4)));
  const auto info =
      connection.Call(&v1::ServerService::Stub::Info, v1::InfoRequest());
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ(info->version(), "1.2.3");
}

TEST(ConnectionTest, SaysWhatToDoWithoutAServer) {
  const Connection connection("unix:/nowhere/at/all");
  const absl::Status status = GetStudy(connection, "fashion").status();
  EXPECT_TRUE(absl::IsUnavailable(status));
  EXPECT_NE(status.message().find("no server answers at unix:/nowhere/at/all"),
            absl::string_view::npos)
      << status;
}

TEST(ConnectionTest, WhatIsNoTrialIsRefusedWithoutAsking) {
  const Connection connection("unix:/nowhere/at/all");
  for (const char* name : {"", "0", "x", "fashion/", "/3", "fashion/-1"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(GetTrial(connection, name).status()))
        << name;
  }
}

}  // namespace
}  // namespace assay
