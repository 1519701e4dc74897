#include "worker/trainer/online_rate.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace assay {
namespace {

constexpr double kLeastFactor = 1e-3;
constexpr double kMostFactor = 1e3;

}  // namespace

OnlineRate::OnlineRate(double rate, std::vector<torch::Tensor> weights)
    : rate_(rate), weights_(std::move(weights)) {}

double OnlineRate::Next() {
  if (rate_ == 0) return 1;
  const torch::NoGradGuard no_gradient;
  if (!state_.before.empty()) {
    state_.factor =
        std::clamp(state_.factor * std::exp(rate_ * CosineWithLastStep()),
                   kLeastFactor, kMostFactor);
  }
  state_.before.clear();
  for (const torch::Tensor& weight : weights_) {
    state_.before.push_back(weight.detach().clone());
  }
  return state_.factor;
}

void OnlineRate::Continue(State state) { state_ = std::move(state); }

// 0 where there is no direction, or none that is finite.
double OnlineRate::CosineWithLastStep() const {
  torch::Tensor products = torch::zeros({3}, weights_.front().options());
  for (size_t i = 0; i < weights_.size(); ++i) {
    if (!weights_[i].grad().defined()) continue;
    const torch::Tensor step = (state_.before[i] - weights_[i]).flatten();
    const torch::Tensor slope = weights_[i].grad().flatten();
    products +=
        torch::stack({slope.dot(step), slope.dot(slope), step.dot(step)});
  }
  const torch::Tensor sums = products.to(torch::kCPU, torch::kDouble);
  const double cosine =
      sums[0].item<double>() /
      std::sqrt(sums[1].item<double>() * sums[2].item<double>());
  return std::isfinite(cosine) ? cosine : 0;
}

}  // namespace assay
