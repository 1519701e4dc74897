#include "server/http/web_routes.h"

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/http/http_server.h"
#include "tests/server/http/http_client.h"

namespace assay {
namespace {

using ::testing::HasSubstr;

constexpr WebFile kFiles[] = {
    {"/index.html", "11", "<!doctype html>"},
    {"/assets/index-4f1c.js", "22", "start()"},
    {"/favicon.svg", "33", "<svg/>"},
};

class WebRoutesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto server =
        HttpServer::Start({.address = "127.0.0.1:0"}, WebRoutes(kFiles));
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }

  std::string AskFor(const std::string& path) {
    return Ask(server_->port(), Get(path));
  }

  std::string AskUnless(const std::string& path, const std::string& etag) {
    HttpClient client(server_->port());
    client.Send(absl::StrCat(
        "GET ", path, " HTTP/1.1\r\nHost: localhost\r\nIf-None-Match: ", etag,
        "\r\n\r\n"));
    return client.ReadResponse();
  }

  std::unique_ptr<HttpServer> server_;
};

TEST_F(WebRoutesTest, RootIsTheIndex) {
  for (const char* path : {"/", "/index.html"}) {
    const std::string response = AskFor(path);
    EXPECT_EQ(StatusOf(response), 200);
    EXPECT_EQ(HeaderOf(response, "Content-Type"), "text/html; charset=utf-8");
    EXPECT_EQ(HeaderOf(response, "Cache-Control"), "no-cache");
    EXPECT_EQ(BodyOf(response), "<!doctype html>");
  }
}

TEST_F(WebRoutesTest, HashedFilesAreKeptForEver) {
  const std::string response = AskFor("/assets/index-4f1c.js");
  EXPECT_EQ(HeaderOf(response, "Content-Type"),
            "text/javascript; charset=utf-8");
  EXPECT_THAT(HeaderOf(response, "Cache-Control"), HasSubstr("immutable"));
  EXPECT_EQ(BodyOf(response), "start()");
}

TEST_F(WebRoutesTest, PageMayNotBeFramedNorLoadFromElsewhere) {
  const std::string policy = HeaderOf(AskFor("/"), "Content-Security-Policy");
  EXPECT_THAT(policy, HasSubstr("default-src 'none'"));
  EXPECT_THAT(policy, HasSubstr("script-src 'self';"));
  EXPECT_THAT(policy, HasSubstr("frame-ancestors 'none'"));
}

TEST_F(WebRoutesTest, KnownContentIsNotSentAgain) {
  const std::string etag = HeaderOf(AskFor("/favicon.svg"), "ETag");
  const std::string known = AskUnless("/favicon.svg", etag);
  EXPECT_EQ(StatusOf(known), 304);
  EXPECT_EQ(HeaderOf(known, "ETag"), etag);
  EXPECT_EQ(BodyOf(known), "");
  EXPECT_EQ(StatusOf(AskUnless("/favicon.svg", "\"old\", " + etag)), 304);
  EXPECT_EQ(StatusOf(AskUnless("/favicon.svg", "\"old\"")), 200);
}

TEST_F(WebRoutesTest, HeadHasTheLengthOnly) {
  HttpClient client(server_->port());
  client.Send("HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const std::string head = client.ReadResponse(/*with_body=*/false);
  EXPECT_EQ(StatusOf(head), 200);
  EXPECT_EQ(HeaderOf(head, "Content-Length"), "15");
}

TEST_F(WebRoutesTest, OtherPathsAre404) {
  EXPECT_EQ(StatusOf(AskFor("/studies/3")), 404);
  EXPECT_EQ(StatusOf(AskFor("/assets/index-old.js")), 404);
  EXPECT_EQ(StatusOf(AskFor("/assets/../index.html")), 404);
}

TEST(WebRoutesWithoutPageTest, RootNamesWhatThereIs) {
  auto server = HttpServer::Start({.address = "127.0.0.1:0"}, WebRoutes({}));
  ASSERT_TRUE(server.ok()) << server.status();
  const std::string response = Ask((*server)->port(), Get("/"));
  EXPECT_EQ(StatusOf(response), 200);
  EXPECT_EQ(HeaderOf(response, "Content-Type"), "text/html; charset=utf-8");
}

}  // namespace
}  // namespace assay
