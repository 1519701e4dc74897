#include "search/gp/prior_pull.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace assay {
namespace {

constexpr double kBeta = 2;
constexpr double kSlope = 2;  // Of the trust, by z.

// z, 0 where all are equal.
double Agreement(absl::Span<const double> log_priors) {
  const auto n = static_cast<double>(log_priors.size());
  const double mean =
      std::accumulate(log_priors.begin(), log_priors.end(), 0.0) / n;
  double products = 0, squares = 0, rank_squares = 0;
  for (size_t i = 0; i < log_priors.size(); ++i) {
    const double above = log_priors[i] - mean;
    const double rank = (n - 1) / 2 - static_cast<double>(i);  // Best highest.
    products += above * rank;
    squares += above * above;
    rank_squares += rank * rank;
  }
  constexpr double kNothing = 1e-20;  // What rounding leaves of equal ones.
  if (squares <= kNothing || rank_squares == 0) return 0;
  return products / std::sqrt(squares * rank_squares) * std::sqrt(n - 1);
}

}  // namespace

double PriorWeight(absl::Span<const double> log_priors) {
  if (log_priors.empty()) return 0;
  const auto n = static_cast<double>(log_priors.size());
  return kBeta / n * std::clamp(1 + kSlope * Agreement(log_priors), 0.0, 1.0);
}

}  // namespace assay
