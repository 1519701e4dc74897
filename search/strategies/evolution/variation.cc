#include "search/strategies/evolution/variation.h"

#include <cmath>

#include "search/strategies/evolution/operators.h"

namespace assay {

Variation::Variation(const SearchSpace& space, double crossover_eta)
    : coordinates_(space), crossover_eta_(crossover_eta) {}

std::vector<double> Variation::Cross(const std::vector<double>& a,
                                     const std::vector<double>& b,
                                     Random& random) const {
  std::vector<double> child(coordinates_.size());
  for (int i = 0; i < coordinates_.size(); ++i) {
    child[i] = CrossOne(i, a[i], b[i], random);
  }
  return child;
}

double Variation::CrossOne(int i, double a, double b, Random& random) const {
  if (std::isnan(a)) return b;
  if (std::isnan(b)) return a;
  if (coordinates_.IsContinuous(i) && random.Below(2) == 1) {
    return SimulatedBinaryCrossover(a, b, crossover_eta_, random);
  }
  return random.Below(2) == 1 ? a : b;
}

void Variation::Mutate(const std::vector<double>& parent,
                       std::vector<double>& point, Random& random) const {
  const std::vector<int> active = coordinates_.Active(point);
  const double chance = 1 / static_cast<double>(active.size());
  bool differs = false;
  for (const int i : active) {
    if (random.Uniform() < chance) point[i] = MutateOne(i, point[i], random);
    differs |= !coordinates_.IsSame(i, parent[i], point[i]);
  }
  if (differs) return;
  const int i = active[random.Below(active.size())];
  point[i] = MutateOne(i, point[i], random);
}

double Variation::MutateOne(int i, double u, Random& random) const {
  if (coordinates_.IsCategorical(i)) return coordinates_.Other(i, u, random);
  const double v = PolynomialMutation(u, kMutationEta, random);
  if (coordinates_.IsContinuous(i) || !coordinates_.IsSame(i, u, v)) return v;
  return coordinates_.Next(i, u, v > u);
}

}  // namespace assay
