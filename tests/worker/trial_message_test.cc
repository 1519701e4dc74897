#include "worker/trial_message.h"

#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace assay {
namespace {

using testing::HasSubstr;

std::string ErrorOf(absl::string_view line) {
  const auto message = ParseTrialMessage(line);
  EXPECT_FALSE(message.ok()) << line;
  return std::string(message.status().message());
}

TEST(TrialMessageTest, AReportWithAllItsParts) {
  const auto message = ParseTrialMessage(
      R"({"report":{"step":3,"metrics":{"loss":0.4,"n":2},"instance":1,)"
      R"("gradients":{"loss":{"lr":-1.5}},)"
      R"("gradient_deviations":{"loss":{"lr":0.1}}}})");
  ASSERT_TRUE(message.ok()) << message.status();
  const auto& measurement = std::get<Measurement>(*message);
  EXPECT_EQ(measurement.step, 3);
  EXPECT_EQ(measurement.metrics, (Metrics{{"loss", 0.4}, {"n", 2}}));
  EXPECT_EQ(measurement.instance, 1);
  EXPECT_EQ(measurement.gradients.at("loss").at("lr"), -1.5);
  EXPECT_EQ(measurement.gradient_deviations.at("loss").at("lr"), 0.1);
}

TEST(TrialMessageTest, NumbersThatJsonCannotSay) {
  const auto message = ParseTrialMessage(
      R"({"report":{"step":0,"metrics":{"a":"NaN","b":"Infinity",)"
      R"("c":"-Infinity"}}})");
  ASSERT_TRUE(message.ok()) << message.status();
  const Metrics& metrics = std::get<Measurement>(*message).metrics;
  EXPECT_TRUE(std::isnan(metrics.at("a")));
  EXPECT_EQ(metrics.at("b"), HUGE_VAL);
  EXPECT_EQ(metrics.at("c"), -HUGE_VAL);
}

TEST(TrialMessageTest, AFinishAndAnAttribute) {
  const auto finish = ParseTrialMessage(
      R"({"finish":{"state":"INFEASIBLE","reason":"too deep"}})");
  ASSERT_TRUE(finish.ok());
  EXPECT_EQ(std::get<DeclaredEnd>(*finish).state,
            DeclaredEnd::State::kInfeasible);
  const auto attribute =
      ParseTrialMessage(R"({"attribute":{"key":"k","value":"v"}})");
  ASSERT_TRUE(attribute.ok());
  EXPECT_EQ(std::get<TrialAttribute>(*attribute).name_space, "user");
}

TEST(TrialMessageTest, ADeviationIsOfANumberAmongTheGradients) {
  const auto error_of = [](const std::string& deviations) {
    return ErrorOf(R"({"report":{"step":1,"metrics":{"x":1},)"
                   R"("gradients":{"x":{"lr":1}},"gradient_deviations":)" +
                   deviations + "}}");
  };
  EXPECT_THAT(error_of(R"({"x":{"wd":1}})"), HasSubstr("has \"wd\" of \"x\""));
  EXPECT_THAT(error_of(R"({"y":{"lr":1}})"), HasSubstr("has \"lr\" of \"y\""));
  EXPECT_THAT(error_of(R"({"x":{"lr":-1}})"), HasSubstr("at least 0"));
  EXPECT_THAT(error_of(R"({"x":1})"), HasSubstr("an object of numbers"));
}

TEST(TrialMessageTest, WhatIsWrongIsSaid) {
  EXPECT_THAT(ErrorOf("loss=0.4"), HasSubstr("not JSON"));
  EXPECT_THAT(ErrorOf(R"({"report":{"step":1,"metrics":{"x":NaN}}})"),
              HasSubstr("the string \"NaN\""));
  EXPECT_THAT(ErrorOf("[]"), HasSubstr("object with one key"));
  EXPECT_THAT(ErrorOf(R"({"hello":{}})"), HasSubstr("unknown key \"hello\""));
  EXPECT_THAT(ErrorOf(R"({"report":{"metrics":{"x":1}}})"),
              HasSubstr("needs \"step\""));
  EXPECT_THAT(ErrorOf(R"({"report":{"step":1,"metrics":{}}})"),
              HasSubstr("needs \"metrics\""));
  EXPECT_THAT(ErrorOf(R"({"report":{"step":-1,"metrics":{"x":1}}})"),
              HasSubstr("0 to 2^53"));
  EXPECT_THAT(
      ErrorOf(R"({"report":{"step":9007199254740993,"metrics":{"x":1}}})"),
      HasSubstr("0 to 2^53"));
  EXPECT_THAT(ErrorOf(R"({"report":{"step":1.5,"metrics":{"x":1}}})"),
              HasSubstr("a whole number"));
  EXPECT_THAT(ErrorOf(R"({"report":{"step":1,"metrics":{"x":"high"}}})"),
              HasSubstr("\"x\" is \"high\""));
  EXPECT_THAT(ErrorOf(R"({"report":{"stpe":1,"metrics":{"x":1}}})"),
              HasSubstr("no key \"stpe\""));
  EXPECT_THAT(ErrorOf(R"({"finish":{"state":"DONE"}})"),
              HasSubstr("COMPLETED, STOPPED, FAILED or INFEASIBLE"));
  EXPECT_THAT(ErrorOf("{\"attribute\":{\"key\":\"\xff\",\"value\":\"\"}}"),
              HasSubstr("not JSON"));
}

TEST(TrialMessageTest, LinesToTheTrial) {
  EXPECT_EQ(AckLine(3), "{\"ack\":3}\n");
  EXPECT_EQ(StopLine("a \"b\""), "{\"stop\":\"a \\\"b\\\"\"}\n");
  EXPECT_EQ(ErrorLine("x"), "{\"error\":\"x\"}\n");
}

TEST(TrialMessageTest, ACheckpointNamesItsStep) {
  const auto message = ParseTrialMessage(R"({"checkpoint":{"step":9}})");
  ASSERT_TRUE(message.ok()) << message.status();
  EXPECT_EQ(std::get<CheckpointNotice>(*message).step, 9);
  for (const char* bad :
       {R"({"checkpoint":{}})", R"({"checkpoint":{"step":-1}})",
        R"({"checkpoint":{"step":"9"}})",
        R"({"checkpoint":{"step":1,"x":2}})"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(ParseTrialMessage(bad).status()))
        << bad;
  }
}

}  // namespace
}  // namespace assay
