#include "server/grpc/page_token.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "tests/server/server_fixture.h"

namespace assay {
namespace {

using absl::StatusCode;

TEST(PageTokenTest, SaysWhereToGoOn) {
  for (const int64_t after : {int64_t{0}, int64_t{-1}, int64_t{41},
                              std::numeric_limits<int64_t>::max()}) {
    EXPECT_EQ(
        ReadPageToken(MakePageToken("trials of 1", after), "trials of 1", -1)
            .value(),
        after);
  }
}

TEST(PageTokenTest, AnEmptyOneIsTheBeginning) {
  EXPECT_EQ(ReadPageToken("", "trials of 1", -1).value(), -1);
}

TEST(PageTokenTest, OneOfAnotherListIsRefused) {
  EXPECT_THAT(ReadPageToken(MakePageToken("trials of 1", 41), "trials of 2", 0),
              Fails(StatusCode::kInvalidArgument, "of another list"));
}

TEST(PageTokenTest, ADamagedOneIsRefused) {
  for (const char* token : {"!", "YWJj", "OjE", "page 2", "\xff\xfe"}) {
    EXPECT_THAT(ReadPageToken(token, "trials of 1", 0),
                Fails(StatusCode::kInvalidArgument, "page_token"));
  }
}

TEST(PageTokenTest, IsTextThatUrlsMayHold) {
  EXPECT_THAT(MakePageToken("trials of 1, state = \"FAILED\"", 123456789),
              testing::MatchesRegex("[A-Za-z0-9_-]+"));
}

TEST(PageSizeTest, ZeroIsTheStandard) {
  EXPECT_EQ(ReadPageSize(0, 100, 1000).value(), 100);
}

TEST(PageSizeTest, IsTakenUpToItsLimit) {
  EXPECT_EQ(ReadPageSize(1, 100, 1000).value(), 1);
  EXPECT_EQ(ReadPageSize(1000, 100, 1000).value(), 1000);
  for (const int64_t size : {int64_t{-1}, int64_t{1001}, int64_t{1} << 40}) {
    EXPECT_THAT(ReadPageSize(size, 100, 1000),
                Fails(StatusCode::kInvalidArgument, "1 to 1000"));
  }
}

}  // namespace
}  // namespace assay
