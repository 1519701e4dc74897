#include "server/grpc/unary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace assay {
namespace {

TEST(ToGrpcStatusTest, KeepsTheCodeAndTheMessage) {
  const std::pair<absl::StatusCode, grpc::StatusCode> codes[] = {
      {absl::StatusCode::kInvalidArgument, grpc::StatusCode::INVALID_ARGUMENT},
      {absl::StatusCode::kNotFound, grpc::StatusCode::NOT_FOUND},
      {absl::StatusCode::kAlreadyExists, grpc::StatusCode::ALREADY_EXISTS},
      {absl::StatusCode::kFailedPrecondition,
       grpc::StatusCode::FAILED_PRECONDITION},
      {absl::StatusCode::kOutOfRange, grpc::StatusCode::OUT_OF_RANGE},
      {absl::StatusCode::kResourceExhausted,
       grpc::StatusCode::RESOURCE_EXHAUSTED},
      {absl::StatusCode::kUnavailable, grpc::StatusCode::UNAVAILABLE},
      {absl::StatusCode::kUnauthenticated, grpc::StatusCode::UNAUTHENTICATED},
      {absl::StatusCode::kPermissionDenied,
       grpc::StatusCode::PERMISSION_DENIED},
      {absl::StatusCode::kInternal, grpc::StatusCode::INTERNAL},
      {absl::StatusCode::kCancelled, grpc::StatusCode::CANCELLED},
      {absl::StatusCode::kAborted, grpc::StatusCode::ABORTED},
      {absl::StatusCode::kDataLoss, grpc::StatusCode::DATA_LOSS},
      {absl::StatusCode::kUnknown, grpc::StatusCode::UNKNOWN},
  };
  for (const auto& [ours, theirs] : codes) {
    const grpc::Status status = ToGrpcStatus(absl::Status(ours, "why"));
    EXPECT_EQ(status.error_code(), theirs);
    EXPECT_EQ(status.error_message(), "why");
  }
  EXPECT_TRUE(ToGrpcStatus(absl::OkStatus()).ok());
}

TEST(ToGrpcStatusTest, ShortensWhatDoesNotFitIntoAHeader) {
  const grpc::Status status =
      ToGrpcStatus(absl::InvalidArgumentError(std::string(100'000, 'x')));
  EXPECT_LT(status.error_message().size(), 2000u);
  EXPECT_THAT(status.error_message(), testing::EndsWith("..."));
}

TEST(ToGrpcStatusTest, ShortensBetweenTwoCharacters) {
  std::string text = "x";  // So that the limit falls into a character.
  for (int i = 0; i < 1000; ++i) text += "é";
  const std::string message =
      ToGrpcStatus(absl::InvalidArgumentError(text)).error_message();
  ASSERT_THAT(message, testing::EndsWith("..."));
  EXPECT_EQ((message.size() - 3 - 1) % 2, 0u);
}

}  // namespace
}  // namespace assay
