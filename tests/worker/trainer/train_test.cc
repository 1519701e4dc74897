#include "worker/trainer/train.h"

#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/worker/trainer/support/recorder.h"
#include "worker/trainer/trial_file.h"

namespace assay {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;

TrialFile Trial(const json& config, const json& envelope = json::object()) {
  json file = envelope;
  file["config"] = config;
  file["parameters"] = file.value("parameters", json::object());
  const auto trial = ParseTrialFile(file.dump());
  EXPECT_TRUE(trial.ok()) << trial.error().message;
  return *trial;
}

// Small and easy: 300 examples of three clouds.
json Blobs() {
  return json::parse(R"({
      "data": {"name": "synthetic", "synthetic": {"examples": 300}},
      "model": {"depth": 1, "width": 16}, "batch_size": 16, "epochs": 8})");
}

json Friedman() {
  return json::parse(R"({
      "data": {"name": "synthetic",
               "synthetic": {"kind": "friedman", "examples": 400}},
      "model": {"depth": 1, "width": 32}, "batch_size": 16, "epochs": 15,
      "optimizer": {"learning_rate": 0.01}})");
}

TrainingOutcome MustTrain(const TrialFile& trial, Recorder& recorder) {
  const auto data =
      PrepareData(trial.config, "/nonexistent",
                  trial.final_test ? TestPart::kWanted : TestPart::kUntouched);
  EXPECT_TRUE(data.ok()) << data.error().message;
  const auto outcome = Train(trial, *data, recorder);
  EXPECT_TRUE(outcome.ok()) << outcome.error().message;
  return *outcome;
}

Recorder CurvesOf(const json& config) {
  Recorder recorder;
  MustTrain(Trial(config), recorder);
  return recorder;
}

// Every choice must learn: the name, and the keys that choose it.
struct Choice {
  const char* name;
  const char* keys;
};

std::string NameOf(const ::testing::TestParamInfo<Choice>& info) {
  return info.param.name;
}

class EveryChoiceLearnsTest : public ::testing::TestWithParam<Choice> {};

TEST_P(EveryChoiceLearnsTest, TrainingLossFallsAndValidationIsGood) {
  json config = Blobs();
  config.update(json::parse(GetParam().keys), true);
  const Recorder recorder = CurvesOf(config);
  const std::vector<double>& losses = recorder.curves.at("train_loss");
  ASSERT_EQ(losses.size(), 8U);
  EXPECT_LT(losses.back(), 0.8 * losses.front());
  EXPECT_GT(recorder.curves.at("accuracy").back(), 0.8);
}

INSTANTIATE_TEST_SUITE_P(
    Optimizers, EveryChoiceLearnsTest,
    ::testing::Values(
        Choice{"Sgd", R"({"optimizer": {"name": "sgd"}})"},
        Choice{"Momentum", R"({"optimizer": {"name": "sgd", "momentum": 0.9,
                               "learning_rate": 0.01}})"},
        Choice{"Nesterov", R"({"optimizer": {"name": "sgd", "momentum": 0.9,
                               "nesterov": true, "learning_rate": 0.01}})"},
        Choice{"Adam", R"({"optimizer": {"learning_rate": 0.01}})"},
        Choice{"AdamW", R"({"optimizer": {"name": "adamw",
                            "learning_rate": 0.01, "weight_decay": 0.1}})"},
        Choice{"RmsProp", R"({"optimizer": {"name": "rmsprop",
                              "learning_rate": 0.005}})"}),
    NameOf);

INSTANTIATE_TEST_SUITE_P(
    Losses, EveryChoiceLearnsTest,
    ::testing::Values(Choice{"CrossEntropy", R"({"loss": "cross_entropy",
                                   "optimizer": {"learning_rate": 0.01}})"},
                      Choice{"Mse", R"({"loss": "mse",
                          "optimizer": {"learning_rate": 0.01}})"},
                      Choice{"Hinge", R"({"loss": "hinge",
                            "optimizer": {"learning_rate": 0.01}})"},
                      Choice{"LogLoss", R"({"loss": "log_loss",
                              "data": {"synthetic": {"classes": 2}},
                              "optimizer": {"learning_rate": 0.01}})"}),
    NameOf);

INSTANTIATE_TEST_SUITE_P(
    Networks, EveryChoiceLearnsTest,
    ::testing::Values(
        Choice{"Linear", R"({"model": {"depth": 0},
                             "optimizer": {"learning_rate": 0.05}})"},
        Choice{"BatchNormAndDropout",
               R"({"model": {"batch_norm": true, "dropout": 0.2},
                   "optimizer": {"learning_rate": 0.01}})"},
        Choice{"LeakyRelu", R"({"model": {"activation": "leaky_relu"},
                                "optimizer": {"learning_rate": 0.01}})"},
        Choice{"Elu", R"({"model": {"activation": "elu"},
                          "optimizer": {"learning_rate": 0.01}})"},
        Choice{"Tanh", R"({"model": {"activation": "tanh"},
                           "optimizer": {"learning_rate": 0.01}})"},
        Choice{"Gelu", R"({"model": {"activation": "gelu"},
                           "optimizer": {"learning_rate": 0.01}})"},
        Choice{"Silu", R"({"model": {"activation": "silu"},
                           "optimizer": {"learning_rate": 0.01}})"},
        Choice{"Penalties", R"({"regularization": {"l1": 1e-4, "l2": 1e-4},
                                "optimizer": {"learning_rate": 0.01}})"}),
    NameOf);

INSTANTIATE_TEST_SUITE_P(
    Schedules, EveryChoiceLearnsTest,
    ::testing::Values(Choice{"Step",
                             R"({"schedule": {"name": "step", "step_size": 4},
                           "optimizer": {"learning_rate": 0.01}})"},
                      Choice{"Cosine", R"({"schedule": {"name": "cosine"},
                             "optimizer": {"learning_rate": 0.01}})"}),
    NameOf);

TEST(TrainTest, RegressionLearnsInTheTargetsOwnUnit) {
  Recorder recorder;
  MustTrain(Trial(Friedman(), {{"metrics", {"rmse"}}}), recorder);
  EXPECT_GT(recorder.curves["r2"].back(), 0.8);
  // The target's standard deviation is about 5.
  EXPECT_LT(recorder.curves["rmse"].back(), 2.2);
  EXPECT_NEAR(recorder.curves["mse"].back(),
              std::pow(recorder.curves["rmse"].back(), 2), 1e-9);
  EXPECT_FALSE(recorder.attributes.contains("confusion_matrix"));
}

TEST(TrainTest, SameSeedSameCurvesBitByBit) {
  json config = Blobs();
  config["model"]["dropout"] = 0.3;
  config["seed"] = 11;
  Recorder first = CurvesOf(config);
  Recorder again = CurvesOf(config);
  first.curves.erase("examples_per_second");
  again.curves.erase("examples_per_second");
  EXPECT_EQ(first.curves, again.curves);
  EXPECT_EQ(first.attributes, again.attributes);
  config["seed"] = 12;
  EXPECT_NE(first.curves["train_loss"], CurvesOf(config).curves["train_loss"]);
}

TEST(TrainTest, EveryEpochReportsEveryMetric) {
  const Recorder recorder = CurvesOf(Blobs());
  EXPECT_THAT(recorder.steps, ElementsAre(1, 2, 3, 4, 5, 6, 7, 8));
  std::vector<std::string> names;
  for (const std::string& name : MetricNames(Task::kClassification)) {
    ASSERT_TRUE(recorder.curves.contains(name)) << name;
    EXPECT_EQ(recorder.curves.at(name).size(), 8U) << name;
  }
}

TEST(TrainTest, ConfusionMatrixCountsTheValidationPart) {
  const Recorder recorder = CurvesOf(Blobs());
  const json matrix = json::parse(recorder.attributes.at("confusion_matrix"));
  int64_t all = 0;
  int64_t hits = 0;
  for (size_t truth = 0; truth < 3; ++truth) {
    for (const json& count : matrix[truth]) all += count.get<int64_t>();
    hits += matrix[truth][truth].get<int64_t>();
  }
  EXPECT_EQ(all, 40);  // A sixth of 240.
  EXPECT_DOUBLE_EQ(static_cast<double>(hits) / static_cast<double>(all),
                   recorder.curves.at("accuracy").back());
}

TEST(TrainTest, ContinuedTrialReportsOnlyItsOwnEpochsOfTheSameCurve) {
  const Recorder whole = CurvesOf(Blobs());
  Recorder part;
  MustTrain(Trial(Blobs(), {{"budget", {{"from", 5}, {"to", 7}}}}), part);
  EXPECT_THAT(part.steps, ElementsAre(6, 7));
  EXPECT_EQ(part.curves.at("loss")[0], whole.curves.at("loss")[5]);
  EXPECT_EQ(part.curves.at("loss")[1], whole.curves.at("loss")[6]);
}

TEST(TrainTest, StopEndsAfterTheBatchWithTheLastReport) {
  Recorder recorder(/*batches=*/20);  // 13 batches are an epoch.
  const TrainingOutcome outcome = MustTrain(Trial(Blobs()), recorder);
  EXPECT_EQ(outcome.stopped, "enough");
  EXPECT_THAT(recorder.steps, ElementsAre(1));
  EXPECT_EQ(outcome.metrics.at(0).value, recorder.curves["loss"][0]);
}

TEST(TrainTest, StopInTheFirstEpochHasNothingToReport) {
  Recorder recorder(/*batches=*/1);
  const TrainingOutcome outcome = MustTrain(Trial(Blobs()), recorder);
  EXPECT_TRUE(outcome.stopped.has_value());
  EXPECT_TRUE(outcome.metrics.empty());
  EXPECT_TRUE(recorder.attributes.empty());
}

TEST(TrainTest, DivergedLossIsReportedAsNaNAndEndsTheTraining) {
  json config = Friedman();
  config["optimizer"] = {{"name", "sgd"}, {"learning_rate", 1000}};
  const Recorder recorder = CurvesOf(config);
  ASSERT_LT(recorder.steps.size(), 15U);
  for (const char* name : {"loss", "rmse", "r2"}) {
    EXPECT_TRUE(std::isnan(recorder.curves.at(name).back())) << name;
  }
  EXPECT_FALSE(std::isfinite(recorder.curves.at("train_loss").back()));
}

TEST(TrainTest, DivergedTrainingGoesOnWhereToldTo) {
  json config = Friedman();
  config["optimizer"] = {{"name", "sgd"}, {"learning_rate", 1000}};
  config["divergence"] = "continue";
  EXPECT_EQ(CurvesOf(config).steps.size(), 15U);
}

TEST(TrainTest, TestPartIsMeasuredOnlyInTheEndAndOnRequest) {
  Recorder without;
  const TrainingOutcome plain = MustTrain(Trial(Blobs()), without);
  for (const Metric& metric : plain.metrics) {
    EXPECT_FALSE(metric.name.starts_with("test_"));
  }
  Recorder with;
  const TrainingOutcome tested =
      MustTrain(Trial(Blobs(), {{"final_test", true}}), with);
  EXPECT_FALSE(with.curves.contains("test_accuracy"));
  EXPECT_EQ(tested.metrics.size(), plain.metrics.size() + 5);
  EXPECT_EQ(tested.metrics.at(9).name, "test_accuracy");
  EXPECT_GT(tested.metrics.at(9).value, 0.8);
}

TEST(TrainTest, PenaltiesShrinkWhatIsLearned) {
  json config = Blobs();
  config["optimizer"] = {{"learning_rate", 0.01}};
  const double plain = CurvesOf(config).curves["train_loss"].back();
  config["regularization"] = {{"l2", 1.0}};
  EXPECT_GT(CurvesOf(config).curves["train_loss"].back(), 2 * plain);
  config["regularization"] = {{"l1", 0.1}};
  EXPECT_GT(CurvesOf(config).curves["train_loss"].back(), 2 * plain);
}

TEST(TrainTest, BatchNormWithOneExampleLeftOver) {
  json config = Blobs();
  config["data"]["train_examples"] = 33;  // 16 + 17, not 16 + 16 + 1.
  config["model"]["batch_norm"] = true;
  EXPECT_EQ(CurvesOf(config).steps.size(), 8U);
}

// Images of a bright left or right half, by hand.
PreparedData HalfBrightImages() {
  PreparedData data;
  data.shape = {1, 8, 8};
  data.classes = 2;
  for (int64_t i = 0; i < 64; ++i) {
    data.train.labels.push_back(i % 2);
    for (int64_t pixel = 0; pixel < 64; ++pixel) {
      const bool right = pixel % 8 >= 4;
      const bool bright = right == (i % 2 == 1);
      data.train.inputs.push_back((bright ? 1.0F : -1.0F) +
                                  0.01F * static_cast<float>((i * pixel) % 7));
    }
  }
  data.validation = data.train;
  return data;
}

class CnnTest : public ::testing::TestWithParam<const char*> {};

TEST_P(CnnTest, LearnsWhereAnImageIsBright) {
  json config = json::parse(GetParam());
  config["model"]["name"] = "cnn";
  config["model"]["width"] = 4;
  config["epochs"] = 10;
  config["batch_size"] = 8;
  config["optimizer"] = {{"learning_rate", 0.01}};
  Recorder recorder;
  const auto outcome = Train(Trial(config), HalfBrightImages(), recorder);
  ASSERT_TRUE(outcome.ok()) << outcome.error().message;
  EXPECT_EQ(recorder.curves["accuracy"].back(), 1);
}

INSTANTIATE_TEST_SUITE_P(
    All, CnnTest,
    ::testing::Values(R"({"model": {"blocks": 1, "kernel": 1}})",
                      R"({"model": {"blocks": 3, "kernel": 3}})",
                      R"({"model": {"blocks": 2, "kernel": 5, "dropout": 0.1,
                          "batch_norm": true, "activation": "silu"}})"));

TEST(TrainTest, WhatTorchThrowsIsAFailure) {
  PreparedData data = HalfBrightImages();
  data.train.labels[0] = 7;  // A class that does not exist.
  json config = json::parse(R"({"model": {"name": "cnn", "blocks": 1}})");
  Recorder recorder;
  const auto outcome = Train(Trial(config), data, recorder);
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.error().kind, ErrorKind::kFailure);
}

}  // namespace
}  // namespace assay
