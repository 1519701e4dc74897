#include "search/strategies/evolution/fitness.h"

#include <tuple>

namespace assay {
namespace {

// What counts before the values. Smaller is better.
std::tuple<int, int64_t, double> Standing(const Observation& trial) {
  if (trial.HasFailed()) return {2, 0, 0};
  if (trial.IsStopped()) return {1, -trial.last_step, trial.Violation()};
  return {0, 0, trial.Violation()};
}

bool ParetoDominates(const std::vector<double>& a,
                     const std::vector<double>& b) {
  bool better = false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i] < b[i]) return false;
    better |= a[i] > b[i];
  }
  return better;
}

}  // namespace

bool Dominates(const Observation& a, const Observation& b) {
  const auto standing_a = Standing(a), standing_b = Standing(b);
  if (standing_a != standing_b) return standing_a < standing_b;
  return !a.HasFailed() && ParetoDominates(a.values, b.values);
}

}  // namespace assay
