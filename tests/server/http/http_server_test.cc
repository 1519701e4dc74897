#include "server/http/http_server.h"

#include <unistd.h>

#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/server/http/http_client.h"

namespace assay {
namespace {

using ::testing::HasSubstr;

HttpRoute Route(const std::string& method, const std::string& path,
                HttpHandler handler) {
  HttpRoute route;
  route.method = method;
  route.path = path;
  route.about = "of the test";
  route.handler = std::move(handler);
  return route;
}

// Routes of each kind: /echo answers at once, /later when the test says so.
class HttpServerTest : public ::testing::Test {
 protected:
  HttpServerTest() { options_.address = "127.0.0.1:0"; }

  std::vector<HttpRoute> Routes() {
    std::vector<HttpRoute> routes;
    routes.push_back(
        Route("GET", "/hello", [](HttpRequest request, HttpReply reply) {
          reply.Send(TextResponse(200, "hello " + request.query));
        }));
    routes.push_back(
        Route("POST", "/echo", [](HttpRequest request, HttpReply reply) {
          reply.Send(TextResponse(200, request.body));
        }));
    routes.push_back(
        Route("GET", "/later", [this](HttpRequest, HttpReply reply) {
          later_.set_value(std::make_unique<HttpReply>(std::move(reply)));
        }));
    routes.push_back(Route("GET", "/never", [](HttpRequest, HttpReply) {}));
    routes.push_back(Route("GET", "/vital", [](HttpRequest, HttpReply reply) {
      reply.Send(TextResponse(200, "vital"));
    }));
    routes.back().vital = true;
    routes.push_back(Route("GET", "/large", [](HttpRequest, HttpReply reply) {
      reply.Send(TextResponse(200, std::string(64 << 20, 'x')));
    }));
    return routes;
  }

  void Start() {
    auto server = HttpServer::Start(options_, Routes());
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }

  uint16_t Port() {
    if (server_ == nullptr) Start();
    return server_->port();
  }

  int StatusOfRequest(const std::string& request) {
    return StatusOf(Ask(Port(), request));
  }

  // The reply of the next request for /later.
  std::unique_ptr<HttpReply> AwaitLater() { return later_.get_future().get(); }

  HttpOptions options_;
  std::promise<std::unique_ptr<HttpReply>> later_;
  std::unique_ptr<HttpServer> server_;
};

std::string Post(const std::string& type, const std::string& body) {
  return absl::StrCat(
      "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: ", type,
      "\r\nContent-Length: ", body.size(), "\r\n\r\n", body);
}

TEST_F(HttpServerTest, GetHasTypeLengthAndBody) {
  const std::string response = Ask(Port(), Get("/hello?you"));
  EXPECT_EQ(StatusOf(response), 200);
  EXPECT_EQ(HeaderOf(response, "Content-Type"), "text/plain; charset=utf-8");
  EXPECT_EQ(HeaderOf(response, "Content-Length"), "10");
  EXPECT_EQ(HeaderOf(response, "X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(BodyOf(response), "hello you\n");
}

TEST_F(HttpServerTest, HeadHasTheLengthAndNoBody) {
  HttpClient client(Port());
  client.Send("HEAD /hello?you HTTP/1.1\r\nHost: localhost\r\n\r\n" +
              Get("/hello?2"));
  const std::string head = client.ReadResponse(/*with_body=*/false);
  EXPECT_EQ(StatusOf(head), 200);
  EXPECT_EQ(HeaderOf(head, "Content-Length"), "10");
  EXPECT_EQ(BodyOf(client.ReadResponse()), "hello 2\n");
}

TEST_F(HttpServerTest, PageAtTheRootNamesEachRoute) {
  const std::string response = Ask(Port(), Get("/"));
  EXPECT_EQ(HeaderOf(response, "Content-Type"), "text/html; charset=utf-8");
  EXPECT_THAT(BodyOf(response), HasSubstr("<a href=\"/hello\">"));
  EXPECT_THAT(BodyOf(response), HasSubstr("POST /echo: "));
}

TEST_F(HttpServerTest, UnknownPathIs404) {
  EXPECT_EQ(StatusOfRequest(Get("/nothing")), 404);
  EXPECT_EQ(StatusOfRequest(Get("/hello/")), 404);
  EXPECT_EQ(StatusOfRequest(Get("/../etc/passwd")), 404);
}

TEST_F(HttpServerTest, OtherMethodIs405WithAllow) {
  const std::string response =
      Ask(Port(), "DELETE /hello HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(StatusOf(response), 405);
  EXPECT_EQ(HeaderOf(response, "Allow"), "GET, HEAD");
  const std::string get = Ask(Port(), Get("/echo"));
  EXPECT_EQ(StatusOf(get), 405);
  EXPECT_EQ(HeaderOf(get, "Allow"), "POST");
  EXPECT_EQ(StatusOfRequest("BREW /hello HTTP/1.1\r\nHost: localhost\r\n\r\n"),
            405);
}

TEST_F(HttpServerTest, MalformedRequestsAre400) {
  for (const char* request :
       {"nonsense\r\n\r\n", "GET /hello\r\n\r\n", "GET /hello HTTP/9.9\r\n\r\n",
        "GET /hello HTTP/1.1\r\nHost localhost\r\n\r\n",
        "GET hello HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET http://localhost/hello HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /hello HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
        "application/json\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n",
        "\x16\x03\x01\x02\x01 TLS hello \r\n\r\n"}) {
    EXPECT_EQ(StatusOfRequest(request), 400) << request;
  }
}

TEST_F(HttpServerTest, ExactlyOneHostIsNeeded) {
  EXPECT_EQ(StatusOfRequest("GET /hello HTTP/1.1\r\n\r\n"), 400);
  EXPECT_EQ(StatusOfRequest("GET /hello HTTP/1.1\r\nHost: localhost\r\n"
                            "Host: localhost\r\n\r\n"),
            400);
}

TEST_F(HttpServerTest, ForeignHostIs403) {
  options_.names = {"assay.lab"};
  const auto status = [&](const std::string& host) {
    return StatusOfRequest("GET /hello HTTP/1.1\r\nHost: " + host + "\r\n\r\n");
  };
  EXPECT_EQ(status("evil.example"), 403);
  EXPECT_EQ(status("evil.example:7071"), 403);
  EXPECT_EQ(status("127.0.0.1:9"), 200);
  EXPECT_EQ(status("[::1]:9"), 200);
  EXPECT_EQ(status("assay.lab"), 200);
  char name[257] = {};
  ASSERT_EQ(gethostname(name, sizeof(name) - 1), 0);
  EXPECT_EQ(status(std::string(name) + ":7071"), 200);
}

TEST_F(HttpServerTest, ForeignOriginIs403) {
  const auto status = [&](const std::string& origin) {
    return StatusOfRequest(
        "GET /hello HTTP/1.1\r\nHost: localhost\r\nOrigin: " + origin +
        "\r\n\r\n");
  };
  EXPECT_EQ(status("http://evil.example"), 403);
  EXPECT_EQ(status("null"), 403);
  EXPECT_EQ(status("http://localhost:7071"), 200);
}

TEST_F(HttpServerTest, PostNeedsJson) {
  EXPECT_EQ(StatusOfRequest(Post("text/plain", "{}")), 415);
  EXPECT_EQ(StatusOfRequest(Post("application/jsonx", "{}")), 415);
  EXPECT_EQ(StatusOfRequest(Post("", "{}")), 415);
  EXPECT_EQ(BodyOf(Ask(Port(), Post("application/json", "{}"))), "{}\n");
  EXPECT_EQ(StatusOfRequest(Post("Application/JSON; charset=utf-8", "{}")),
            200);
}

TEST_F(HttpServerTest, ChunkedBodyIsJoined) {
  EXPECT_EQ(BodyOf(Ask(Port(),
                       "POST /echo HTTP/1.1\r\nHost: localhost\r\n"
                       "Content-Type: application/json\r\n"
                       "Transfer-Encoding: chunked\r\n\r\n"
                       "2\r\n{\"\r\n3\r\na\"}\r\n0\r\n\r\n")),
            "{\"a\"}\n");
}

TEST_F(HttpServerTest, ExpectContinueIsAnswered) {
  HttpClient client(Port());
  client.Send(
      "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
      "application/json\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(StatusOf(client.ReadResponse()), 100);
  client.Send("{}");
  EXPECT_EQ(BodyOf(client.ReadResponse()), "{}\n");
}

TEST_F(HttpServerTest, LargeHeadIs431) {
  options_.max_head_bytes = 1000;
  const std::string request = "GET /hello HTTP/1.1\r\nHost: localhost\r\nX: " +
                              std::string(100'000, 'x') + "\r\n\r\n";
  EXPECT_EQ(StatusOfRequest(request), 431);
  EXPECT_EQ(StatusOfRequest("GET /" + std::string(100'000, 'x')), 431);
}

TEST_F(HttpServerTest, LargeBodyIs413) {
  options_.max_body_bytes = 1000;
  EXPECT_EQ(StatusOfRequest(Post("application/json", std::string(1000, ' '))),
            200);
  EXPECT_EQ(
      StatusOfRequest(Post("application/json", std::string(300'000, ' '))),
      413);
  EXPECT_EQ(StatusOfRequest(absl::StrCat(
                "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                "application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
                "10000\r\n",
                std::string(0x10000, 'x'), "\r\n0\r\n\r\n")),
            413);
}

TEST_F(HttpServerTest, PipelinedRequestsAreAnsweredInOrder) {
  HttpClient client(Port());
  std::string requests;
  for (int i = 0; i < 100; ++i) {
    absl::StrAppend(&requests, Get(absl::StrCat("/hello?", i)),
                    Post("application/json", absl::StrCat(i)));
  }
  client.Send(requests);
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(BodyOf(client.ReadResponse()), absl::StrCat("hello ", i, "\n"));
    EXPECT_EQ(BodyOf(client.ReadResponse()), absl::StrCat(i, "\n"));
  }
}

TEST_F(HttpServerTest, RefusedRequestKeepsTheConnection) {
  HttpClient client(Port());
  client.Send(Get("/nothing") + Get("/hello?2"));
  EXPECT_EQ(StatusOf(client.ReadResponse()), 404);
  EXPECT_EQ(StatusOf(client.ReadResponse()), 200);
}

TEST_F(HttpServerTest, CloseIsHonoured) {
  HttpClient client(Port());
  client.Send(
      "GET /hello HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(HeaderOf(client.ReadResponse(), "Connection"), "close");
  EXPECT_TRUE(client.ReadEnd());
}

TEST_F(HttpServerTest, Http10ClosesUnlessAskedNotTo) {
  HttpClient client(Port());
  client.Send("GET /hello HTTP/1.0\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(client.ReadResponse().substr(0, 12), "HTTP/1.0 200");
  EXPECT_TRUE(client.ReadEnd());
}

TEST_F(HttpServerTest, ThousandConnectionsInSequence) {
  for (int i = 0; i < 1000; ++i) {
    ASSERT_EQ(StatusOfRequest(Get("/hello")), 200) << i;
  }
}

TEST_F(HttpServerTest, SlowHeadIs408) {
  options_.request_timeout = absl::Milliseconds(50);
  HttpClient client(Port());
  client.Send("GET /hel");
  const std::string response = client.ReadResponse();
  EXPECT_EQ(StatusOf(response), 408);
  EXPECT_EQ(HeaderOf(response, "Connection"), "close");
}

// The deadline is for the whole head: bytes that come do not move it.
TEST_F(HttpServerTest, DrippingHeadIs408) {
  options_.request_timeout = absl::Milliseconds(100);
  options_.max_head_bytes = 1 << 30;
  HttpClient client(Port());
  std::thread dripping([&client] {
    client.Send("GET /hello HTTP/1.1\r\n");
    while (client.Send("X: y\r\n")) std::this_thread::yield();
  });
  const int status = StatusOf(client.ReadResponse());
  EXPECT_TRUE(status == 408 || status == 0) << status;  // 0: a reset.
  dripping.join();
}

TEST_F(HttpServerTest, SlowBodyIs408) {
  options_.request_timeout = absl::Milliseconds(50);
  HttpClient client(Port());
  client.Send(
      "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
      "application/json\r\nContent-Length: 9\r\n\r\n{");
  EXPECT_EQ(StatusOf(client.ReadResponse()), 408);
}

TEST_F(HttpServerTest, SilentConnectionIsClosed) {
  options_.request_timeout = absl::Milliseconds(50);
  HttpClient client(Port());
  EXPECT_TRUE(client.ReadEnd());
}

TEST_F(HttpServerTest, IdleConnectionIsClosed) {
  options_.idle_timeout = absl::Milliseconds(50);
  HttpClient client(Port());
  client.Send(Get("/hello"));
  EXPECT_EQ(StatusOf(client.ReadResponse()), 200);
  EXPECT_TRUE(client.ReadEnd());
}

TEST_F(HttpServerTest, ClientThatDoesNotReadIsClosed) {
  options_.response_timeout = absl::Milliseconds(50);
  HttpClient slow(Port());
  slow.Send(Get("/large"));
  // Others are served meanwhile, and the slow one never gets it whole.
  EXPECT_EQ(StatusOfRequest(Get("/hello")), 200);
  server_->Stop(absl::Seconds(20));
  EXPECT_EQ(slow.ReadResponse(), "");
}

TEST_F(HttpServerTest, ReserveServesVitalRoutesOnly) {
  options_.max_connections = 4;
  options_.reserved_connections = 2;
  HttpClient first(Port()), second(Port());
  for (HttpClient* client : {&first, &second}) {
    client->Send(Get("/hello"));
    EXPECT_EQ(StatusOf(client->ReadResponse()), 200);
  }
  const std::string refusal = Ask(Port(), Get("/hello"));
  EXPECT_EQ(StatusOf(refusal), 503);
  EXPECT_EQ(HeaderOf(refusal, "Retry-After"), "1");
  const std::string vital = Ask(Port(), Get("/vital"));
  EXPECT_EQ(StatusOf(vital), 200);
  EXPECT_EQ(HeaderOf(vital, "Connection"), "close");
}

TEST_F(HttpServerTest, ConnectionsBeyondTheCapAreClosed) {
  options_.max_connections = 2;
  options_.reserved_connections = 0;
  auto first = std::make_unique<HttpClient>(Port());
  HttpClient second(Port());
  for (HttpClient* client : {first.get(), &second}) {
    client->Send(Get("/hello"));
    EXPECT_EQ(StatusOf(client->ReadResponse()), 200);
  }
  EXPECT_TRUE(HttpClient(Port()).ReadEnd());
  // A place that becomes free can be taken.
  first.reset();
  std::string response;
  for (int i = 0; i < 10'000 && response.empty(); ++i) {
    response = Ask(Port(), Get("/hello"));
  }
  EXPECT_EQ(StatusOf(response), 200);
}

TEST_F(HttpServerTest, ReplyMayComeLaterFromAnotherThread) {
  HttpClient client(Port());
  client.Send(Get("/later") + Get("/hello?next"));
  auto reply = AwaitLater();
  std::thread([&] { reply->Send(TextResponse(200, "later")); }).join();
  EXPECT_EQ(BodyOf(client.ReadResponse()), "later\n");
  EXPECT_EQ(BodyOf(client.ReadResponse()), "hello next\n");
}

TEST_F(HttpServerTest, ReplyThatIsDroppedIs500) {
  EXPECT_EQ(StatusOfRequest(Get("/never")), 500);
}

TEST_F(HttpServerTest, ReplyAfterTheClientLeftIsIgnored) {
  std::unique_ptr<HttpReply> reply;
  {
    HttpClient client(Port());
    client.Send(Get("/later"));
    reply = AwaitLater();
  }
  reply->Send(TextResponse(200, "too late"));
  EXPECT_EQ(StatusOfRequest(Get("/hello")), 200);
}

TEST_F(HttpServerTest, ReplyAfterTheServerIsGoneIsIgnored) {
  HttpClient client(Port());
  client.Send(Get("/later"));
  auto reply = AwaitLater();
  server_.reset();
  EXPECT_TRUE(client.ReadEnd());
  reply->Send(TextResponse(200, "too late"));
}

TEST_F(HttpServerTest, StopLetsARequestInProgressEnd) {
  HttpClient client(Port());
  client.Send(Get("/later"));
  auto reply = AwaitLater();
  std::thread stop([&] { server_->Stop(absl::Seconds(20)); });
  reply->Send(TextResponse(200, "done"));
  EXPECT_EQ(BodyOf(client.ReadResponse()), "done\n");
  EXPECT_TRUE(client.ReadEnd());
  stop.join();
}

TEST_F(HttpServerTest, StopClosesAtItsDeadline) {
  HttpClient client(Port());
  client.Send(Get("/later"));
  auto reply = AwaitLater();
  server_->Stop(absl::Milliseconds(20));
  EXPECT_TRUE(client.ReadEnd());
}

TEST_F(HttpServerTest, StopClosesIdleConnectionsAtOnce) {
  HttpClient idle(Port());
  idle.Send(Get("/hello"));
  idle.ReadResponse();
  server_->Stop(absl::InfiniteDuration());
  EXPECT_TRUE(idle.ReadEnd());
}

TEST_F(HttpServerTest, ListensOnIPv6) {
  options_.address = "[::1]:0";
  HttpClient client(Port(), /*ipv6=*/true);
  client.Send(Get("/hello"));
  EXPECT_EQ(StatusOf(client.ReadResponse()), 200);
}

TEST_F(HttpServerTest, AddressInUseIsUnavailableAndNamed) {
  options_.address = absl::StrCat("127.0.0.1:", Port());
  const auto second = HttpServer::Start(options_, Routes());
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(second.status().message()),
              HasSubstr(options_.address));
}

TEST_F(HttpServerTest, AddressThatIsNoneIsInvalidArgument) {
  for (const char* address : {"", "7071", ":7071", "localhost", "localhost:",
                              "localhost:x", "localhost:65536", "a:-1"}) {
    options_.address = address;
    EXPECT_EQ(HttpServer::Start(options_, {}).status().code(),
              absl::StatusCode::kInvalidArgument)
        << address;
  }
}

}  // namespace
}  // namespace assay
