#include "worker/trainer/hypergradient/update_rule.h"

#include <string>

#include "gtest/gtest.h"
#include "tests/worker/trainer/hypergradient/toy_problem.h"
#include "worker/trainer/hypergradient/functional_network.h"
#include "worker/trainer/loss.h"
#include "worker/trainer/models/model.h"
#include "worker/trainer/optimizer.h"

namespace assay {
namespace {

class UpdateRuleTest : public ::testing::TestWithParam<OptimizerConfig> {};

TEST_P(UpdateRuleTest, StepsAsTorchsOptimizerDoes) {
  torch::manual_seed(3);
  const OptimizerConfig config = GetParam();
  Tensors theirs = {torch::randn({4, 3}, torch::kDouble),
                    torch::randn({3}, torch::kDouble)};
  OptimizerState ours = {.weights = LeavesOf(theirs), .moments = {}};
  for (torch::Tensor& weight : theirs) weight.requires_grad_();
  ours.moments = InitialMoments(config.kind, ours.weights);
  const auto optimizer = MakeOptimizer(config, theirs);
  const auto scalar = [](double value) {
    return torch::scalar_tensor(value, torch::kDouble);
  };
  const OptimizerNumbers numbers = {
      .learning_rate = scalar(config.learning_rate),
      .momentum = scalar(config.momentum),
      .beta1 = scalar(config.beta1),
      .beta2 = scalar(config.beta2),
      .alpha = scalar(config.alpha),
      .weight_decay = scalar(config.weight_decay)};
  for (int64_t count = 1; count <= 5; ++count) {
    Tensors gradient;
    for (torch::Tensor& weight : theirs) {
      gradient.push_back(torch::randn_like(weight.detach()));
      weight.mutable_grad() = gradient.back().clone();
    }
    optimizer->step();
    ours = UpdateOf(config, ours, gradient, numbers, count);
    EXPECT_LT(RelativeError(ours.weights, theirs), 1e-12) << count;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Optimizers, UpdateRuleTest,
    ::testing::Values(OptimizerConfig{.kind = OptimizerKind::kSgd,
                                      .learning_rate = 0.1,
                                      .weight_decay = 0.1},
                      OptimizerConfig{.kind = OptimizerKind::kSgd,
                                      .learning_rate = 0.1,
                                      .momentum = 0.9,
                                      .nesterov = true},
                      OptimizerConfig{.kind = OptimizerKind::kAdam,
                                      .learning_rate = 0.1,
                                      .beta1 = 0.9,
                                      .beta2 = 0.99,
                                      .epsilon = 1e-8,
                                      .weight_decay = 0.1},
                      OptimizerConfig{.kind = OptimizerKind::kAdamW,
                                      .learning_rate = 0.1,
                                      .beta1 = 0.9,
                                      .beta2 = 0.99,
                                      .epsilon = 1e-8,
                                      .weight_decay = 0.1},
                      OptimizerConfig{.kind = OptimizerKind::kRmsProp,
                                      .learning_rate = 0.1,
                                      .momentum = 0.5,
                                      .alpha = 0.9,
                                      .epsilon = 1e-8,
                                      .weight_decay = 0.1}));

// A weight whose gradient has always been 0 has no direction to move in.
TEST(UpdateRuleTest, WeightWithoutGradientHasFiniteDerivatives) {
  const OptimizerConfig config = {.kind = OptimizerKind::kAdam,
                                  .epsilon = 1e-8};
  const Tensors weights = {torch::zeros({2}, torch::kDouble).requires_grad_()};
  const torch::Tensor gradient =
      torch::tensor({0.0, 1.0}, torch::kDouble).requires_grad_();
  const auto scalar = [](double value) {
    return torch::scalar_tensor(value, torch::kDouble);
  };
  const OptimizerState next = UpdateOf(
      config,
      {.weights = weights, .moments = InitialMoments(config.kind, weights)},
      {gradient},
      {.learning_rate = scalar(0.1),
       .momentum = {},
       .beta1 = scalar(0.9),
       .beta2 = scalar(0.99),
       .alpha = {},
       .weight_decay = scalar(0)},
      /*count=*/1);
  EXPECT_TRUE(
      AllFinite(Derivative(next.weights, {gradient},
                           {torch::ones({2}, torch::kDouble)}, Graph::kFreed)));
}

TEST(FunctionalNetworkTest, GivesWhatTheNetworkGives) {
  for (const ModelKind kind : {ModelKind::kMlp, ModelKind::kCnn}) {
    torch::manual_seed(5);
    torch::nn::Sequential network = MakeModel({.kind = kind,
                                               .depth = 2,
                                               .width = 6,
                                               .blocks = 2,
                                               .kernel = 3,
                                               .activation = Activation::kElu,
                                               .dropout = 0.5,
                                               .batch_norm = true},
                                              {2, 8, 8}, /*outputs=*/3);
    const torch::Tensor inputs = torch::randn({9, 2, 8, 8});
    network->forward(inputs);  // Moves the running statistics.
    for (const bool training : {true, false}) {
      network->train(training);
      torch::manual_seed(6);
      const torch::Tensor functional = OutputsWith(
          network, network->parameters(), inputs,
          training ? NetworkMode::kTraining : NetworkMode::kEvaluation);
      torch::manual_seed(6);
      EXPECT_TRUE(torch::allclose(functional, network->forward(inputs)));
    }
  }
}

TEST(FunctionalNetworkTest, RelaxedDropoutDropsAsOftenAndHasADerivative) {
  torch::manual_seed(5);
  torch::nn::Sequential network = MakeModel({.kind = ModelKind::kMlp,
                                             .depth = 1,
                                             .width = 50,
                                             .activation = Activation::kTanh,
                                             .dropout = 0.3},
                                            {4}, /*outputs=*/1);
  network->to(torch::kDouble);
  const Tensors weights = network->parameters();
  const torch::Tensor inputs = torch::randn({400, 4}, torch::kDouble);
  const auto mean = [&](const torch::Tensor& dropout) {
    torch::manual_seed(6);  // The same noise.
    return OutputsWith(network, weights, inputs, NetworkMode::kTraining,
                       dropout)
        .square()
        .mean();
  };
  torch::manual_seed(6);
  const double hard =
      OutputsWith(network, weights, inputs, NetworkMode::kTraining)
          .square()
          .mean()
          .item<double>();
  const Tensors p = {torch::scalar_tensor(0.3, torch::kDouble)};
  EXPECT_NEAR(mean(p[0]).item<double>(), hard, 0.1 * hard);
  const Tensors leaf = LeavesOf(p);
  const Tensors derivative =
      Derivative({mean(leaf[0])}, leaf, {}, Graph::kFreed);
  const Tensors difference = FiniteDifferences(
      [&](const Tensors& at) { return mean(at[0]).item<double>(); }, p);
  EXPECT_GT(NormOf(difference), 0);
  EXPECT_LT(RelativeError(derivative, difference), 1e-4);
}

TEST(ExampleLossesTest, MeanIsTheLoss) {
  torch::manual_seed(2);
  const torch::Tensor labels = torch::arange(8) % 2;
  for (const LossKind loss : {LossKind::kCrossEntropy, LossKind::kLogLoss,
                              LossKind::kHinge, LossKind::kMse}) {
    const torch::Tensor outputs =
        torch::randn({8, OutputsFor(loss, /*classes=*/2)});
    EXPECT_TRUE(torch::allclose(ExampleLosses(loss, outputs, labels, {}).mean(),
                                LossOf(loss, outputs, labels)))
        << static_cast<int>(loss);
  }
  const torch::Tensor values = torch::randn({8});
  const torch::Tensor outputs = torch::randn({8, 1});
  EXPECT_TRUE(
      torch::allclose(ExampleLosses(LossKind::kMse, outputs, values, {}).mean(),
                      LossOf(LossKind::kMse, outputs, values)));
}

TEST(ExampleLossesTest, SmoothingIsTorchs) {
  torch::manual_seed(2);
  const torch::Tensor outputs = torch::randn({8, 3});
  const torch::Tensor labels = torch::arange(8) % 3;
  const torch::Tensor smooth = torch::nn::functional::cross_entropy(
      outputs, labels,
      torch::nn::functional::CrossEntropyFuncOptions().label_smoothing(0.3));
  EXPECT_TRUE(torch::allclose(ExampleLosses(LossKind::kCrossEntropy, outputs,
                                            labels, torch::scalar_tensor(0.3))
                                  .mean(),
                              smooth));
}

}  // namespace
}  // namespace assay
