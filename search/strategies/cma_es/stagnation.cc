#include "search/strategies/cma_es/stagnation.h"

#include <algorithm>
#include <cmath>

namespace assay {

Stagnation::Stagnation(int parameters, int population)
    : window_(10 + (30 * parameters + population - 1) / population) {}

void Stagnation::Add(double best) {
  best_.push_back(best);
  if (best_.size() > window_) best_.pop_front();
}

bool Stagnation::IsStuck() const {
  if (best_.size() < window_) return false;
  const auto [low, high] = std::minmax_element(best_.begin(), best_.end());
  const double size = std::max(std::fabs(*low), std::fabs(*high));
  return *high - *low <= kTolerance * size;
}

}  // namespace assay
