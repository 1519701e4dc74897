#pragma once

#include <vector>

#include "worker/trainer/torch.h"

namespace assay {

// Hypergradient descent of the learning rate while it trains (Baydin 2018), in
// its multiplicative form, for any optimizer: with g the gradient of this batch
// and u the last step's direction, -<g, u> is the derivative of this batch's
// loss by the last step's rate, and the factor becomes
//   factor * exp(rate * cos(g, u)), kept in [1e-3, 1e3].
class OnlineRate {
 public:
  // What goes on in a continued training.
  struct State {
    double factor = 1;
    std::vector<torch::Tensor> before;  // The weights a step ago; empty: none.
  };

  // `rate` in [0, 1]; with 0 the factor stays 1. `weights` are those in
  // training.
  OnlineRate(double rate, std::vector<torch::Tensor> weights);

  // The factor for the step that follows; the weights have their gradients.
  double Next();

  const State& state() const { return state_; }
  void Continue(State state);

 private:
  double CosineWithLastStep() const;

  const double rate_;
  const std::vector<torch::Tensor> weights_;
  State state_;
};

}  // namespace assay
