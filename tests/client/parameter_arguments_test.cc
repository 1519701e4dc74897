#include "client/cli/parameter_arguments.h"

#include <gtest/gtest.h>

namespace assay {
namespace {

using Map = google::protobuf::Map<std::string, google::protobuf::Value>;

TEST(ParameterArgumentsTest, ValuesAreNumbersBooleansOrTexts) {
  Map map;
  ASSERT_TRUE(
      ParseParameters(
          {"lr=1e-3", "on=true", "kind=adam", "code='7'", "text=a=b"}, map)
          .ok());
  EXPECT_EQ(map["lr"].number_value(), 1e-3);
  EXPECT_TRUE(map["on"].bool_value());
  EXPECT_EQ(map["kind"].string_value(), "adam");
  EXPECT_EQ(map["code"].string_value(), "7");
  EXPECT_EQ(map["text"].string_value(), "a=b");
}

TEST(ParameterArgumentsTest, WhatHasNoNameIsRefused) {
  for (const char* wrong : {"lr", "=3", ""}) {
    Map map;
    const absl::Status status = ParseParameters({wrong}, map);
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << wrong;
    EXPECT_NE(status.message().find("NAME=VALUE"), std::string::npos);
  }
}

}  // namespace
}  // namespace assay
