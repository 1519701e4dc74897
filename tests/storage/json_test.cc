#include "storage/sqlite/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

namespace assay {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(JsonTest, PeopleCanReadIt) {
  EXPECT_EQ(*EncodeMetrics({{"loss", 0.25}, {"acc", 1.0}}),
            R"({"acc":1.0,"loss":0.25})");
  EXPECT_EQ(*EncodeMetrics({{"a", std::nan("")}, {"b", -kInfinity}}),
            R"({"a":"NaN","b":"-Infinity"})");
  EXPECT_EQ(*EncodeGradients({{"loss", {{"lr", -0.5}}}}),
            R"({"loss":{"lr":-0.5}})");
  EXPECT_EQ(*EncodeMetrics({}), "{}");
}

TEST(JsonTest, KindsOfParametersStayApart) {
  const Parameters parameters = {
      {"double", 3.0},
      {"integer", int64_t{3}},
      {"text", std::string("3")},
      {"truth", true},
      {"infinity", kInfinity},
      {"not infinity", std::string("Infinity")},
      {"smallest", std::numeric_limits<int64_t>::min()},
      {"largest", std::numeric_limits<int64_t>::max()},
      {"huge", 1e22},
      {"empty", std::string()},
      {"unicode", std::string("\u03bb \"\\\n")}};
  EXPECT_EQ(*DecodeParameters(*EncodeParameters(parameters)), parameters);
}

TEST(JsonTest, DoublesComeBackBitForBit) {
  for (double value : {0.1, 1.0 / 3, 5e-324, 1.7976931348623157e308, -0.0,
                       123456789012345678.0, 2.5e-8}) {
    const Metrics back = *DecodeMetrics(*EncodeMetrics({{"m", value}}));
    EXPECT_EQ(back.at("m"), value);
    EXPECT_EQ(std::signbit(back.at("m")), std::signbit(value));
  }
}

TEST(JsonTest, WhatIsNotUtf8IsRefused) {
  EXPECT_EQ(EncodeMetrics({{"\xc3", 1.0}}).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(EncodeParameters({{"a", std::string("\xff")}}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(JsonTest, WhatWasNotWrittenHereIsDataLoss) {
  for (const char* text : {"", "{", "[]", "3", R"({"a":"x"})", R"({"a":{}})",
                           R"({"a":null})", R"({"a":[1]})"}) {
    EXPECT_EQ(DecodeMetrics(text).status().code(), absl::StatusCode::kDataLoss);
  }
  for (const char* text :
       {"", "7", R"({"a":null})", R"({"a":{"double":"x"}})"}) {
    EXPECT_EQ(DecodeParameters(text).status().code(),
              absl::StatusCode::kDataLoss);
  }
  EXPECT_EQ(DecodeGradients(R"({"a":1})").status().code(),
            absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace assay
