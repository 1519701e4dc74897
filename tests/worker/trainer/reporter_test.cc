#include "worker/trainer/reporter.h"

#include <csignal>
#include <cstdlib>
#include <limits>
#include <sstream>
#include <string>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/worker/trainer/support/scratch_folder.h"
#include "tests/worker/trainer/support/trial_socket.h"
#include "worker/trainer/termination.h"

namespace assay {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

class ReporterTest : public ::testing::Test {
 protected:
  ScratchFolder folder_;
  std::ostringstream out_;
};

// Beside a socket that has been accepted.
class ConnectedReporterTest : public ReporterTest {
 protected:
  void SetUp() override { ASSERT_TRUE(worker_.Accept()); }

  TrialSocket worker_{folder_.path() + "/s"};
  Reporter reporter_{worker_.path(), out_};
};

TEST_F(ConnectedReporterTest, SpeaksJsonLines) {
  reporter_.Report(3, {{"loss", 0.5}, {"accuracy", 0.25}}, std::nullopt);
  reporter_.Attribute("confusion_matrix", "[[1]]");
  reporter_.Completed({{"accuracy", 0.25}});
  EXPECT_EQ(worker_.Receive(), json::parse(R"({"report": {"step": 3,
      "metrics": {"loss": 0.5, "accuracy": 0.25}}})"));
  EXPECT_EQ(worker_.Receive(), json::parse(R"({"attribute":
      {"key": "confusion_matrix", "value": "[[1]]"}})"));
  EXPECT_EQ(worker_.Receive(), json::parse(R"({"finish":
      {"state": "COMPLETED", "metrics": {"accuracy": 0.25}}})"));
}

TEST_F(ConnectedReporterTest, GradientsComeWithTheDeviationsThatAreKnown) {
  reporter_.Report(
      1, {{"loss", 0.5}},
      MetricGradient{
          .metric = "loss",
          .by_parameter = {
              {.parameter = "optimizer.learning_rate",
               .value = -1.5,
               .deviation = 0.25},
              {.parameter = "regularization.l2",
               .value = 2,
               .deviation = std::numeric_limits<double>::quiet_NaN()}}});
  EXPECT_EQ(worker_.Receive(), json::parse(R"({"report": {"step": 1,
      "metrics": {"loss": 0.5},
      "gradients": {"loss": {"optimizer.learning_rate": -1.5,
                             "regularization.l2": 2.0}},
      "gradient_deviations": {"loss": {"optimizer.learning_rate": 0.25}}}})"));
}

TEST_F(ConnectedReporterTest, NumbersThatJsonLacksAreStrings) {
  reporter_.Report(1,
                   {{"a", std::numeric_limits<double>::quiet_NaN()},
                    {"b", kInfinity},
                    {"c", -kInfinity}},
                   std::nullopt);
  EXPECT_EQ(worker_.Receive(), json::parse(R"({"report": {"step": 1, "metrics":
      {"a": "NaN", "b": "Infinity", "c": "-Infinity"}}})"));
}

TEST_F(ConnectedReporterTest, NumbersKeepEveryBit) {
  const double value = 0.1 + 0.2;
  reporter_.Report(1, {{"x", value}}, std::nullopt);
  EXPECT_EQ((*worker_.Receive())["report"]["metrics"]["x"].get<double>(),
            value);
}

TEST_F(ConnectedReporterTest, StopComesWithItsReason) {
  EXPECT_EQ(reporter_.StopReason(), std::nullopt);
  worker_.Send(R"({"a newer worker": "says more"})");
  worker_.Send("no JSON");
  EXPECT_EQ(reporter_.StopReason(), std::nullopt);
  worker_.Send(R"({"stop": "worse than the median"})");
  worker_.Send(R"({"stop": "another"})");
  EXPECT_EQ(reporter_.StopReason(), "worse than the median");
  reporter_.Stopped("worse than the median", {{"loss", 1}});
  EXPECT_EQ(worker_.Receive(), json::parse(R"({"finish": {"state": "STOPPED",
      "reason": "worse than the median", "metrics": {"loss": 1.0}}})"));
}

TEST_F(ConnectedReporterTest, CheckpointIsAnsweredByItsOwnLine) {
  reporter_.Report(1, {{"loss", 1}}, std::nullopt);
  EXPECT_TRUE(reporter_.CheckpointAnswered());
  reporter_.AnnounceCheckpoint(1);
  reporter_.Report(2, {{"loss", 0.5}}, std::nullopt);
  worker_.Receive();
  EXPECT_EQ(worker_.Receive(), json::parse(R"({"checkpoint": {"step": 1}})"));
  worker_.Send(R"({"ack": 1})");
  EXPECT_FALSE(reporter_.CheckpointAnswered());
  worker_.Send(R"({"ack": 2})");
  EXPECT_TRUE(reporter_.CheckpointAnswered());
}

TEST_F(ConnectedReporterTest, RefusedLinesCountAsAnswered) {
  reporter_.Report(1, {{"loss", 1}}, std::nullopt);
  reporter_.AnnounceCheckpoint(1);
  worker_.Send(R"({"error": "no such metric"})");
  EXPECT_FALSE(reporter_.CheckpointAnswered());
  worker_.Send(R"({"error": "the study's checkpoints are full"})");
  reporter_.AwaitCheckpoint();
  EXPECT_TRUE(reporter_.CheckpointAnswered());
  EXPECT_THAT(out_.str(), HasSubstr("the study's checkpoints are full"));
}

TEST_F(ConnectedReporterTest, CheckpointIsWaitedFor) {
  reporter_.AnnounceCheckpoint(1);
  std::thread worker([this] {
    worker_.Receive();
    worker_.Send(R"({"ack": 1})");
  });
  reporter_.AwaitCheckpoint();
  EXPECT_TRUE(reporter_.CheckpointAnswered());
  worker.join();
}

TEST_F(ConnectedReporterTest, NobodyAnswersOnASocketThatIsLost) {
  reporter_.AnnounceCheckpoint(1);
  worker_.Close();
  reporter_.AwaitCheckpoint();
  EXPECT_TRUE(reporter_.CheckpointAnswered());
}

TEST_F(ConnectedReporterTest, StopInTwoPiecesIsUnderstood) {
  worker_.Send("{\"stop\":");  // JSON allows a line end here, the protocol not.
  worker_.Send("\"x\"}");
  EXPECT_EQ(reporter_.StopReason(), std::nullopt);
  worker_.Send("{\"stop\":\"x\"}");
  EXPECT_EQ(reporter_.StopReason(), "x");
}

TEST_F(ConnectedReporterTest, BrokenSocketIsToldOnceAndTrainingGoesOn) {
  worker_.Close();
  EXPECT_EQ(reporter_.StopReason(), std::nullopt);
  reporter_.Report(1, {{"loss", 0.5}}, std::nullopt);
  reporter_.Report(2, {{"loss", 0.25}}, std::nullopt);
  reporter_.Completed({{"loss", 0.25}});
  const std::string text = out_.str();
  EXPECT_EQ(text.find("socket is lost"), text.rfind("socket is lost"));
  EXPECT_THAT(text, HasSubstr("socket is lost"));
  EXPECT_THAT(text, HasSubstr("epoch 2  loss 0.25"));
}

TEST_F(ConnectedReporterTest, WaitsForAWorkerThatIsSlowToRead) {
  constexpr int64_t kReports = 5000;  // Far more than the kernel holds.
  std::thread training([this] {
    for (int64_t step = 1; step <= kReports; ++step) {
      reporter_.Report(step, {{"loss", 0.5}}, std::nullopt);
    }
  });
  for (int64_t step = 1; step <= kReports; ++step) {
    const auto message = worker_.Receive();
    ASSERT_TRUE(message.has_value());
    ASSERT_EQ((*message)["report"]["step"], step);
  }
  training.join();
}

TEST_F(ReporterTest, NobodyListening) {
  Reporter reporter(folder_.path() + "/nothing", out_);
  reporter.Report(1, {{"loss", 0.5}}, std::nullopt);
  EXPECT_THAT(out_.str(), HasSubstr("socket is lost"));
  EXPECT_THAT(out_.str(), HasSubstr("epoch 1  loss 0.5"));
}

TEST_F(ReporterTest, PathTooLongForASocket) {
  Reporter reporter(std::string(200, 'x'), out_);
  EXPECT_THAT(out_.str(), HasSubstr("is too long"));
}

TEST_F(ReporterTest, WithoutSocketPeopleStillRead) {
  Reporter reporter("", out_);
  reporter.Report(1, {{"loss", 0.5}, {"accuracy", 0.75}}, std::nullopt);
  EXPECT_EQ(out_.str(), "epoch 1  loss 0.5  accuracy 0.75\n");
}

using ReporterDeathTest = ReporterTest;

TEST_F(ReporterDeathTest, AfterTerminationItWaitsForNobody) {
  TrialSocket worker(folder_.path() + "/s");
  EXPECT_EXIT(
      {
        CatchTermination();
        raise(SIGTERM);
        Reporter reporter(worker.path(), out_);
        for (int i = 0; i < 5'000; ++i)
          reporter.Report(i, {{"loss", 0.5}}, std::nullopt);
        std::exit(out_.str().find("SIGTERM came") != std::string::npos ? 0 : 1);
      },
      ::testing::ExitedWithCode(0), "");
}

TEST_F(ReporterDeathTest, TerminationIsAReasonToStop) {
  EXPECT_EXIT(
      {
        CatchTermination();
        raise(SIGTERM);
        std::exit(Reporter("", out_).StopReason() == "SIGTERM" ? 0 : 1);
      },
      ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace assay
