#include "server/connect/envelope.h"

#include <string>

#include "absl/status/status.h"
#include "gtest/gtest.h"

namespace assay {
namespace {

std::string Bytes(absl::string_view text) { return std::string(text); }

TEST(EnvelopeTest, IsFlagsLengthAndMessage) {
  EXPECT_EQ(Envelope(EnvelopeFlag::kMessage, "{}"),
            Bytes({"\0\0\0\0\x02{}", 7}));
  EXPECT_EQ(Envelope(EnvelopeFlag::kEndOfStream, ""),
            Bytes({"\x02\0\0\0\0", 5}));
  EXPECT_EQ(
      Envelope(EnvelopeFlag::kMessage, std::string(0x012345, 'x')).substr(0, 5),
      Bytes({"\0\0\x01\x23\x45", 5}));
}

TEST(EnvelopeTest, WhatWasWrittenIsRead) {
  for (const size_t size : {0, 1, 255, 256, 70'000}) {
    const std::string message(size, 'x');
    const auto read = OnlyMessage(Envelope(EnvelopeFlag::kMessage, message));
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(*read, message);
  }
}

TEST(EnvelopeTest, NoneOrSeveralMessagesAreUnimplementedAsInGrpc) {
  const std::string one = Envelope(EnvelopeFlag::kMessage, "{}");
  for (const std::string& body : {std::string(), one + one, one + "x"}) {
    EXPECT_EQ(OnlyMessage(body).status().code(),
              absl::StatusCode::kUnimplemented);
  }
}

TEST(EnvelopeTest, CutOrCompressedOnesAreInvalid) {
  for (const std::string& body :
       {Bytes({"\0", 1}), Bytes({"\0\0\0\0", 4}), Bytes({"\0\0\0\0\x03{}", 7}),
        Bytes({"\0\xff\xff\xff\xff", 5}), Bytes({"\x01\0\0\0\0", 5}),
        Envelope(EnvelopeFlag::kEndOfStream, "{}")}) {
    EXPECT_EQ(OnlyMessage(body).status().code(),
              absl::StatusCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace assay
