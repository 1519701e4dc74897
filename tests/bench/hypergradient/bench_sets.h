#pragma once

#include <cstdint>
#include <ctime>
#include <string>
#include <vector>

#include "worker/trainer/hypergradient/hypergradient.h"
#include "worker/trainer/part.h"

namespace assay {

// Of all inner trainings here.
constexpr double kRate = 0.05;
constexpr double kMomentum = 0.9;

// Parts of Fashion-MNIST, each pixel in [0, 1], an image a row; the test part
// is the beginning of its test files.
struct BenchSets {
  Part train;
  Part validation;
  Part test;
};

BenchSets ReadBenchSets(const std::string& data_root, int64_t train,
                        int64_t validation, int64_t test);

// A perceptron without (softmax regression) or with one hidden layer.
Tensors InitialWeights(const std::vector<int64_t>& sizes);
torch::Tensor Scores(const Tensors& weights, const torch::Tensor& inputs);

torch::Tensor MeanLoss(const Tensors& weights, const Part& part);
double Accuracy(const Tensors& weights, const Part& part);

// A metric: the loss on `part`.
std::function<Tensors(const Tensors&)> LossGradient(const Part& part);

Part Joined(const Part& a, const Part& b);

// Steps of descent with momentum on a fixed loss.
Tensors Descend(const std::function<torch::Tensor(const Tensors&)>& loss,
                Tensors weights, int64_t steps);

// Adam on hyperparameters (rate, beta1 0.5, beta2 0.999).
class HyperAdam {
 public:
  explicit HyperAdam(double rate) : rate_(rate) {}
  Tensors Step(const Tensors& hyper, const Tensors& gradient);

 private:
  const double rate_;
  OptimizerState state_;
  int64_t count_ = 0;
};

// Of the processor, which other programs do not lengthen; with the one thread
// of this bench the same as on the wall of an idle machine.
class Stopwatch {
 public:
  double Seconds() const {
    return static_cast<double>(std::clock() - begin_) / CLOCKS_PER_SEC;
  }

 private:
  const std::clock_t begin_ = std::clock();
};

struct BenchOptions {
  std::string data_root;
  std::string curves;  // A folder for data to plot. Empty: none.
};

// The parts of the bench; each prints its table.
void CleanData(const BenchOptions& options);
void LearnWeightDecays(const BenchOptions& options);
void FindLogisticPenalty(const BenchOptions& options);
void DescendOnline(const BenchOptions& options);

}  // namespace assay
