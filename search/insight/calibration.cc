#include "search/insight/calibration.h"

#include <algorithm>
#include <cmath>

#include "search/math/normal.h"

namespace assay {
namespace {

// Of |z| for a standard normal z.
double HalfNormalQuantile(double share) {
  return NormalQuantile(0.5 + 0.5 * share);
}

double HalfNormalCdf(double z) { return 2 * NormalCdf(z) - 1; }

// The share up to the largest of them.
double LastShare(const std::vector<double>& sorted) {
  const auto m = static_cast<double>(sorted.size());
  return m / (m + 1);
}

// What a deviation of 1 is beyond the largest of them.
double TailScale(const std::vector<double>& sorted) {
  return sorted.back() / HalfNormalQuantile(LastShare(sorted));
}

double WidthOf(const std::vector<double>& sorted, double share) {
  if (share >= LastShare(sorted)) {
    return TailScale(sorted) * HalfNormalQuantile(share);
  }
  const double place = share * static_cast<double>(sorted.size() + 1);
  const auto above = static_cast<size_t>(place);  // a_0 = 0, from 1 on.
  const double low = above == 0 ? 0 : sorted[above - 1];
  return low + (place - static_cast<double>(above)) * (sorted[above] - low);
}

}  // namespace

Calibration::Calibration(const Eigen::VectorXd& z) {
  for (const double error : z) errors_.push_back(std::abs(error));
  sorted_ = errors_;
  for (int i = 0; i < kPrior; ++i) {
    sorted_.push_back(HalfNormalQuantile((i + 1.0) / (kPrior + 1)));
  }
  std::sort(sorted_.begin(), sorted_.end());
}

double Calibration::Width(double share) const {
  return WidthOf(sorted_, share);
}

double Calibration::WidthWithout(int i, double share) const {
  std::vector<double> others = sorted_;
  others.erase(std::lower_bound(others.begin(), others.end(), errors_[i]));
  return WidthOf(others, share);
}

double Calibration::Cdf(double z) const {
  const double size = std::abs(z);
  double share = 0;
  if (size >= sorted_.back()) {
    share = HalfNormalCdf(size / TailScale(sorted_));
  } else {
    const auto above = std::upper_bound(sorted_.begin(), sorted_.end(), size);
    const auto j = static_cast<double>(above - sorted_.begin());
    const double low = above == sorted_.begin() ? 0 : *(above - 1);
    share = (j + (size - low) / (*above - low)) /
            static_cast<double>(sorted_.size() + 1);
  }
  return z < 0 ? 0.5 - 0.5 * share : 0.5 + 0.5 * share;
}

}  // namespace assay
