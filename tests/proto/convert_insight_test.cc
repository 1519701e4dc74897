#include "proto/convert_insight.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace assay {
namespace {

using ::testing::HasSubstr;

v1::PredictRequest Request(int configurations) {
  v1::PredictRequest request;
  for (int i = 0; i < configurations; ++i) {
    (*request.add_configurations()->mutable_parameters())["x"].set_number_value(
        i);
  }
  return request;
}

std::string WhyNot(const v1::PredictRequest& request) {
  const absl::Status status = ToConfigurations(request).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  return std::string(status.message());
}

TEST(ConvertInsightTest, ConfigurationsAreParameters) {
  const auto configurations = ToConfigurations(Request(2));
  ASSERT_TRUE(configurations.ok());
  EXPECT_EQ((*configurations)[1], (Parameters{{"x", int64_t{1}}}));
}

TEST(ConvertInsightTest, TooManyConfigurationsAndNoneAreRefused) {
  EXPECT_EQ(WhyNot(Request(0)), "configurations: 0; 1 to 1000");
  EXPECT_EQ(WhyNot(Request(1001)), "configurations: 1001; 1 to 1000");
  EXPECT_TRUE(ToConfigurations(Request(1000)).ok());
}

TEST(ConvertInsightTest, AWrongValueNamesItsConfiguration) {
  v1::PredictRequest request = Request(3);
  auto& parameters = *request.mutable_configurations(2)->mutable_parameters();
  parameters["x"].set_null_value(google::protobuf::NULL_VALUE);
  EXPECT_THAT(WhyNot(request), HasSubstr("configurations[2]: "));
  EXPECT_THAT(WhyNot(request), HasSubstr("null"));
}

TEST(ConvertInsightTest, WhatIsUnknownIsAbsent) {
  EXPECT_FALSE(ToMessage(Prediction{}).has_keeps_bound());
  EXPECT_EQ(ToMessage(Prediction{.keeps_bound = 0.0}).keeps_bound(), 0);
  EXPECT_TRUE(ToMessage(Prediction{.keeps_bound = 0.0}).has_keeps_bound());
  const Importance importance{
      .parameters = {{.name = "a"},
                     {.name = "b", .within_best = Estimate{0.5, 0.1}}},
      .transformed = true,
      .r_squared = 0.9,
      .rows = 20};
  const v1::ImportanceResponse message = ToMessage("loss", importance);
  EXPECT_FALSE(message.parameters(0).has_within_best());
  EXPECT_EQ(message.parameters(1).within_best().standard_error(), 0.1);
  EXPECT_EQ(message.configurations(), 20);
  EXPECT_TRUE(message.transformed());
}

TEST(ConvertInsightTest, QualityHasEachTrial) {
  const ModelQuality quality{
      .trials = {{.number = 7,
                  .count = 3,
                  .observed = 1.5,
                  .predicted = {.median = 1, .half = {0, 2}, .most = {-1, 3}}}},
      .r_squared = 0.5,
      .rank_correlation = 0.6,
      .log_score = -1,
      .coverage = {0.4, 0.8}};
  const v1::QualityResponse message = ToMessage("loss", quality);
  EXPECT_EQ(message.metric(), "loss");
  EXPECT_EQ(message.trials(0).number(), 7);
  EXPECT_EQ(message.trials(0).runs(), 3);
  EXPECT_EQ(message.trials(0).predicted().most().low(), -1);
  EXPECT_EQ(message.coverage_half(), 0.4);
  EXPECT_EQ(message.coverage_most(), 0.8);
}

}  // namespace
}  // namespace assay
