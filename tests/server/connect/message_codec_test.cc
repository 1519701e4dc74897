#include "server/connect/message_codec.h"

#include <string>

#include "assay/v1/study.pb.h"
#include "assay/v1/trial.pb.h"
#include "gmock/gmock.h"
#include "google/protobuf/struct.pb.h"
#include "gtest/gtest.h"

namespace assay {
namespace {

using ::testing::HasSubstr;

class MessageCodecTest : public ::testing::Test {
 protected:
  // From JSON and back.
  template <class Message>
  std::string Again(const std::string& json) {
    const auto read =
        codec_.Read(json, MessageFormat::kJson, *Message::descriptor());
    if (!read.ok()) return read.status().ToString();
    return *codec_.Write(*read, MessageFormat::kJson, *Message::descriptor());
  }

  std::string Refusal(const std::string& json) {
    const auto read = codec_.Read(json, MessageFormat::kJson,
                                  *v1::EnqueueRequest::descriptor());
    EXPECT_EQ(read.status().code(), absl::StatusCode::kInvalidArgument) << json;
    return std::string(read.status().message());
  }

  const MessageCodec codec_;
};

std::string Repeated(const std::string& piece, int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += piece;
  return text;
}

std::string Lists(int depth) {
  return R"({"parameters":{"x":)" + Repeated("[", depth) +
         Repeated("]", depth) + "}}";
}

TEST_F(MessageCodecTest, JsonIsProtobufs) {
  const std::string json =
      R"({"study":"s","after":"9007199254740993"})";  // Beyond a double.
  EXPECT_EQ(Again<v1::WatchStudyRequest>(json), json);
  EXPECT_EQ(Again<v1::WatchStudyRequest>(R"({"study":"s","after":7})"),
            R"({"study":"s","after":"7"})");
  EXPECT_EQ(Again<v1::Measurement>(R"({"metrics":{"loss":"NaN"}})"),
            R"({"metrics":{"loss":"NaN"}})");
}

TEST_F(MessageCodecTest, BinaryIsLeftAlone) {
  const std::string bytes("\xff\0x", 3);
  const auto& type = *v1::WatchStudyRequest::descriptor();
  const auto read = codec_.Read(bytes, MessageFormat::kBinary, type);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(*codec_.Write(*read, MessageFormat::kBinary, type), bytes);
}

TEST_F(MessageCodecTest, RefusalNamesTheMessageAndTheField) {
  EXPECT_THAT(Refusal(R"({"studi":"s"})"), HasSubstr("studi"));
  EXPECT_THAT(Refusal(R"({"study":3})"), HasSubstr("study"));
  EXPECT_THAT(Refusal("{"), HasSubstr("assay.v1.EnqueueRequest"));
  EXPECT_THAT(Refusal(""), HasSubstr("assay.v1.EnqueueRequest"));
}

// Found by timing protobuf's parser: 40 KB of brackets took it 45 s.
TEST_F(MessageCodecTest, ListsInListsAreRefusedBeforeTheyAreParsed) {
  EXPECT_THAT(Refusal(Lists(100'000)), HasSubstr("100 levels"));
  EXPECT_THAT(Refusal(R"({'"':)" + Repeated("[", 100'000)),
              HasSubstr("100 levels"));
  EXPECT_THAT(Refusal(Repeated(R"({"parameters":)", 100'000)),
              HasSubstr("100 levels"));
  EXPECT_THAT(Again<v1::EnqueueRequest>(Lists(20)), HasSubstr("[[[["));
}

TEST_F(MessageCodecTest, BracketsInStringsDoNotNest) {
  const std::string json = R"({"study":"\"\\)" + Repeated("[{", 1000) + R"("})";
  EXPECT_EQ(Again<v1::WatchStudyRequest>(json), json);
}

// Protobuf's writer gives up at 64 messages in each other.
TEST_F(MessageCodecTest, WhatIsTooDeepCannotBeWritten) {
  google::protobuf::Value value;
  google::protobuf::Value* inner = &value;
  for (int i = 0; i < 100; ++i) {
    inner = inner->mutable_list_value()->add_values();
  }
  inner->set_bool_value(true);
  const grpc::Slice slice(value.SerializeAsString());
  EXPECT_EQ(codec_
                .Write(grpc::ByteBuffer(&slice, 1), MessageFormat::kJson,
                       *google::protobuf::Value::descriptor())
                .status()
                .code(),
            absl::StatusCode::kInternal);
}

}  // namespace
}  // namespace assay
