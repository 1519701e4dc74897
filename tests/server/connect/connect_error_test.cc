#include "server/connect/connect_error.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace assay {
namespace {

using absl::StatusCode;

// The table of https://connectrpc.com/docs/protocol#error-codes.
TEST(ConnectErrorTest, EachCodeHasItsNameAndHttpStatus) {
  const struct {
    StatusCode code;
    const char* name;
    int http_status;
  } kTable[] = {
      {StatusCode::kCancelled, "canceled", 499},
      {StatusCode::kUnknown, "unknown", 500},
      {StatusCode::kInvalidArgument, "invalid_argument", 400},
      {StatusCode::kDeadlineExceeded, "deadline_exceeded", 504},
      {StatusCode::kNotFound, "not_found", 404},
      {StatusCode::kAlreadyExists, "already_exists", 409},
      {StatusCode::kPermissionDenied, "permission_denied", 403},
      {StatusCode::kResourceExhausted, "resource_exhausted", 429},
      {StatusCode::kFailedPrecondition, "failed_precondition", 400},
      {StatusCode::kAborted, "aborted", 409},
      {StatusCode::kOutOfRange, "out_of_range", 400},
      {StatusCode::kUnimplemented, "unimplemented", 501},
      {StatusCode::kInternal, "internal", 500},
      {StatusCode::kUnavailable, "unavailable", 503},
      {StatusCode::kDataLoss, "data_loss", 500},
      {StatusCode::kUnauthenticated, "unauthenticated", 401},
  };
  for (const auto& row : kTable) {
    EXPECT_EQ(ConnectCode(row.code), row.name);
    EXPECT_EQ(HttpStatusOf(row.code), row.http_status) << row.name;
  }
}

TEST(ConnectErrorTest, CodeThatNobodyKnowsIsUnknown) {
  EXPECT_EQ(ConnectCode(static_cast<StatusCode>(99)), "unknown");
}

TEST(ConnectErrorTest, ErrorIsJsonWhateverItsMessageHolds) {
  EXPECT_EQ(ErrorJson(absl::NotFoundError("no \"x\"\n")),
            R"({"code":"not_found","message":"no \"x\"\n"})");
  EXPECT_TRUE(
      nlohmann::json::accept(ErrorJson(absl::NotFoundError("caf\xe9\x01"))));
}

TEST(ConnectErrorTest, EndOfStreamHasTheErrorInside) {
  EXPECT_EQ(EndOfStreamJson(absl::OkStatus()), "{}");
  EXPECT_EQ(EndOfStreamJson(absl::AbortedError("a")),
            R"({"error":{"code":"aborted","message":"a"}})");
}

TEST(ConnectErrorTest, RefusalKeepsItsHttpStatus) {
  const HttpResponse refusal = ConnectRefusal(413, "too large");
  EXPECT_EQ(refusal.status, 413);
  EXPECT_EQ(refusal.content_type, "application/json");
  EXPECT_EQ(refusal.body,
            R"({"code":"resource_exhausted","message":"too large"})");
}

}  // namespace
}  // namespace assay
