// The gradients that a training reports, against trainings with other values.

#include <cmath>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/worker/trainer/support/recorder.h"
#include "worker/trainer/train.h"
#include "worker/trainer/trial_file.h"

namespace assay {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

// A few steps that every part of the configuration has a say in.
json Config() {
  return json::parse(R"({
      "data": {"name": "synthetic",
               "synthetic": {"examples": 150, "features": 4}},
      "model": {"depth": 1, "width": 6, "activation": "tanh"},
      "batch_size": 20, "epochs": 3, "label_smoothing": 0.1,
      "class_weights": {"1": 1.5}, "loss_weights": {"mse": 0.2}, "schedule": {"name": "cosine"},
      "regularization": {"l2": 0.02,
                         "layers": {"1": {"l2": 0.01}}},
      "optimizer": {"name": "sgd", "learning_rate": 0.1, "momentum": 0.7,
                    "weight_decay": 0.01}})");
}

// An optimizer is taken as it is, the rest merged.
json Changed(json config, const json& changes) {
  if (changes.contains("optimizer")) config.erase("optimizer");
  config.update(changes, /*merge_objects=*/true);
  return config;
}

Recorder Trained(const json& config, const json& parameters = json::object()) {
  const auto trial = ParseTrialFile(
      json({{"config", config}, {"parameters", parameters}, {"seed", 4}})
          .dump());
  EXPECT_TRUE(trial.ok()) << trial.error().message;
  const auto data =
      PrepareData(trial->config, "/nonexistent", TestPart::kUntouched);
  EXPECT_TRUE(data.ok()) << data.error().message;
  Recorder recorder;
  const auto outcome = Train(*trial, *data, recorder);
  EXPECT_TRUE(outcome.ok()) << outcome.error().message;
  return recorder;
}

double LossWith(json config, const std::string& key, double value) {
  config.erase("hypergradient");
  return Trained(config, {{key, value}}).curves.at("loss").back();
}

double ValueOf(const json& config, const std::string& key) {
  const json* at = &config;
  size_t begin = 0;
  for (size_t dot = key.find('.'); dot != std::string::npos;
       dot = key.find('.', begin)) {
    at = &at->at(key.substr(begin, dot - begin));
    begin = dot + 1;
  }
  return at->at(key.substr(begin)).get<double>();
}

// Central differences of the last loss, of whole trainings.
double Difference(const json& config, const std::string& key) {
  const double value = ValueOf(config, key);
  const double step = 0.02 * value;
  return (LossWith(config, key, value + step) -
          LossWith(config, key, value - step)) /
         (2 * step);
}

void ExpectDifferences(const json& config, const MetricGradient& gradient,
                       double tolerance) {
  EXPECT_EQ(gradient.metric, "loss");
  for (const PartialDerivative& partial : gradient.by_parameter) {
    const double difference = Difference(config, partial.parameter);
    EXPECT_NEAR(partial.value, difference,
                tolerance * std::abs(difference) + 2e-5)
        << partial.parameter;
  }
}

struct WholeTraining {
  const char* name;
  const char* changes;
  std::vector<std::string> parameters;
};

std::string NameOf(const ::testing::TestParamInfo<WholeTraining>& info) {
  return info.param.name;
}

class WholeTrainingTest : public ::testing::TestWithParam<WholeTraining> {};

// Single precision and no splits: what is reported is the derivative of what is
// reported.
TEST_P(WholeTrainingTest, ReportedGradientIsTheDerivativeOfTheReportedLoss) {
  json config = Changed(Config(), json::parse(GetParam().changes));
  for (const char* method : {"truncated", "forward"}) {
    config["hypergradient"] = {{"method", method},
                               {"every", 3},
                               {"steps", 1000},
                               {"splits", 1},
                               {"parameters", GetParam().parameters}};
    const Recorder recorder = Trained(config);
    ASSERT_THAT(recorder.gradients, SizeIs(1)) << recorder.notes;
    ExpectDifferences(config, recorder.gradients.at(3), 0.01);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Optimizers, WholeTrainingTest,
    ::testing::Values(
        WholeTraining{"Momentum",
                      "{}",
                      {"optimizer.learning_rate", "optimizer.momentum",
                       "optimizer.weight_decay", "regularization.l2",
                       "regularization.layers.1.l2", "label_smoothing",
                       "class_weights.1", "loss_weights.mse"}},
        // By itself: at a weight that crosses 0 it has a kink, over which a
        // difference by another number averages.
        WholeTraining{"Lasso",
                      R"({"regularization": {"l1": 0.002}})",
                      {"regularization.l1"}},
        WholeTraining{"Dropout",
                      R"({"model": {"dropout": 0.3}})",
                      {"regularization.l2", "class_weights.1"}},
        WholeTraining{"Adam",
                      R"({"optimizer": {"name": "adam", "learning_rate": 0.01,
                          "beta1": 0.8, "beta2": 0.9, "epsilon": 1e-4,
                          "weight_decay": 0.01}})",
                      {"optimizer.learning_rate", "optimizer.beta1",
                       "optimizer.beta2", "optimizer.weight_decay"}},
        WholeTraining{"RmsProp",
                      R"({"optimizer": {"name": "rmsprop",
                          "learning_rate": 0.01, "alpha": 0.9,
                          "momentum": 0.5, "epsilon": 1e-3}})",
                      {"optimizer.learning_rate", "optimizer.momentum",
                       "optimizer.alpha", "regularization.l2"}}),
    NameOf);

TEST(GradientTest, ImplicitGradientIsThatOfATrainingToTheEnd) {
  json config = Changed(Config(), json::parse(R"({
      "model": {"depth": 0}, "batch_size": 1000, "epochs": 200,
      "schedule": {"name": "constant"},
      "optimizer": {"name": "sgd", "learning_rate": 0.1, "momentum": 0.9,
                    "weight_decay": 0.01},
      "regularization": {"layers": {"0": {"l2": 0.05}}}})"));
  config["regularization"]["layers"].erase("1");
  for (const char* method : {"ift_cg", "ift_neumann"}) {
    config["hypergradient"] = {
        {"method", method},
        {"every", 200},
        {"terms", 1000},
        {"splits", 1},
        {"damping", 0},
        {"parameters",
         {"optimizer.weight_decay", "regularization.layers.0.l2",
          "label_smoothing", "class_weights.1"}}};
    const Recorder recorder = Trained(config);
    ASSERT_THAT(recorder.gradients, SizeIs(1)) << recorder.notes;
    const MetricGradient& gradient = recorder.gradients.at(200);
    EXPECT_LE(*gradient.residual, 1e-3);
    ExpectDifferences(config, gradient, 0.02);
  }
}

TEST(GradientTest, RegressionInTheTargetsOwnUnit) {
  const json config = json::parse(R"({
      "data": {"name": "synthetic",
               "synthetic": {"kind": "friedman", "examples": 100}},
      "model": {"depth": 1, "width": 4, "activation": "tanh"}, "epochs": 1,
      "optimizer": {"name": "sgd", "learning_rate": 0.1},
      "hypergradient": {"method": "truncated", "metric": "mse", "splits": 1,
                        "parameters": ["optimizer.learning_rate"]}})");
  const MetricGradient mse = Trained(config).gradients.at(1);
  EXPECT_EQ(mse.metric, "mse");
  json loss = config;
  loss["hypergradient"]["metric"] = "loss";
  const Recorder recorder = Trained(loss);
  EXPECT_NEAR(mse.by_parameter[0].value /
                  recorder.gradients.at(1).by_parameter[0].value,
              recorder.curves.at("mse")[0] / recorder.curves.at("loss")[0],
              1e-3);
}

TEST(GradientTest, TrainingIsTheSameBitByBit) {
  json config = Changed(Config(), {{"model", {{"dropout", 0.3}}}});
  Recorder without = Trained(config);
  for (const char* method :
       {"truncated", "forward", "ift_cg", "ift_neumann", "one_step"}) {
    config["hypergradient"] = {{"method", method},
                               {"parameters", {"regularization.l2"}}};
    Recorder with = Trained(config);
    EXPECT_THAT(with.gradients, SizeIs(3)) << method << with.notes;
    for (const char* metric : {"loss", "train_loss", "accuracy"}) {
      EXPECT_EQ(with.curves.at(metric), without.curves.at(metric)) << method;
    }
  }
}

TEST(GradientTest, ComesAtItsEpochsWithSpreadResidualAndCost) {
  json config = Config();
  config["epochs"] = 5;
  config["hypergradient"] = {
      {"method", "truncated"}, {"steps", 2}, {"every", 2}, {"splits", 3}};
  const Recorder recorder =
      Trained(config, {{"optimizer.learning_rate", 0.05}});
  std::vector<int64_t> epochs;
  for (const auto& [epoch, gradient] : recorder.gradients) {
    epochs.push_back(epoch);
    ASSERT_THAT(gradient.by_parameter, SizeIs(1));
    EXPECT_EQ(gradient.by_parameter[0].parameter, "optimizer.learning_rate");
    EXPECT_GT(gradient.by_parameter[0].deviation, 0);
    EXPECT_GT(*gradient.residual, 0);
  }
  EXPECT_THAT(epochs, ElementsAre(2, 4, 5));
  EXPECT_THAT(recorder.curves.at("gradient_seconds"), SizeIs(3));
  EXPECT_THAT(recorder.curves.at("gradient_residual"), SizeIs(3));
}

TEST(GradientTest, WhatDivergesIsToldAndIsNoNumber) {
  json config = Config();
  config.erase("schedule");
  config["optimizer"]["learning_rate"] = 1000;
  config["divergence"] = "continue";
  config["hypergradient"] = {{"method", "truncated"},
                             {"parameters", {"optimizer.learning_rate"}}};
  const Recorder recorder = Trained(config);
  EXPECT_TRUE(recorder.gradients.empty());
  EXPECT_THAT(recorder.attributes.at("gradient_failure"),
              HasSubstr("No gradient after 3 epochs: "));
  EXPECT_THAT(recorder.steps, SizeIs(3));
}

TEST(OnlineRateTest, ARateThatIsTooSmallGrows) {
  json config = json::parse(R"({
      "data": {"name": "synthetic", "synthetic": {"examples": 300}},
      "model": {"depth": 1, "width": 16}, "batch_size": 16, "epochs": 4,
      "optimizer": {"name": "sgd", "learning_rate": 0.001}})");
  const Recorder plain = Trained(config);
  config["optimizer"]["online_rate"] = 0.1;
  const Recorder online = Trained(config);
  EXPECT_GT(online.curves.at("learning_rate").back(), 0.01);
  EXPECT_LT(online.curves.at("train_loss").back(),
            0.9 * plain.curves.at("train_loss").back());
}

}  // namespace
}  // namespace assay
