#include "search/gp/success_box.h"

#include <algorithm>
#include <cmath>

namespace assay {
namespace {

constexpr double kFirstSide = 0.8;
constexpr double kLargestSide = 1.6;
constexpr double kSmallestSide = 1.0 / 128;
constexpr int kSuccesses = 3;
constexpr double kGain = 1e-3;

}  // namespace

SuccessBox::SuccessBox(int parameters)
    : most_failures_(std::max(4, parameters)), side_(kFirstSide) {}

void SuccessBox::Learn(double value) {
  const bool success = !any_ || value > best_ + kGain * std::fabs(best_);
  best_ = any_ ? std::max(best_, value) : value;
  any_ = true;
  successes_ = success ? successes_ + 1 : 0;
  failures_ = success ? 0 : failures_ + 1;
  if (successes_ == kSuccesses) {
    side_ = std::min(2 * side_, kLargestSide);
    successes_ = 0;
  }
  if (failures_ == most_failures_) {
    side_ /= 2;
    failures_ = 0;
  }
  if (side_ < kSmallestSide) side_ = kFirstSide;
}

}  // namespace assay
