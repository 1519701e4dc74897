#include "worker/trainer/augmentation.h"

#include <cmath>
#include <memory>
#include <vector>

#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/worker/trainer/hypergradient/toy_problem.h"
#include "worker/trainer/hypergradient/functional_network.h"
#include "worker/trainer/hypergradient/hypergradient.h"
#include "worker/trainer/hypergradient/trained_problem.h"
#include "worker/trainer/loss.h"
#include "worker/trainer/models/model.h"
#include "worker/trainer/optimizer.h"
#include "worker/trainer/random_state.h"

namespace assay {
namespace {

AugmentationTensors Magnitudes(double rotation, double noise) {
  return TensorsOf({.rotation = rotation, .noise = noise}, torch::kDouble);
}

TEST(AugmentationTest, WithoutMagnitudesNothingIsChangedOrDrawn) {
  torch::manual_seed(1);
  const torch::Tensor before = RandomState(torch::kCPU);
  const torch::Tensor images = torch::ones({2, 1, 3, 3}, torch::kDouble);
  EXPECT_TRUE(torch::equal(Augmented(images, Magnitudes(0, 0)), images));
  EXPECT_TRUE(torch::equal(RandomState(torch::kCPU), before));
}

TEST(AugmentationTest, NoiseHasItsDeviation) {
  torch::manual_seed(1);
  const torch::Tensor images = torch::zeros({10, 1, 28, 28}, torch::kDouble);
  const torch::Tensor noisy = Augmented(images, Magnitudes(0, 0.3));
  EXPECT_NEAR(noisy.std().item<double>(), 0.3, 0.01);
  EXPECT_NEAR(noisy.mean().item<double>(), 0, 0.02);
}

// Of a plane: linear between pixels is exact, away from the edge.
TEST(AugmentationTest, RotationTurnsAboutTheMiddle) {
  torch::manual_seed(2);
  const torch::Tensor x = torch::arange(9, torch::kDouble) - 4;
  const torch::Tensor images =
      x.view({1, 1, 1, 9}).expand({50, 1, 9, 9}).contiguous();
  const torch::Tensor turned = Augmented(images, Magnitudes(40, 0));
  // At (1, 0) from the middle lies the cosine of the angle, at (0, 1) its sine.
  const torch::Tensor cosine = turned.select(2, 4).select(2, 5);
  const torch::Tensor sine = turned.select(2, 5).select(2, 4);
  EXPECT_TRUE(torch::allclose(cosine.square() + sine.square(),
                              torch::ones_like(cosine)));
  const torch::Tensor degrees = torch::atan2(sine, cosine) * (180 / M_PI);
  EXPECT_LE(degrees.abs().max().item<double>(), 40);
  EXPECT_GT(degrees.max().item<double>(), 20);
  EXPECT_LT(degrees.min().item<double>(), -20);
  EXPECT_NEAR(turned.select(2, 4).select(2, 4).abs().max().item<double>(), 0,
              1e-12);
}

// A training in double precision on random images of two channels.
class AugmentationGradientTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto config = ReadConfiguration(nlohmann::json::parse(R"({
            "model": {"name": "cnn", "width": 2, "blocks": 1,
                      "activation": "tanh", "dropout": 0.2},
            "augmentation": {"rotation": 25, "noise": 0.2},
            "optimizer": {"name": "sgd", "learning_rate": 0.1,
                          "momentum": 0.5},
            "hypergradient": {"method": "truncated",
                              "parameters": ["augmentation.rotation",
                                             "augmentation.noise"]}})"),
                                          nlohmann::json::object());
    ASSERT_TRUE(config.ok()) << config.error().message;
    config_ = *config;
    torch::manual_seed(5);
    network_ = MakeModel(config_.model, {2, 6, 6}, 3);
    network_->to(torch::kDouble);
    train_ = RandomPart(12);
    validation_ = RandomPart(30);
    optimizer_ = MakeOptimizer(config_.optimizer, network_->parameters());
  }

  static Part RandomPart(int64_t size) {
    return {.inputs = torch::randn({size, 2, 6, 6}, torch::kDouble),
            .truth = torch::arange(size) % 3};
  }

  double Metric(const Tensors& weights) const {
    const torch::NoGradGuard no_gradient;
    return LossOf(config_.loss,
                  OutputsWith(network_, weights, validation_.inputs,
                              NetworkMode::kEvaluation),
                  validation_.truth)
        .item<double>();
  }

  Configuration config_;
  torch::nn::Sequential network_ = nullptr;
  Part train_;
  Part validation_;
  std::unique_ptr<torch::optim::Optimizer> optimizer_;
};

TEST_F(AugmentationGradientTest, MatchesFiniteDifferencesInBothModes) {
  const VectorTensors no_vectors;
  const TrainedProblem problem(config_, network_, train_, torch::kCPU,
                               /*metric_scale=*/1, no_vectors,
                               TrainedProblem::By::kParameters);
  TrainingRecord record = RecordFrom(config_.optimizer.kind, *optimizer_);
  std::vector<torch::Tensor> rows;
  for (int64_t batch = 0; batch < 3; ++batch) {
    torch::manual_seed(batch);
    rows.push_back(torch::arange(batch * 4, (batch + 1) * 4));
    record.steps.push_back({.rows = rows.back(),
                            .random = RandomState(torch::kCPU),
                            .learning_rate = 0.1,
                            .rate_slope = 1});
  }
  const ProblemSplit split = problem.OfPath(record, rows, validation_);
  Tensors hyper;
  for (const torch::Tensor& value : problem.Hyper()) {
    hyper.push_back(value.to(torch::kDouble));
  }
  const Tensors differences = FiniteDifferences(
      [&](const Tensors& at) {
        return Metric(EndOf(split.problem, split.path, at).weights);
      },
      hyper);
  for (const auto method :
       {HypergradientMethod::kTruncated, HypergradientMethod::kForward}) {
    const auto gradient =
        ComputeHypergradient([&](int64_t) { return split; }, /*splits=*/1,
                             hyper, {.method = method});
    ASSERT_TRUE(gradient.ok()) << gradient.error().message;
    for (size_t i = 0; i < hyper.size(); ++i) {
      EXPECT_GT(NormOf({differences[i]}), 1e-6) << i;
      EXPECT_LT(RelativeError({gradient->values[i]}, {differences[i]}), 1e-4)
          << i;
    }
  }
}

}  // namespace
}  // namespace assay
