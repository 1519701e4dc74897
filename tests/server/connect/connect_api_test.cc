#include "server/connect/connect_api.h"

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "assay/v1/study.grpc.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/connect/envelope.h"
#include "server/grpc/peer.h"
#include "server/http/http_server.h"
#include "server/thread_pool.h"
#include "tests/server/http/http_client.h"

namespace assay {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr size_t kNoteBytes = 1 << 20;

// Sends a message of 1 MiB each time the last one was taken.
class EndlessWatch final
    : public grpc::ServerWriteReactor<v1::WatchStudyResponse> {
 public:
  EndlessWatch(std::atomic<int>& taken, std::promise<void>& ended)
      : taken_(taken), ended_(ended) {
    message_.mutable_study()->mutable_spec()->set_note(
        std::string(kNoteBytes, 'n'));
    StartWrite(&message_);
  }
  void OnWriteDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::CANCELLED);
    ++taken_;
    StartWrite(&message_);
  }
  void OnDone() override {
    ended_.set_value();
    delete this;
  }

 private:
  std::atomic<int>& taken_;
  std::promise<void>& ended_;
  v1::WatchStudyResponse message_;
};

// Tells who calls; watches without end.
class StudyDouble final : public v1::StudyService::CallbackService {
 public:
  grpc::ServerUnaryReactor* Get(grpc::CallbackServerContext* call,
                                const v1::GetStudyRequest* request,
                                v1::Study* response) override {
    const auto found = call->client_metadata().find("authorization");
    const bool has = found != call->client_metadata().end();
    response->mutable_spec()->set_name(request->study());
    response->mutable_spec()->set_note(absl::StrCat(
        PeerOf(*call), " ",
        has ? std::string(found->second.data(), found->second.size()) : "-"));
    auto* reactor = call->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

  grpc::ServerWriteReactor<v1::WatchStudyResponse>* Watch(
      grpc::CallbackServerContext*, const v1::WatchStudyRequest*) override {
    return new EndlessWatch(taken_, ended_);
  }

  // Of the one watch there is.
  int taken() const { return taken_; }
  void AwaitEnd() { ended_.get_future().get(); }

 private:
  std::atomic<int> taken_ = 0;
  std::promise<void> ended_;
};

class ConnectApiTest : public ::testing::Test {
 protected:
  ConnectApiTest() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(),
                             &grpc_port_);
    builder.RegisterService(&service_);
    grpc_ = builder.BuildAndStart();
    api_ = std::make_unique<ConnectApi>(grpc_->InProcessChannel({}), pool_);
    options_.address = "127.0.0.1:0";
  }

  ~ConnectApiTest() override {
    http_.reset();
    grpc_->Shutdown();
    api_->Stop();
  }

  uint16_t Port() {
    if (http_ == nullptr) {
      auto http = HttpServer::Start(
          options_, api_->Routes({v1::StudyService::service_full_name()}));
      EXPECT_TRUE(http.ok()) << http.status();
      http_ = *std::move(http);
    }
    return http_->port();
  }

  static std::string Post(const std::string& method, const std::string& type,
                          const std::string& body,
                          const std::string& headers = "") {
    return absl::StrCat("POST /assay.v1.StudyService/", method,
                        " HTTP/1.1\r\nHost: localhost\r\nContent-Type: ", type,
                        "\r\nContent-Length: ", body.size(), "\r\n", headers,
                        "\r\n", body);
  }

  ThreadPool pool_{2};
  StudyDouble service_;
  int grpc_port_ = 0;
  std::unique_ptr<grpc::Server> grpc_;
  std::unique_ptr<ConnectApi> api_;
  HttpOptions options_;
  std::unique_ptr<HttpServer> http_;
};

TEST_F(ConnectApiTest, UnaryCallIsAnsweredInJson) {
  const std::string response =
      Ask(Port(), Post("Get", "application/json", R"({"study": "s"})"));
  EXPECT_EQ(StatusOf(response), 200);
  EXPECT_EQ(HeaderOf(response, "Content-Type"), "application/json");
  EXPECT_THAT(BodyOf(response), HasSubstr(R"("name":"s")"));
}

TEST_F(ConnectApiTest, ServiceSeesWhoCallsOverHttp) {
  const std::string response = Ask(
      Port(),
      Post("Get", "application/json", "{}", "Authorization: Bearer token\r\n"));
  EXPECT_THAT(BodyOf(response), HasSubstr(R"("note":"ipv4:127.0.0.1:)"));
  EXPECT_THAT(BodyOf(response), HasSubstr(" Bearer token\""));
}

TEST_F(ConnectApiTest, NobodyElseIsBelievedToComeThroughHttp) {
  const auto stub = v1::StudyService::NewStub(
      grpc::CreateChannel(absl::StrCat("127.0.0.1:", grpc_port_),
                          grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  context.AddMetadata(kHttpPeer, "ipv4:10.0.0.1:1");
  v1::Study study;
  ASSERT_TRUE(stub->Get(&context, {}, &study).ok());
  EXPECT_THAT(study.spec().note(), StartsWith("ipv4:127.0.0.1:"));
}

TEST_F(ConnectApiTest, MethodThatTheServerLacksIsUnimplemented) {
  const std::string response =
      Ask(Port(), Post("List", "application/json", "{}"));
  EXPECT_EQ(StatusOf(response), 501);
  EXPECT_THAT(BodyOf(response), HasSubstr(R"("code":"unimplemented")"));
}

TEST_F(ConnectApiTest, StreamWaitsForItsReader) {
  options_.response_timeout = absl::Milliseconds(200);
  HttpClient client(Port());
  client.Send(Post("Watch", "application/connect+json",
                   Envelope(EnvelopeFlag::kMessage, "{}")));
  service_.AwaitEnd();              // It never reads: closed after a while.
  EXPECT_LT(service_.taken(), 32);  // What the sockets' buffers hold.
}

TEST_F(ConnectApiTest, StreamOfAReaderIsEndless) {
  HttpClient client(Port());
  client.Send(Post("Watch", "application/connect+json",
                   Envelope(EnvelopeFlag::kMessage, "{}")));
  EXPECT_EQ(StatusOf(client.ReadResponse(/*with_body=*/false)), 200);
  for (int i = 0; i < 50; ++i) EXPECT_GT(client.ReadChunk().size(), kNoteBytes);
}

TEST_F(ConnectApiTest, CallsEndWithTheGrpcServer) {
  HttpClient client(Port());
  client.Send(Post("Watch", "application/connect+json",
                   Envelope(EnvelopeFlag::kMessage, "{}")));
  client.ReadResponse(/*with_body=*/false);
  EXPECT_GT(client.ReadChunk().size(), kNoteBytes);
  grpc_->Shutdown(std::chrono::system_clock::now());
  std::string last;
  for (std::string chunk; !(chunk = client.ReadChunk()).empty();) last = chunk;
  EXPECT_THAT(last, HasSubstr(R"({"error":{"code":")"));
}

}  // namespace
}  // namespace assay
