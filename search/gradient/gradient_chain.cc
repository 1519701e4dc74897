#include "search/gradient/gradient_chain.h"

#include <cmath>
#include <utility>

namespace assay {
namespace {

constexpr double kTolerance = 2;
constexpr int kLeastChanges = 2;

}  // namespace

bool GradientChain::Bring(const Trial& run, double value,
                          const std::optional<UnitGradient>& gradient) {
  if (losses_ < kMostLosses && !IsAcceptable(value)) {
    Lose();
    return false;
  }
  Smooth(value);
  last_ = run;
  losses_ = 0;
  ++runs_;
  values_[run.to_step] = value;
  move_.clear();
  if (gradient) move_ = adam_.Step(*gradient, rate_);
  return true;
}

void GradientChain::Forget() { *this = GradientChain(size_, rate_); }

std::vector<double> GradientChain::Move() const {
  if (losses_ >= kMostLosses) return {};
  std::vector<double> move = move_;
  for (double& coordinate : move) coordinate = std::ldexp(coordinate, -losses_);
  return move;
}

double GradientChain::ValueAt(int64_t step) const {
  const auto after = values_.upper_bound(step);
  return after == values_.begin() ? after->second : std::prev(after)->second;
}

bool GradientChain::IsAcceptable(double value) const {
  if (changes_ < kLeastChanges) return true;
  return value >= *smoothed_ - kTolerance * change_;
}

// A broken bound is no value to compare with.
void GradientChain::Smooth(double value) {
  if (!std::isfinite(value)) return;
  if (smoothed_) {
    ++changes_;
    change_ += (std::fabs(value - *smoothed_) - change_) / changes_;
  }
  smoothed_ = smoothed_ ? (*smoothed_ + value) / 2 : value;
}

}  // namespace assay
