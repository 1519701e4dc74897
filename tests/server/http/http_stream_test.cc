// Answers in pieces, clients that leave, and what is refused by its size.

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "search/base/mutex.h"
#include "server/http/http_server.h"
#include "tests/server/http/http_client.h"

namespace assay {
namespace {

using ::testing::HasSubstr;

// What the handler of /asked got, for the test to answer.
struct Asked {
  HttpRequest request;
  HttpReply reply;
  std::future<absl::Status> cancelled;
};

class HttpStreamTest : public ::testing::Test {
 protected:
  HttpStreamTest() { options_.address = "127.0.0.1:0"; }

  uint16_t Port() {
    if (server_ == nullptr) {
      auto server = HttpServer::Start(options_, Routes());
      EXPECT_TRUE(server.ok()) << server.status();
      server_ = *std::move(server);
    }
    return server_->port();
  }

  std::vector<HttpRoute> Routes() {
    HttpRoute asked;
    asked.method = "GET";
    asked.path = "/asked";
    asked.handler = [this](HttpRequest request, HttpReply reply) {
      std::promise<absl::Status> cancelled;
      std::future<absl::Status> future = cancelled.get_future();
      reply.SetOnCancel(
          [promise = std::move(cancelled)](absl::Status why) mutable {
            promise.set_value(std::move(why));
          });
      MutexLock lock(mutex_);
      asked_ = std::make_unique<Asked>(
          Asked{std::move(request), std::move(reply), std::move(future)});
      came_.NotifyAll();
    };
    HttpRoute echo;
    echo.method = "POST";
    echo.path = "/echo";
    echo.content_types = {"application/json", "application/proto"};
    echo.refusal = [](int status, const std::string& line) {
      HttpResponse response = TextResponse(status, "refused: " + line);
      response.content_type = "text/x-refusal";
      return response;
    };
    echo.handler = [](HttpRequest request, HttpReply reply) {
      reply.Send(TextResponse(200, std::move(request.body)));
    };
    std::vector<HttpRoute> routes;
    routes.push_back(std::move(asked));
    routes.push_back(std::move(echo));
    return routes;
  }

  std::unique_ptr<Asked> Await() {
    MutexLock lock(mutex_);
    while (asked_ == nullptr) came_.Wait(mutex_);
    return std::move(asked_);
  }

  std::unique_ptr<Asked> AskOf(HttpClient& client) {
    client.Send(Get("/asked"));
    return Await();
  }

  static void Begin(HttpReply& reply) {
    Wait([&](HttpSink::Written written) {
      reply.Begin({}, std::move(written));
    });
  }
  static void Write(HttpReply& reply, std::string piece) {
    Wait([&](HttpSink::Written written) {
      reply.Write(std::move(piece), std::move(written));
    });
  }
  static void Wait(const std::function<void(HttpSink::Written)>& act) {
    std::promise<void> done;
    std::future<void> future = done.get_future();
    act([promise = std::move(done)]() mutable { promise.set_value(); });
    future.get();
  }

  HttpOptions options_;
  Mutex mutex_;
  CondVar came_;
  std::unique_ptr<Asked> asked_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<HttpServer> server_;
};

// --- Pieces -----------------------------------------------------------------

TEST_F(HttpStreamTest, PiecesAreChunksAndTheConnectionIsKept) {
  HttpClient client(Port());
  for (int i = 0; i < 3; ++i) {
    const auto asked = AskOf(client);
    Begin(asked->reply);
    const std::string head = client.ReadResponse(/*with_body=*/false);
    EXPECT_EQ(StatusOf(head), 200);
    EXPECT_EQ(HeaderOf(head, "Transfer-Encoding"), "chunked");
    Write(asked->reply, "one");
    EXPECT_EQ(client.ReadChunk(), "one");
    Write(asked->reply, std::string(100'000, 'x'));
    EXPECT_EQ(client.ReadChunk().size(), 100'000u);
    asked->reply.End("last");
    EXPECT_EQ(client.ReadChunk(), "last");
    EXPECT_EQ(client.ReadChunk(), "");
  }
}

TEST_F(HttpStreamTest, EmptyPieceDoesNotEndTheAnswer) {
  HttpClient client(Port());
  const auto asked = AskOf(client);
  Begin(asked->reply);
  client.ReadResponse(/*with_body=*/false);
  Write(asked->reply, "");
  Write(asked->reply, "more");
  EXPECT_EQ(client.ReadChunk(), "more");
  asked->reply.End("");
  EXPECT_EQ(client.ReadChunk(), "");
}

TEST_F(HttpStreamTest, Http10GetsBarePiecesUntilTheClose) {
  HttpClient client(Port());
  client.Send("GET /asked HTTP/1.0\r\nHost: localhost\r\n\r\n");
  const auto asked = Await();
  Begin(asked->reply);
  EXPECT_EQ(HeaderOf(client.ReadResponse(false), "Transfer-Encoding"), "");
  Write(asked->reply, "one");
  asked->reply.End("last");
  EXPECT_EQ(client.ReadRest(), "onelast");
}

TEST_F(HttpStreamTest, AnswerWithoutItsEndIsCutOff) {
  HttpClient client(Port());
  auto asked = AskOf(client);
  Begin(asked->reply);
  client.ReadResponse(/*with_body=*/false);
  asked.reset();
  EXPECT_EQ(client.ReadRest(), "");
}

// Writes 1 MiB each time the client has taken the last one.
void Pour(HttpReply& reply, std::atomic<int>& pieces) {
  ++pieces;
  reply.Write(std::string(1 << 20, 'x'),
              [&reply, &pieces] { Pour(reply, pieces); });
}

TEST_F(HttpStreamTest, ClientThatDoesNotReadHoldsBackTheWriterAndIsClosed) {
  options_.response_timeout = absl::Milliseconds(100);
  HttpClient client(Port());
  const auto asked = AskOf(client);
  Begin(asked->reply);
  std::atomic<int> pieces = 0;
  Pour(asked->reply, pieces);
  EXPECT_EQ(asked->cancelled.get().code(), absl::StatusCode::kCancelled);
  EXPECT_LT(pieces, 32);  // What the sockets' buffers hold.
}

TEST_F(HttpStreamTest, WhatIsNeverTakenIsForgotten) {
  auto client = std::make_unique<HttpClient>(Port());
  const auto asked = AskOf(*client);
  Begin(asked->reply);
  server_.reset();
  auto held = std::make_shared<int>();
  const std::weak_ptr<int> watched = held;
  asked->reply.Write("late", [held = std::move(held)] { FAIL(); });
  EXPECT_TRUE(watched.expired());
}

// --- Clients that leave -----------------------------------------------------

TEST_F(HttpStreamTest, HandlerIsToldThatTheClientLeft) {
  auto client = std::make_unique<HttpClient>(Port());
  const auto asked = AskOf(*client);
  client.reset();
  EXPECT_EQ(asked->cancelled.get().code(), absl::StatusCode::kCancelled);
}

TEST_F(HttpStreamTest, HandlerIsToldThatTheClientOfAStreamLeft) {
  auto client = std::make_unique<HttpClient>(Port());
  const auto asked = AskOf(*client);
  Begin(asked->reply);
  Write(asked->reply, "one");
  client.reset();
  EXPECT_EQ(asked->cancelled.get().code(), absl::StatusCode::kCancelled);
}

TEST_F(HttpStreamTest, ClientThatOnlyFinishedSendingGetsTheAnswer) {
  HttpClient client(Port());
  const auto asked = AskOf(client);
  client.FinishSending();
  EXPECT_EQ(asked->cancelled.get().code(), absl::StatusCode::kCancelled);
  asked->reply.Send(TextResponse(200, "all the same"));
  EXPECT_EQ(BodyOf(client.ReadResponse()), "all the same\n");
  EXPECT_TRUE(client.ReadEnd());
}

TEST_F(HttpStreamTest, NextRequestIsNoGoodbye) {
  HttpClient client(Port());
  const auto asked = AskOf(client);
  client.Send(Get("/asked"));
  asked->reply.Send(TextResponse(200, "first"));
  EXPECT_EQ(BodyOf(client.ReadResponse()), "first\n");
  EXPECT_THROW(asked->cancelled.get(), std::future_error);  // Never called.
  Await()->reply.Send(TextResponse(200, "second"));
  EXPECT_EQ(BodyOf(client.ReadResponse()), "second\n");
}

TEST_F(HttpStreamTest, StopCancelsAStreamAndLetsItSayGoodbye) {
  HttpClient client(Port());
  const auto asked = AskOf(client);
  Begin(asked->reply);
  client.ReadResponse(/*with_body=*/false);
  std::thread stop([&] { server_->Stop(absl::Seconds(20)); });
  EXPECT_EQ(asked->cancelled.get().code(), absl::StatusCode::kUnavailable);
  asked->reply.End("goodbye");
  EXPECT_EQ(client.ReadChunk(), "goodbye");
  EXPECT_EQ(client.ReadChunk(), "");
  EXPECT_TRUE(client.ReadEnd());
  stop.join();
}

// --- What a handler sees, and what it never does
// ------------------------------

TEST_F(HttpStreamTest, HandlerSeesHeadersAndPeer) {
  HttpClient client(Port());
  client.Send(
      "GET /asked?q HTTP/1.1\r\nHost: localhost\r\nX-One: 1\r\nx-one: 2\r\n"
      "\r\n");
  const auto asked = Await();
  EXPECT_EQ(asked->request.Header("x-one"), "1, 2");
  EXPECT_EQ(asked->request.Header("x-two"), "");
  EXPECT_EQ(asked->request.query, "q");
  EXPECT_THAT(asked->request.peer, HasSubstr("ipv4:127.0.0.1:"));
}

std::string PostHead(const std::string& type, size_t size) {
  return absl::StrCat("POST /echo HTTP/1.1\r\nHost: localhost\r\n",
                      "Content-Type: ", type, "\r\nContent-Length: ", size,
                      "\r\n\r\n");
}

TEST_F(HttpStreamTest, RouteSaysWhichTypesItTakes) {
  for (const char* type : {"application/json", "Application/Proto; x=y"}) {
    EXPECT_EQ(StatusOf(Ask(Port(), PostHead(type, 0))), 200) << type;
  }
  const std::string refusal = Ask(Port(), PostHead("text/plain", 0));
  EXPECT_EQ(StatusOf(refusal), 415);
  EXPECT_EQ(HeaderOf(refusal, "Accept-Post"),
            "application/json, application/proto");
}

TEST_F(HttpStreamTest, RouteSaysHowRefusalsLook) {
  options_.max_body_bytes = 10;
  for (const std::string& request :
       {PostHead("text/plain", 0), PostHead("application/json", 11)}) {
    const std::string refusal = Ask(Port(), request);
    EXPECT_EQ(HeaderOf(refusal, "Content-Type"), "text/x-refusal");
    EXPECT_THAT(BodyOf(refusal), HasSubstr("refused: "));
  }
}

TEST_F(HttpStreamTest, BytesInFlightAreBounded) {
  options_.max_bytes_in_flight = 1000;
  HttpClient first(Port());
  first.Send(PostHead("application/json", 600) + "x");
  std::string refusal;
  for (int i = 0; i < 10'000 && StatusOf(refusal) != 503; ++i) {
    refusal =
        Ask(Port(), PostHead("application/json", 600) + std::string(600, 'y'));
  }
  EXPECT_EQ(StatusOf(refusal), 503);
  EXPECT_EQ(HeaderOf(refusal, "Retry-After"), "1");
  const std::string small = PostHead("application/json", 400);
  EXPECT_EQ(StatusOf(Ask(Port(), small + std::string(400, 'z'))), 200);
  first.Send(std::string(599, 'x'));
  EXPECT_EQ(StatusOf(first.ReadResponse()), 200);
  EXPECT_EQ(StatusOf(Ask(Port(), PostHead("application/json", 600) +
                                     std::string(600, 'y'))),
            200);
}

}  // namespace
}  // namespace assay
