#include "search/gradient/gradient_audit.h"

#include <cmath>

namespace assay {
namespace {

constexpr double kSignificant = 2;  // Deviations.

double Square(double x) { return x * x; }

}  // namespace

void GradientAudit::Learn(const UnitGradient& gradient,
                          const std::vector<double>& from,
                          const std::vector<double>& to, double difference) {
  double predicted = 0, variance = 0;
  for (size_t i = 0; i < gradient.values.size(); ++i) {
    const double move = to[i] - from[i];
    if (std::isnan(gradient.values[i]) || std::isnan(move)) continue;
    predicted += gradient.values[i] * move;
    if (!std::isnan(gradient.deviations[i])) {
      variance += Square(gradient.deviations[i] * move);
    }
  }
  if (!std::isfinite(difference) || difference == 0) return;
  if (!(std::fabs(predicted) > kSignificant * std::sqrt(variance))) return;
  ((predicted > 0) == (difference > 0) ? right_ : wrong_) += 1;
}

}  // namespace assay
