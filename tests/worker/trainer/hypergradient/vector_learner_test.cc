#include "worker/trainer/hypergradient/vector_learner.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/worker/trainer/hypergradient/toy_problem.h"
#include "tests/worker/trainer/support/recorder.h"
#include "tests/worker/trainer/support/scratch_folder.h"
#include "worker/trainer/checkpoint_folder.h"
#include "worker/trainer/hypergradient/functional_network.h"
#include "worker/trainer/loss.h"
#include "worker/trainer/models/model.h"
#include "worker/trainer/optimizer.h"
#include "worker/trainer/train.h"
#include "worker/trainer/trial_file.h"

namespace assay {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

// A training in double precision, 12 examples of three classes.
class VectorGradientTest : public ::testing::Test {
 protected:
  void Make(const char* changes) {
    vectors_ = {};
    json keys = json::parse(R"({
        "data": {"name": "synthetic"}, "batch_size": 4,
        "model": {"depth": 1, "width": 5, "activation": "tanh"},
        "vectors": {"weight_decay": {"learn": true, "start": 0.05},
                    "example_weights": {"learn": true}}})");
    keys.update(json::parse(changes), /*merge_objects=*/true);
    const auto config = ReadConfiguration(keys, json::object());
    ASSERT_TRUE(config.ok()) << config.error().message;
    config_ = *config;
    torch::manual_seed(7);
    network_ = MakeModel(config_.model, {2}, 3);
    network_->to(torch::kDouble);
    train_ = RandomPart(12);
    validation_ = RandomPart(9);
    optimizer_ = MakeOptimizer(config_.optimizer, network_->parameters());
    for (const torch::Tensor& weight : network_->parameters()) {
      if (weight.dim() < 2) continue;
      vectors_.log_decays.push_back(torch::randn_like(weight.detach()) * 0.5 -
                                    3);
    }
    vectors_.example_logits = torch::randn({12}, torch::kDouble);
    problem_.emplace(config_, network_, train_, torch::kCPU,
                     /*metric_scale=*/1.0, vectors_,
                     TrainedProblem::By::kVectors);
  }

  static Part RandomPart(int64_t size) {
    return {.inputs = torch::randn({size, 2}, torch::kDouble),
            .truth = torch::arange(size) % 3};
  }

  Tensors Weights() const {
    Tensors weights;
    for (const torch::Tensor& weight : network_->parameters()) {
      weights.push_back(weight.detach());
    }
    return weights;
  }

  double Metric(const Tensors& weights) const {
    const torch::NoGradGuard no_gradient;
    return LossOf(config_.loss,
                  OutputsWith(network_, weights, validation_.inputs,
                              NetworkMode::kEvaluation),
                  validation_.truth)
        .item<double>();
  }

  static Tensors MustCompute(const ProblemSplit& split, const Tensors& hyper,
                             const HypergradientOptions& options) {
    const auto gradient = ComputeHypergradient([&](int64_t) { return split; },
                                               /*splits=*/1, hyper, options);
    EXPECT_TRUE(gradient.ok()) << gradient.error().message;
    return gradient.ok() ? gradient->values : ZerosLike(hyper);
  }

  static void ExpectEach(const Tensors& gradient, const Tensors& differences) {
    ASSERT_EQ(gradient.size(), differences.size());
    for (size_t i = 0; i < gradient.size(); ++i) {
      EXPECT_GT(NormOf({differences[i]}), 1e-6) << i;
      EXPECT_LT(RelativeError({gradient[i]}, {differences[i]}), 1e-4) << i;
    }
  }

  Configuration config_;
  torch::nn::Sequential network_ = nullptr;
  Part train_;
  Part validation_;
  std::unique_ptr<torch::optim::Optimizer> optimizer_;
  VectorTensors vectors_;
  std::optional<TrainedProblem> problem_;
};

// Three batches of four, taken again.
struct Case {
  const char* name;
  const char* changes;
};

std::string NameOf(const ::testing::TestParamInfo<Case>& info) {
  return info.param.name;
}

class ReplayedGradientTest : public VectorGradientTest,
                             public ::testing::WithParamInterface<Case> {};

TEST_P(ReplayedGradientTest, MatchesFiniteDifferences) {
  Make(GetParam().changes);
  TrainingRecord record = RecordFrom(config_.optimizer.kind, *optimizer_);
  std::vector<torch::Tensor> rows;
  for (int64_t batch = 0; batch < 3; ++batch) {
    rows.push_back(torch::arange(batch * 4, (batch + 1) * 4));
    record.steps.push_back({.rows = rows.back(),
                            .random = {},
                            .learning_rate = config_.optimizer.learning_rate,
                            .rate_slope = 1});
  }
  const ProblemSplit split = problem_->OfPath(record, rows, validation_);
  const Tensors hyper = problem_->Hyper();
  ExpectEach(
      MustCompute(split, hyper, {.method = HypergradientMethod::kTruncated}),
      FiniteDifferences(
          [&](const Tensors& at) {
            return Metric(EndOf(split.problem, split.path, at).weights);
          },
          hyper));
}

INSTANTIATE_TEST_SUITE_P(
    Trainings, ReplayedGradientTest,
    ::testing::Values(
        Case{"Momentum", R"({"optimizer": {"name": "sgd", "momentum": 0.8,
                             "learning_rate": 0.1}})"},
        Case{"Adam", R"({"optimizer": {"learning_rate": 0.02,
                                       "epsilon": 0.001}})"},
        Case{"BesideOtherTerms",
             R"({"class_weights": {"1": 2}, "label_smoothing": 0.1,
                 "loss_weights": {"mse": 0.5}, "regularization": {"l2": 0.01},
                 "optimizer": {"name": "sgd", "learning_rate": 0.1,
                               "weight_decay": 0.01}})"}),
    NameOf);

TEST_F(VectorGradientTest, ImplicitOneIsHowTheOptimumMoves) {
  // Biases have no decay of their own, and equal changes of all change nothing.
  Make(R"({"model": {"depth": 0}, "optimizer": {"weight_decay": 0.02}})");
  const torch::Tensor rows = torch::arange(train_.size());
  const Tensors hyper = problem_->Hyper();
  const BilevelProblem problem =
      problem_->OfWeights(Weights(), rows, validation_).problem;
  const Tensors optimum = Solved(problem, Weights(), hyper);
  const Tensors gradient =
      MustCompute(problem_->OfWeights(optimum, rows, validation_), hyper,
                  {.method = HypergradientMethod::kIftCg,
                   .curvature = CurvatureKind::kHessian,
                   .terms = 500,
                   .tolerance = 1e-12});
  ExpectEach(gradient, FiniteDifferences(
                           [&](const Tensors& at) {
                             return Metric(Solved(problem, optimum, at));
                           },
                           hyper, /*step=*/1e-4));
}

// What the training adds to the loss and to its gradient is what is
// differentiated.
TEST_F(VectorGradientTest, TrainingFollowsTheGradientOfTheProblem) {
  Make("{}");
  VectorLearner learner(config_, network_, *optimizer_, train_, validation_,
                        torch::kCPU);
  VectorLearner::State state;
  for (size_t i = 0; i < vectors_.log_decays.size(); ++i) {
    state["value_decay" + std::to_string(i)] = vectors_.log_decays[i];
  }
  state["value_examples"] = vectors_.example_logits;
  learner.Continue(state);
  const torch::Tensor rows = torch::arange(3, 8);
  const Part batch = RowsOf(train_, rows);
  TrainingLoss(config_.loss, config_.loss_terms, learner.ExampleWeights(rows),
               network_->forward(batch.inputs), batch.truth)
      .backward();
  learner.AddDecayGradients(network_->parameters());
  Tensors followed;
  for (const torch::Tensor& weight : network_->parameters()) {
    followed.push_back(weight.grad());
  }
  const BilevelProblem problem =
      problem_->OfWeights(Weights(), rows, validation_).problem;
  const Tensors leaves = LeavesOf(Weights());
  const Tensors expected =
      Derivative({TrainingLossOf(problem, leaves, problem_->Hyper(), 0)},
                 leaves, {}, Graph::kFreed);
  EXPECT_LT(RelativeError(followed, expected), 1e-12);
}

TEST_F(VectorGradientTest, OnlyExamplesOfTheBatchesMove) {
  for (const char* method :
       {"ift_neumann", "ift_cg", "truncated", "one_step"}) {
    SCOPED_TRACE(method);
    Make(
        json({{"vectors", {{"method", method}, {"every", 2}}}}).dump().c_str());
    VectorLearner learner(config_, network_, *optimizer_, train_, validation_,
                          torch::kCPU);
    const torch::Tensor before = learner.values().example_logits;
    for (const int64_t begin : {0, 4}) {
      EXPECT_TRUE(torch::equal(learner.values().example_logits, before));
      learner.BeforeBatch(torch::arange(begin, begin + 4));
      learner.AtRate(/*learning_rate=*/0.01, /*slope=*/1);
      ASSERT_TRUE(learner.AfterBatch().ok());
    }
    const torch::Tensor moved = learner.values().example_logits != before;
    EXPECT_TRUE(moved.slice(0, 0, 8).all().item<bool>());
    EXPECT_FALSE(moved.slice(0, 8).any().item<bool>());
    // Adam's first step has the length of the rate.
    const torch::Tensor step = (learner.values().example_logits - before).abs();
    EXPECT_NEAR(step.max().item<double>(), 0.3, 1e-6);
  }
}

// The network stays as it is: most gradients keep their sign.
TEST_F(VectorGradientTest, PriorBoundsHowFarOneSignLeads) {
  const auto furthest = [this](const char* config) {
    Make(config);
    VectorLearner learner(config_, network_, *optimizer_, train_, validation_,
                          torch::kCPU);
    for (int step = 0; step < 100; ++step) {
      learner.BeforeBatch(torch::arange(12));
      learner.AtRate(0.01, 1);
      EXPECT_TRUE(learner.AfterBatch().ok());
    }
    return learner.values().example_logits.abs().max().item<double>();
  };
  EXPECT_LT(furthest(R"({"vectors": {"every": 1,
                                     "example_weights": {"prior": 2}}})"),
            0.75);
  EXPECT_GT(furthest(R"({"vectors": {"every": 1,
                                     "example_weights": {"prior": 0}}})"),
            2);
}

TEST_F(VectorGradientTest, DecaysStayWhereDescentIsStable) {
  Make(R"({"vectors": {"every": 1, "weight_decay": {"start": 2, "rate": 10,
                                                    "prior": 0}}})");
  VectorLearner learner(config_, network_, *optimizer_, train_, validation_,
                        torch::kCPU);
  for (int step = 0; step < 5; ++step) {
    learner.BeforeBatch(torch::arange(12));
    learner.AtRate(/*learning_rate=*/0.1, 1);
    ASSERT_TRUE(learner.AfterBatch().ok());
  }
  double most = 0;
  double least = 1;
  for (const assay::Metric& metric : learner.Summary()) {
    if (metric.name == "weight_decay_max") most = metric.value;
    if (metric.name == "weight_decay_min") least = metric.value;
  }
  EXPECT_NEAR(most, 2.5, 1e-6);
  EXPECT_GE(least, 0.99e-10);
}

// Whole trainings.

TrialFile Trial(const json& config, const std::string& folder = "") {
  const auto trial = ParseTrialFile(
      json({{"config", config},
            {"parameters", json::object()},
            {"seed", 3},
            {"checkpoint", {{"folder", folder}, {"final", true}}}})
          .dump());
  EXPECT_TRUE(trial.ok()) << trial.error().message;
  return *trial;
}

PreparedData DataOf(const TrialFile& trial) {
  const auto data =
      PrepareData(trial.config, "/nonexistent", TestPart::kUntouched);
  EXPECT_TRUE(data.ok()) << data.error().message;
  return *data;
}

Recorder Trained(const TrialFile& trial, const PreparedData& data) {
  Recorder recorder;
  const auto outcome = Train(trial, data, recorder);
  EXPECT_TRUE(outcome.ok()) << outcome.error().message;
  return recorder;
}

// Every third training example of blobs, with a wrong label.
std::vector<bool> Mislabel(PreparedData& data) {
  std::vector<bool> wrong;
  for (int64_t i = 0; i < data.train.size(); ++i) {
    wrong.push_back(i % 3 == 0);
    if (!wrong.back()) continue;
    int64_t& label = data.train.labels[i];
    label = (label + 1 + i % (data.classes - 1)) % data.classes;
  }
  return wrong;
}

torch::Tensor SavedLogits(const std::string& folder) {
  torch::serialize::InputArchive archive;
  archive.load_from(folder + "/" + kCheckpointFile);
  torch::serialize::InputArchive vectors;
  archive.read("vectors", vectors);
  torch::Tensor logits;
  vectors.read("value_examples", logits);
  return logits;
}

TEST(VectorLearnerTest, MislabelledExamplesGetLowerWeights) {
  for (const char* method : {"ift_neumann", "truncated"}) {
    SCOPED_TRACE(method);
    const ScratchFolder folder;
    const TrialFile trial =
        Trial({{"data",
                {{"name", "synthetic"},
                 {"synthetic", {{"examples", 600}, {"noise", 0.5}}}}},
               {"model", {{"depth", 0}}},
               {"optimizer", {{"learning_rate", 0.02}}},
               {"batch_size", 16},
               {"epochs", 30},
               {"vectors",
                {{"method", method},
                 {"every", 5},
                 {"example_weights", {{"learn", true}}}}}},
              folder.path());
    PreparedData data = DataOf(trial);
    const std::vector<bool> wrong = Mislabel(data);
    const Recorder recorder = Trained(trial, data);
    const torch::Tensor weights = SavedLogits(folder.path()).sigmoid();
    double low_wrong = 0;
    double low_clean = 0;
    double count_wrong = 0;
    for (size_t i = 0; i < wrong.size(); ++i) {
      const bool low = weights[static_cast<int64_t>(i)].item<double>() < 0.5;
      count_wrong += wrong[i];
      (wrong[i] ? low_wrong : low_clean) += low;
    }
    const double count_clean = static_cast<double>(wrong.size()) - count_wrong;
    EXPECT_GT(low_wrong, 0.85 * count_wrong);
    EXPECT_LT(low_clean, 0.1 * count_clean);
    EXPECT_EQ(recorder.curves.at("vector_failures").back(), 0);
    EXPECT_NEAR(recorder.curves.at("example_weight_mean").back(),
                weights.mean().item<double>(), 1e-6);
  }
}

// 40 features of which ten count, 60 examples: without penalty it overfits.
TEST(VectorLearnerTest, WeightDecaysLowerTheLossOnExamplesTheyNeverSaw) {
  json config = json::parse(R"({
      "data": {"name": "synthetic", "train_examples": 60,
               "validation_fraction": 0.5,
               "synthetic": {"kind": "linear", "features": 40,
                             "examples": 1000, "noise": 2}},
      "model": {"depth": 0}, "batch_size": 60, "epochs": 400,
      "optimizer": {"name": "sgd", "learning_rate": 0.05, "momentum": 0.9},
      "vectors": {"every": 5, "method": "ift_cg",
                  "weight_decay": {"learn": true, "start": 1e-3}}})");
  const TrialFile trial = Trial(config);
  const Recorder learnt = Trained(trial, DataOf(trial));
  config["vectors"]["weight_decay"]["rate"] = 1e-6;  // As good as left alone.
  const TrialFile still = Trial(config);
  const Recorder fixed = Trained(still, DataOf(still));
  EXPECT_LT(learnt.curves.at("loss").back(),
            0.95 * fixed.curves.at("loss").back());
  EXPECT_GT(learnt.curves.at("weight_decay_max").back(), 1e-2);
  EXPECT_NEAR(fixed.curves.at("weight_decay_max").back(), 1e-3, 1e-5);
}

TEST(VectorLearnerTest, SummaryIsReportedUnderTheNamesThatAStudyMayUse) {
  json config = json::parse(R"({
      "data": {"name": "synthetic"}, "epochs": 2,
      "vectors": {"weight_decay": {"learn": true},
                  "example_weights": {"learn": true}}})");
  const TrialFile trial = Trial(config);
  const Recorder recorder = Trained(trial, DataOf(trial));
  for (const std::string& name : VectorMetricNames(trial.config.vectors)) {
    ASSERT_TRUE(recorder.curves.contains(name)) << name;
    EXPECT_EQ(recorder.curves.at(name).size(), 2U) << name;
  }
  const auto last = [&](const std::string& name) {
    return recorder.curves.at(name).back();
  };
  for (const std::string vector : {"weight_decay", "example_weight"}) {
    EXPECT_LE(last(vector + "_min"), last(vector + "_q10"));
    EXPECT_LE(last(vector + "_q10"), last(vector + "_median"));
    EXPECT_LE(last(vector + "_median"), last(vector + "_q90"));
    EXPECT_LE(last(vector + "_q90"), last(vector + "_max"));
    EXPECT_GT(last(vector + "_deviation"), 0);
  }
}

TEST(VectorLearnerTest, StepWithoutAGradientIsCountedAndTold) {
  const TrialFile trial = Trial(json::parse(R"({
      "data": {"name": "synthetic"}, "epochs": 1, "divergence": "continue",
      "optimizer": {"name": "sgd", "learning_rate": 1000}, "loss": "mse",
      "vectors": {"every": 2, "method": "truncated",
                  "weight_decay": {"learn": true}}})"));
  const Recorder recorder = Trained(trial, DataOf(trial));
  EXPECT_GT(recorder.curves.at("vector_failures").back(), 0);
  EXPECT_THAT(recorder.attributes.at("vector_failure"),
              HasSubstr("No step of the vectors in epoch 1: "));
}

}  // namespace
}  // namespace assay
