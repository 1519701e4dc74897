#include "worker/trainer/hypergradient/hypergradient.h"

#include <cmath>
#include <limits>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/worker/trainer/hypergradient/toy_problem.h"
#include "worker/trainer/hypergradient/curvature.h"
#include "worker/trainer/hypergradient/linear_solver.h"

namespace assay {
namespace {

using ::testing::HasSubstr;

constexpr ModelConfig kLogistic = {.kind = ModelKind::kMlp, .depth = 0};
constexpr ModelConfig kNetwork = {.kind = ModelKind::kMlp,
                                  .depth = 1,
                                  .width = 5,
                                  .activation = Activation::kTanh};

Result<Hypergradient> Compute(const BilevelProblem& problem,
                              const TrainingPath& path, const Tensors& hyper,
                              const HypergradientOptions& options) {
  return ComputeHypergradient(
      [&](int64_t) {
        return ProblemSplit{problem, path};
      },
      /*splits=*/1, hyper, options);
}

Tensors MustCompute(const BilevelProblem& problem, const TrainingPath& path,
                    const Tensors& hyper, const HypergradientOptions& options) {
  const auto gradient = Compute(problem, path, hyper, options);
  EXPECT_TRUE(gradient.ok()) << gradient.error().message;
  return gradient.ok() ? gradient->values : ZerosLike(hyper);
}

// Each optimizer: reverse and forward mode through whole trainings.
class PathGradientTest : public ::testing::TestWithParam<OptimizerConfig> {
 protected:
  const OptimizerConfig config_ = GetParam();
  const ToyProblem toy_ = MakeToyProblem(kNetwork, {4});
  const BilevelProblem problem_ = toy_.Problem();
  const Tensors hyper_ = WithOptimizerNumbers(config_, toy_.hyper);

  Tensors Differences(const TrainingPath& path) const {
    return FiniteDifferences(
        [&](const Tensors& hyper) {
          return toy_.Metric(EndOf(problem_, path, hyper).weights);
        },
        hyper_);
  }
};

TEST_P(PathGradientTest, WholeTrainingMatchesFiniteDifferences) {
  const TrainingPath path = PathOf(config_, toy_.Weights(), /*steps=*/9);
  const Tensors differences = Differences(path);
  const Tensors reverse = MustCompute(
      problem_, path, hyper_, {.method = HypergradientMethod::kTruncated});
  const Tensors forward = MustCompute(
      problem_, path, hyper_, {.method = HypergradientMethod::kForward});
  for (size_t i = 0; i < hyper_.size(); ++i) {
    if (NormOf({differences[i]}) < 1e-12) {  // Numbers that it does not have.
      EXPECT_EQ(NormOf({reverse[i]}), 0) << i;
      continue;
    }
    EXPECT_LT(RelativeError({reverse[i]}, {differences[i]}), 1e-4) << i;
  }
  EXPECT_LT(RelativeError(forward, reverse), 1e-10);
}

TEST_P(PathGradientTest, TruncatedMatchesFiniteDifferencesFromTheSavedState) {
  const TrainingPath whole = PathOf(config_, toy_.Weights(), /*steps=*/8);
  TrainingPath last = PathOf(config_, toy_.Weights(), /*steps=*/4);
  last.start = EndOf(problem_, whole, hyper_);
  last.update = [whole](const OptimizerState& state, const Tensors& gradient,
                        const Tensors& hyper, int64_t step) {
    return whole.update(state, gradient, hyper, step + 8);
  };
  const Tensors gradient = MustCompute(
      problem_, last, hyper_, {.method = HypergradientMethod::kTruncated});
  EXPECT_LT(RelativeError(gradient, Differences(last)), 1e-4);
}

INSTANTIATE_TEST_SUITE_P(
    Optimizers, PathGradientTest,
    ::testing::Values(OptimizerConfig{.kind = OptimizerKind::kSgd,
                                      .learning_rate = 0.1},
                      OptimizerConfig{.kind = OptimizerKind::kSgd,
                                      .learning_rate = 0.1,
                                      .momentum = 0.8,
                                      .weight_decay = 0.02},
                      OptimizerConfig{.kind = OptimizerKind::kSgd,
                                      .learning_rate = 0.1,
                                      .momentum = 0.8,
                                      .nesterov = true},
                      OptimizerConfig{.kind = OptimizerKind::kAdam,
                                      .learning_rate = 0.02,
                                      .beta1 = 0.8,
                                      .beta2 = 0.95,
                                      .epsilon = 1e-4,
                                      .weight_decay = 0.02},
                      OptimizerConfig{.kind = OptimizerKind::kAdamW,
                                      .learning_rate = 0.02,
                                      .beta1 = 0.8,
                                      .beta2 = 0.95,
                                      .epsilon = 1e-4,
                                      .weight_decay = 0.1},
                      OptimizerConfig{.kind = OptimizerKind::kRmsProp,
                                      .learning_rate = 0.02,
                                      .momentum = 0.5,
                                      .alpha = 0.9,
                                      .epsilon = 1e-3,
                                      .weight_decay = 0.02}));

// Convolutions, pooling and batch norm have second derivatives too.
TEST(HypergradientTest, ConvolutionalNetworkMatchesFiniteDifferences) {
  const OptimizerConfig config = {
      .kind = OptimizerKind::kSgd, .learning_rate = 0.1, .momentum = 0.5};
  const ToyProblem toy = MakeToyProblem({.kind = ModelKind::kCnn,
                                         .width = 2,
                                         .blocks = 1,
                                         .kernel = 3,
                                         .activation = Activation::kGelu,
                                         .batch_norm = true},
                                        {1, 4, 4});
  const BilevelProblem problem = toy.Problem();
  const TrainingPath path = PathOf(config, toy.Weights(), /*steps=*/4);
  const Tensors hyper = WithOptimizerNumbers(config, toy.hyper);
  const Tensors differences = FiniteDifferences(
      [&](const Tensors& at) {
        return toy.Metric(EndOf(problem, path, at).weights);
      },
      hyper);
  for (const auto method :
       {HypergradientMethod::kTruncated, HypergradientMethod::kForward}) {
    EXPECT_LT(
        RelativeError(MustCompute(problem, path, hyper, {.method = method}),
                      differences),
        1e-4);
  }
}

TEST(HypergradientTest, OneStepMatchesFiniteDifferencesOfThatStep) {
  const ToyProblem toy = MakeToyProblem(kNetwork, {4});
  const BilevelProblem problem = toy.Problem();
  const TrainingPath here = PathOf({}, toy.Weights(), /*steps=*/0);
  const double rate = 0.3;
  const Tensors differences = FiniteDifferences(
      [&](const Tensors& hyper) {
        const Tensors leaves = LeavesOf(toy.Weights());
        const Tensors slope =
            Derivative({TrainingLossOf(problem, leaves, hyper, /*batch=*/0)},
                       leaves, {}, Graph::kFreed);
        return toy.Metric(Plus(toy.Weights(), slope, -rate));
      },
      toy.hyper);
  const Tensors gradient = MustCompute(
      problem, here, toy.hyper,
      {.method = HypergradientMethod::kOneStep, .descent_rate = rate});
  EXPECT_LT(RelativeError(gradient, differences), 1e-4);
}

std::string NameOf(const ::testing::TestParamInfo<LossKind>& info) {
  return info.param == LossKind::kMse ? "Ridge" : "Logistic";
}

// Without l1, so that the optimum moves smoothly.
class OptimumTest : public ::testing::TestWithParam<LossKind> {
 protected:
  OptimumTest() : toy_(MakeToyProblem(kLogistic, {4})) {
    toy_.batches = 1;
    toy_.hyper[0].fill_(0.2);
    problem_ = toy_.Problem();
    const auto penalty = problem_.penalty;
    problem_.penalty = [penalty](const Tensors& weights, const Tensors& hyper) {
      Tensors smooth = hyper;
      smooth[1] = torch::zeros_like(hyper[1]);
      return penalty(weights, smooth);
    };
    if (GetParam() == LossKind::kMse) UseSquaredErrors();
    start_ = Solved(problem_, toy_.Weights(), toy_.hyper);
    rate_ = 1 / Curvature(problem_, start_, toy_.hyper, CurvatureKind::kHessian,
                          /*damping=*/0)
                    .LargestEigenvalue(/*iterations=*/50);
  }

  // Ridge regression of one number.
  void UseSquaredErrors() {
    const torch::Tensor truth = Target(toy_.train.inputs);
    problem_.loss = [truth](const torch::Tensor& outputs, const Tensors& hyper,
                            int64_t) {
      return (outputs.select(1, 0) - truth).square().mean() * hyper[3][0] +
             0.5 * outputs.narrow(1, 1, 2).square().mean();
    };
    problem_.metric_gradient = [this](const Tensors& weights) {
      const Tensors leaves = LeavesOf(weights);
      return Derivative({SquaredError(leaves)}, leaves, {}, Graph::kFreed);
    };
  }

  static torch::Tensor Target(const torch::Tensor& inputs) {
    return inputs.select(1, 0) - 2 * inputs.select(1, 2) +
           inputs.select(1, 3).square();
  }

  torch::Tensor SquaredError(const Tensors& weights) const {
    const torch::Tensor outputs =
        torch::linear(toy_.validation.inputs, weights[0], weights[1]);
    return (outputs.select(1, 0) - Target(toy_.validation.inputs))
        .square()
        .mean();
  }

  double Metric(const Tensors& weights) const {
    return GetParam() == LossKind::kMse ? SquaredError(weights).item<double>()
                                        : toy_.Metric(weights);
  }

  // The derivative of the solution's metric, solved anew at each point.
  Tensors Differences() const {
    return FiniteDifferences(
        [this](const Tensors& hyper) {
          return Metric(Solved(problem_, start_, hyper));
        },
        toy_.hyper, /*step=*/1e-4);
  }

  Tensors Implicit(HypergradientMethod method, int64_t terms) const {
    return MustCompute(problem_, PathOf({}, start_, 0), toy_.hyper,
                       {.method = method,
                        .curvature = CurvatureKind::kHessian,
                        .terms = terms,
                        .tolerance = 1e-12});
  }

  // Plain descent that starts, and stays, at the optimum.
  TrainingPath Descent(int64_t steps) const {
    TrainingPath path = PathOf({}, start_, steps);
    path.update = [rate = rate_](const OptimizerState& state,
                                 const Tensors& gradient, const Tensors&,
                                 int64_t) {
      OptimizerState next = state;
      for (size_t i = 0; i < gradient.size(); ++i) {
        next.weights[i] = state.weights[i] - rate * gradient[i];
      }
      return next;
    };
    return path;
  }

  ToyProblem toy_;
  BilevelProblem problem_;
  Tensors start_;
  double rate_ = 0;  // At which plain descent converges.
};

TEST_P(OptimumTest, ImplicitGradientMatchesFiniteDifferencesOfTheSolution) {
  const Tensors differences = Differences();
  EXPECT_LT(
      RelativeError(Implicit(HypergradientMethod::kIftCg, 200), differences),
      1e-4);
  EXPECT_LT(RelativeError(Implicit(HypergradientMethod::kIftNeumann, 5000),
                          differences),
            1e-4);
}

TEST_P(OptimumTest, ReverseForwardAndImplicitAgreeAtConvergence) {
  const Tensors implicit = Implicit(HypergradientMethod::kIftCg, 200);
  const TrainingPath path = Descent(/*steps=*/400);
  const Tensors reverse = MustCompute(
      problem_, path, toy_.hyper, {.method = HypergradientMethod::kTruncated});
  EXPECT_LT(RelativeError(reverse, implicit), 1e-5);
  // Few: forward mode pays for each.
  const auto scalars = [](const Tensors& all) {
    return Tensors{all[0], all[2], all[3]};
  };
  BilevelProblem narrow = problem_;
  const Tensors all = toy_.hyper;
  const auto widened = [all](const Tensors& few) {
    return Tensors{few[0], all[1], few[1], few[2], all[4]};
  };
  narrow.outputs = [this, widened](const Tensors& weights, const Tensors& few,
                                   int64_t batch) {
    return problem_.outputs(weights, widened(few), batch);
  };
  narrow.loss = [this, widened](const torch::Tensor& outputs,
                                const Tensors& few, int64_t batch) {
    return problem_.loss(outputs, widened(few), batch);
  };
  narrow.penalty = [this, widened](const Tensors& weights, const Tensors& few) {
    return problem_.penalty(weights, widened(few));
  };
  const Tensors forward =
      MustCompute(narrow, path, scalars(toy_.hyper),
                  {.method = HypergradientMethod::kForward});
  EXPECT_LT(RelativeError(forward, scalars(implicit)), 1e-5);
}

// Short cuts have no right answer to meet; how near they come is a fact to
// know.
TEST_P(OptimumTest, ShortCutsPointAsTheWholeDoes) {
  const Tensors whole = Implicit(HypergradientMethod::kIftCg, 200);
  const auto show = [&](const std::string& name, const Tensors& gradient) {
    const double cosine =
        Dot(gradient, whole) / (NormOf(gradient) * NormOf(whole));
    const double ratio = NormOf(gradient) / NormOf(whole);
    std::cout << name << ": cosine " << cosine << ", norm ratio " << ratio
              << std::endl;
    EXPECT_TRUE(std::isfinite(cosine) && std::isfinite(ratio));
  };
  show("one_step", MustCompute(problem_, PathOf({}, start_, 0), toy_.hyper,
                               {.method = HypergradientMethod::kOneStep,
                                .descent_rate = rate_}));
  for (const int64_t steps : {5, 20}) {
    show("truncated to " + std::to_string(steps),
         MustCompute(problem_, Descent(steps), toy_.hyper,
                     {.method = HypergradientMethod::kTruncated}));
  }
}

INSTANTIATE_TEST_SUITE_P(Convex, OptimumTest,
                         ::testing::Values(LossKind::kCrossEntropy,
                                           LossKind::kMse),
                         NameOf);

TEST(CurvatureTest, HessianIsTheDifferenceOfTheGradient) {
  const ToyProblem toy = MakeToyProblem(kNetwork, {4});
  const BilevelProblem problem = toy.Problem();
  const auto curvature_at = [&](const Tensors& weights) {
    return Curvature(problem, weights, toy.hyper, CurvatureKind::kHessian,
                     /*damping=*/0);
  };
  Tensors direction;
  for (const torch::Tensor& weight : toy.Weights()) {
    direction.push_back(torch::randn_like(weight));
  }
  const double step = 1e-5;
  const Tensors difference =
      Plus(curvature_at(Plus(toy.Weights(), direction, step)).Gradient(),
           curvature_at(Plus(toy.Weights(), direction, -step)).Gradient(), -1);
  EXPECT_LT(RelativeError(curvature_at(toy.Weights()).Times(direction),
                          Times(difference, 1 / (2 * step))),
            1e-6);
}

// J^T H_loss J, J by finite differences of the outputs.
TEST(CurvatureTest, GaussNewtonIsTheProductOfItsFactors) {
  const ToyProblem toy = MakeToyProblem(kNetwork, {4});
  const BilevelProblem problem = toy.Problem();
  Tensors direction;
  for (const torch::Tensor& weight : toy.Weights()) {
    direction.push_back(torch::randn_like(weight));
  }
  const double step = 1e-6;
  const Tensors weights = LeavesOf(toy.Weights());
  Tensors expected = Times(direction, 0.5);  // Of the damping.
  const torch::Tensor penalty = problem.penalty(weights, toy.hyper);
  expected = Plus(
      expected, Derivative(Derivative({penalty}, weights, {}, Graph::kExtended),
                           weights, direction, Graph::kFreed));
  for (int64_t batch = 0; batch < toy.batches; ++batch) {
    const auto outputs = [&](double by) {
      return problem.outputs(Plus(toy.Weights(), direction, by), toy.hyper,
                             batch);
    };
    const torch::Tensor pushed = (outputs(step) - outputs(-step)) / (2 * step);
    const torch::Tensor leaf = outputs(0).requires_grad_();
    const Tensors slope = Derivative({problem.loss(leaf, toy.hyper, batch)},
                                     {leaf}, {}, Graph::kExtended);
    const Tensors bent = Derivative(slope, {leaf}, {pushed}, Graph::kFreed);
    const torch::Tensor again = problem.outputs(weights, toy.hyper, batch);
    expected = Plus(expected, Derivative({again}, weights, bent, Graph::kFreed),
                    1.0 / static_cast<double>(toy.batches));
  }
  const Curvature curvature(problem, toy.Weights(), toy.hyper,
                            CurvatureKind::kGaussNewton, /*damping=*/0.5);
  EXPECT_LT(RelativeError(curvature.Times(direction), expected), 1e-6);
}

TEST(CurvatureTest, GaussNewtonOfALinearNetworkIsTheHessian) {
  const ToyProblem toy = MakeToyProblem(kLogistic, {4});
  const BilevelProblem problem = toy.Problem();
  const auto product = [&](CurvatureKind kind) {
    const Curvature curvature(problem, toy.Weights(), toy.hyper, kind, 0.1);
    return curvature.Times(toy.Weights());
  };
  EXPECT_LT(RelativeError(product(CurvatureKind::kGaussNewton),
                          product(CurvatureKind::kHessian)),
            1e-12);
}

TEST(LinearSolverTest, BothSolveAndTellTheirResidual) {
  torch::manual_seed(1);
  const torch::Tensor root = torch::randn({6, 6}, torch::kDouble);
  const torch::Tensor matrix =
      root.mm(root.t()) + torch::eye(6, torch::kDouble);
  const SymmetricMatrix product = [&](const Tensors& x) {
    return Tensors{matrix.mv(x[0])};
  };
  const Tensors b = {torch::randn({6}, torch::kDouble)};
  const double rate = 1 / matrix.norm().item<double>();
  const auto cg = ConjugateGradient(product, b, 100, 1e-12);
  const auto neumann = NeumannSeries(product, b, rate, 10000, 1e-12);
  for (const auto* solution : {&cg, &neumann}) {
    ASSERT_TRUE(solution->ok()) << solution->error().message;
    EXPECT_LE((*solution)->residual, 1e-12);
    EXPECT_LT(RelativeError(product((*solution)->x), b), 1e-9);
  }
  const auto short_cg = ConjugateGradient(product, b, 3, 0);
  EXPECT_NEAR(short_cg->residual, RelativeError(product(short_cg->x), b),
              1e-12);
  const auto short_neumann = NeumannSeries(product, b, rate, 3, 0);
  EXPECT_NEAR(short_neumann->residual,
              RelativeError(product(short_neumann->x), b), 1e-12);
}

TEST(LinearSolverTest, IndefiniteMatrixIsRefusedByBoth) {
  const SymmetricMatrix mirror = [](const Tensors& x) { return Times(x, -1); };
  const Tensors b = {torch::ones({3}, torch::kDouble)};
  EXPECT_THAT(ConjugateGradient(mirror, b, 10, 0).error().message,
              HasSubstr("not positive definite"));
  EXPECT_THAT(NeumannSeries(mirror, b, 0.1, 10, 0).error().message,
              HasSubstr("diverges"));
}

TEST(DivergenceTest, ExplodingAdjointIsNoGradient) {
  const OptimizerConfig config = {
      .kind = OptimizerKind::kSgd, .learning_rate = 300, .weight_decay = 1};
  const ToyProblem toy = MakeToyProblem(kNetwork, {4});
  const Tensors hyper = WithOptimizerNumbers(config, toy.hyper);
  const TrainingPath path = PathOf(config, toy.Weights(), /*steps=*/6);
  const auto gradient = Compute(toy.Problem(), path, hyper,
                                {.method = HypergradientMethod::kTruncated});
  ASSERT_FALSE(gradient.ok());
  EXPECT_THAT(gradient.error().message, HasSubstr("explodes"));
}

TEST(DivergenceTest, WeightsThatAreNotFiniteGiveNoNumber) {
  const ToyProblem toy = MakeToyProblem(kNetwork, {4});
  Tensors weights = toy.Weights();
  weights[0][0][0] = std::numeric_limits<double>::quiet_NaN();
  const OptimizerConfig config = {.kind = OptimizerKind::kSgd,
                                  .learning_rate = 0.1};
  const Tensors hyper = WithOptimizerNumbers(config, toy.hyper);
  for (const auto method :
       {HypergradientMethod::kIftCg, HypergradientMethod::kIftNeumann,
        HypergradientMethod::kTruncated, HypergradientMethod::kForward,
        HypergradientMethod::kOneStep}) {
    EXPECT_FALSE(Compute(toy.Problem(), PathOf(config, weights, 2), hyper,
                         {.method = method, .descent_rate = 0.1})
                     .ok());
  }
}

TEST(HypergradientTest, DeviationIsThatOfTheMeanOfTheSplits) {
  const ToyProblem toy = MakeToyProblem(kLogistic, {4});
  const TrainingPath path = PathOf({}, toy.Weights(), 0);
  const HypergradientOptions options = {.method = HypergradientMethod::kIftCg,
                                        .damping = 0.1};
  const auto scaled = [&](int64_t factor) {
    BilevelProblem problem = toy.Problem();
    const auto slope = problem.metric_gradient;
    problem.metric_gradient = [slope, factor](const Tensors& weights) {
      return Times(slope(weights), static_cast<double>(factor));
    };
    return ProblemSplit{problem, path};
  };
  const auto one = ComputeHypergradient([&](int64_t) { return scaled(1); }, 1,
                                        toy.hyper, options);
  const auto both = ComputeHypergradient(
      [&](int64_t i) { return scaled(1 + 2 * i); }, 2, toy.hyper, options);
  ASSERT_TRUE(one.ok() && both.ok());
  EXPECT_LT(RelativeError(both->values, Times(one->values, 2)), 1e-9);
  EXPECT_NEAR(NormOf(both->deviations), NormOf(one->values), 1e-9);
  EXPECT_GT(both->seconds, 0);
  EXPECT_LT(*both->residual, 1);
}

}  // namespace
}  // namespace assay
