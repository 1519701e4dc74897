// The program itself, as a worker runs it.

#include <csignal>
#include <filesystem>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/worker/trainer/support/scratch_folder.h"
#include "tests/worker/trainer/support/trainer_process.h"
#include "tests/worker/trainer/support/trial_socket.h"

namespace assay {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

class AssayTrainerTest : public ::testing::Test {
 protected:
  // Trains three clouds for `epochs`.
  std::string WriteTrial(int64_t epochs) {
    const json trial = {
        {"study", {{"id", 1}, {"name", "clouds"}}},
        {"trial", {{"id", 12}, {"number", 3}, {"attempt", 1}}},
        {"parameters", {{"optimizer.learning_rate", 0.01}}},
        {"budget", {{"from", 0}, {"to", epochs}}},
        {"seed", 1234},
        {"metrics", {"accuracy"}},
        {"config",
         {{"data", {{"name", "synthetic"}, {"synthetic", {{"examples", 300}}}}},
          {"model", {{"depth", 1}, {"width", 16}}}}}};
    return folder_.Write("trial.json", trial.dump());
  }

  TrainerProcess::Environment Environment(const std::string& trial) const {
    return {{"ASSAY_TRIAL", trial}, {"ASSAY_SOCKET", worker_.path()}};
  }

  // The rest of what the trainer says; the last must be its finish.
  json ReceiveFinish() {
    json last;
    while (const auto message = worker_.Receive()) last = *message;
    return last.value("finish", json());
  }

  // Of one whole training, the speed apart.
  json ReceiveFinalMetrics() {
    EXPECT_TRUE(worker_.Accept());
    json metrics = ReceiveFinish().at("metrics");
    worker_.Close();
    metrics.erase("examples_per_second");
    return metrics;
  }

  ScratchFolder folder_;
  TrialSocket worker_{folder_.path() + "/s"};
};

constexpr int64_t kEndless = 1'000'000;

TEST_F(AssayTrainerTest, TrainsTheTrialOfItsEnvironment) {
  TrainerProcess trainer({}, Environment(WriteTrial(3)));
  ASSERT_TRUE(worker_.Accept());
  for (int64_t step = 1; step <= 3; ++step) {
    const auto message = worker_.Receive();
    ASSERT_TRUE(message.has_value());
    const json& report = message->at("report");
    EXPECT_EQ(report.at("step"), step);
    EXPECT_TRUE(report.at("metrics").contains("loss"));
    EXPECT_TRUE(report.at("metrics").contains("accuracy"));
  }
  const auto attribute = worker_.Receive();
  ASSERT_TRUE(attribute.has_value());
  EXPECT_EQ(attribute->at("attribute").at("key"), "confusion_matrix");
  const json finish = ReceiveFinish();
  EXPECT_EQ(finish.at("state"), "COMPLETED");
  EXPECT_GT(finish.at("metrics").at("accuracy"), 0.3);
  EXPECT_EQ(trainer.Wait(), 0) << trainer.Errors();
  EXPECT_THAT(trainer.Output(),
              HasSubstr("trial 3 attempt 1 of clouds: 200 training and 40 "
                        "validation examples, epochs 1 to 3"));
  EXPECT_THAT(trainer.Output(), HasSubstr("\nepoch 3  loss "));
}

TEST_F(AssayTrainerTest, EveryProcessGivesTheSameNumbers) {
  const std::string trial = WriteTrial(2);
  TrainerProcess direct({}, Environment(trial));
  const json first = ReceiveFinalMetrics();
  TrainerProcess again({}, Environment(trial));
  EXPECT_EQ(ReceiveFinalMetrics(), first);
  TrainerProcess ahead({"--standby"});
  ahead.WriteInput(json({{"trial", trial}, {"socket", worker_.path()}}).dump() +
                   "\n");
  EXPECT_EQ(ReceiveFinalMetrics(), first);
}

TEST_F(AssayTrainerTest, StopMessageEndsItWell) {
  TrainerProcess trainer({}, Environment(WriteTrial(kEndless)));
  ASSERT_TRUE(worker_.Accept());
  ASSERT_TRUE(worker_.Receive().has_value());
  ASSERT_TRUE(worker_.Send(R"({"stop": "worse than the median"})"));
  const json finish = ReceiveFinish();
  EXPECT_EQ(finish.at("state"), "STOPPED");
  EXPECT_EQ(finish.at("reason"), "worse than the median");
  EXPECT_TRUE(finish.at("metrics").contains("accuracy"));
  EXPECT_EQ(trainer.Wait(), 0);
}

TEST_F(AssayTrainerTest, SigtermEndsItWell) {
  TrainerProcess trainer({}, Environment(WriteTrial(kEndless)));
  ASSERT_TRUE(worker_.Accept());
  ASSERT_TRUE(worker_.Receive().has_value());
  trainer.Signal(SIGTERM);
  const json finish = ReceiveFinish();
  EXPECT_EQ(finish.at("state"), "STOPPED");
  EXPECT_EQ(finish.at("reason"), "SIGTERM");
  EXPECT_EQ(trainer.Wait(), 0);
}

TEST_F(AssayTrainerTest, SigtermLeavesACheckpointThatTheNextAttemptGoesOnFrom) {
  const std::string whole_trial = WriteTrial(300);
  TrainerProcess whole({}, Environment(whole_trial));
  const json expected = ReceiveFinalMetrics();

  const std::string folder = folder_.path() + "/checkpoint";
  std::filesystem::create_directory(folder);
  TrainerProcess::Environment environment = Environment(whole_trial);
  environment["ASSAY_CHECKPOINT"] = folder;
  TrainerProcess cut({}, environment);
  ASSERT_TRUE(worker_.Accept());
  ASSERT_TRUE(worker_.Receive().has_value());
  cut.Signal(SIGTERM);
  int64_t lines = 1;
  int64_t step = -1;
  while (const auto message = worker_.Receive()) {
    ++lines;
    if (message->contains("report")) step = message->at("report").at("step");
    if (!message->contains("checkpoint")) continue;
    EXPECT_EQ(message->at("checkpoint").at("step"), std::max<int64_t>(step, 1));
    worker_.Send(json({{"ack", lines}}).dump());
  }
  EXPECT_EQ(cut.Wait(), 0) << cut.Errors();
  worker_.Close();

  environment.erase("ASSAY_CHECKPOINT");
  environment["ASSAY_RESUME"] = folder;
  TrainerProcess rest({}, environment);
  EXPECT_EQ(ReceiveFinalMetrics(), expected);
  EXPECT_EQ(rest.Wait(), 0) << rest.Errors();
  EXPECT_THAT(rest.Output(), HasSubstr("Goes on from step "));
}

TEST_F(AssayTrainerTest, CheckpointOfAnotherNetworkIsExitCode78) {
  const std::string folder = folder_.path() + "/checkpoint";
  std::filesystem::create_directory(folder);
  json trial = {
      {"config",
       {{"data", {{"name", "synthetic"}}}, {"model", {{"width", 16}}}}},
      {"parameters", json::object()},
      {"budget", {{"to", 1}}},
      {"checkpoint", {{"folder", folder}, {"final", true}}}};
  TrainerProcess narrow({folder_.Write("narrow.json", trial.dump())});
  ASSERT_EQ(narrow.Wait(), 0) << narrow.Errors();
  trial["config"]["model"]["width"] = 32;
  trial["budget"] = {{"from", 1}, {"to", 2}};
  trial["resume"] = {{"folder", folder}, {"step", 1}};
  TrainerProcess wide({folder_.Write("wide.json", trial.dump())});
  EXPECT_EQ(wide.Wait(), 78);
  EXPECT_THAT(wide.Errors(), HasSubstr("model.width"));
}

TEST_F(AssayTrainerTest, LostSocketDoesNotEndTheTraining) {
  TrainerProcess trainer({}, Environment(WriteTrial(30)));
  ASSERT_TRUE(worker_.Accept());
  ASSERT_TRUE(worker_.Receive().has_value());
  worker_.Close();
  EXPECT_EQ(trainer.Wait(), 0);
  EXPECT_THAT(trainer.Output(), HasSubstr("socket is lost"));
  EXPECT_THAT(trainer.Output(), HasSubstr("\nepoch 30  "));
}

TEST_F(AssayTrainerTest, StandbyTrainsTheOrderFromItsInput) {
  const std::string trial = WriteTrial(2);
  std::filesystem::create_directory(folder_.path() + "/work");
  TrainerProcess trainer({"--standby"});
  // A relative path: it has gone to the directory.
  trainer.WriteInput(json({{"trial", "../trial.json"},
                           {"socket", worker_.path()},
                           {"directory", folder_.path() + "/work"},
                           {"log", "ignored"}})
                         .dump() +
                     "\n");
  ASSERT_TRUE(worker_.Accept());
  EXPECT_EQ(ReceiveFinish().at("state"), "COMPLETED");
  EXPECT_EQ(trainer.Wait(), 0) << trainer.Errors();
}

TEST_F(AssayTrainerTest, StandbyWithoutOrderEndsWithItsInput) {
  TrainerProcess trainer({"--standby"});
  trainer.CloseInput();
  EXPECT_EQ(trainer.Wait(), 0) << trainer.Errors();
}

TEST_F(AssayTrainerTest, BadConfigurationIsExitCode78WithTheKeyOnStderr) {
  const std::string trial = folder_.Write(
      "bad.json",
      R"({"config": {"optimizer": {"learning_rate": -1}}, "parameters": {}})");
  TrainerProcess trainer({trial});
  EXPECT_EQ(trainer.Wait(), 78);
  EXPECT_THAT(trainer.Errors(),
              HasSubstr("optimizer.learning_rate: -1 is not a number in (0, "
                        "1000]"));
}

TEST_F(AssayTrainerTest, CheckSaysWhetherAFileIsRightWithoutTraining) {
  TrainerProcess good({"--check", WriteTrial(kEndless)});
  EXPECT_EQ(good.Wait(), 0) << good.Errors();
  TrainerProcess bad(
      {"--check", folder_.Write("bad.json", R"({"model": {"nmae": "mlp"}})")});
  EXPECT_EQ(bad.Wait(), 78);
  EXPECT_THAT(bad.Errors(), HasSubstr("did you mean \"model.name\"?"));
}

TEST_F(AssayTrainerTest, DataRootComesFromFlagOrEnvironment) {
  folder_.Write("sets/a.csv", "x,y\n1,a\n2,b\n3,a\n4,b\n5,a\n6,b\n");
  const std::string trial = folder_.Write(
      "csv.json", R"({"data": {"name": "a.csv", "target": "y"}})");
  const std::string root = folder_.path() + "/sets";
  TrainerProcess by_flag({"--check", trial, "--data-root", root});
  EXPECT_EQ(by_flag.Wait(), 0) << by_flag.Errors();
  TrainerProcess by_environment({"--check", trial},
                                {{"ASSAY_DATA_ROOT", root}});
  EXPECT_EQ(by_environment.Wait(), 0) << by_environment.Errors();
  TrainerProcess by_default({"--check", trial});
  EXPECT_EQ(by_default.Wait(), 78);
}

TEST_F(AssayTrainerTest, OtherFailuresAreExitCodeOne) {
  TrainerProcess nothing({});
  EXPECT_EQ(nothing.Wait(), 1);
  EXPECT_THAT(nothing.Errors(), HasSubstr("set ASSAY_TRIAL"));
  TrainerProcess missing({folder_.path() + "/missing.json"});
  EXPECT_EQ(missing.Wait(), 1);
  EXPECT_THAT(missing.Errors(), HasSubstr("missing.json"));
  TrainerProcess wrong_flag({"--wrong"});
  EXPECT_EQ(wrong_flag.Wait(), 1);
  TrainerProcess wrong_together({"--standby", "--check"});
  EXPECT_EQ(wrong_together.Wait(), 1);
  TrainerProcess wrong_order({"--standby"});
  wrong_order.WriteInput("nonsense\n");
  EXPECT_EQ(wrong_order.Wait(), 1);
  EXPECT_THAT(wrong_order.Errors(), HasSubstr("standby: not a JSON object"));
}

TEST_F(AssayTrainerTest, SaysItsVersion) {
  TrainerProcess trainer({"--version"});
  EXPECT_EQ(trainer.Wait(), 0);
  EXPECT_THAT(trainer.Output(), HasSubstr("assay-trainer " ASSAY_VERSION));
}

// The real images, if the package with them is installed.
TEST_F(AssayTrainerTest, LearnsFashionMnist) {
  if (!std::filesystem::exists("/usr/share/datasets/fashion-mnist")) {
    GTEST_SKIP() << "dataset-fashion-mnist is not installed";
  }
  const std::string trial = folder_.Write("fashion.json", R"({
      "data": {"name": "fashion-mnist", "train_examples": 10000,
               "validation_examples": 2000},
      "epochs": 2})");
  TrainerProcess trainer({trial}, {{"ASSAY_SOCKET", worker_.path()}});
  ASSERT_TRUE(worker_.Accept());
  EXPECT_GT(ReceiveFinish().at("metrics").at("accuracy"), 0.78);
  EXPECT_EQ(trainer.Wait(), 0) << trainer.Errors();
}

}  // namespace
}  // namespace assay
