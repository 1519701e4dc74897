#pragma once

#include <vector>

#include "search/strategies/evolution/coordinates.h"

namespace assay {

// Crossover and mutation of encoded points (SearchSpace::Encode()).
class Variation {
 public:
  static constexpr double kMutationEta = 20;

  // `space` must outlive this. `crossover_eta`: see SimulatedBinaryCrossover().
  Variation(const SearchSpace& space, double crossover_eta);

  // A child: of each parameter the value of either parent, each with a chance
  // of 1/2 (uniform crossover); of a continuous one half of the time their
  // SimulatedBinaryCrossover(). NaN only where both are.
  std::vector<double> Cross(const std::vector<double>& a,
                            const std::vector<double>& b, Random& random) const;

  // Changes each active parameter with a chance of one in their number, and one
  // of them if `point` would stay equal to `parent` and so be of no use.
  void Mutate(const std::vector<double>& parent, std::vector<double>& point,
              Random& random) const;

  // Parameter i by PolynomialMutation(), by at least one level if it has
  // levels; a categorical one becomes any other. REQUIRES: u is not NaN.
  double MutateOne(int i, double u, Random& random) const;

  const Coordinates& coordinates() const { return coordinates_; }

 private:
  double CrossOne(int i, double a, double b, Random& random) const;

  const Coordinates coordinates_;
  const double crossover_eta_;
};

}  // namespace assay
