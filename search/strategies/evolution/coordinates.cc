#include "search/strategies/evolution/coordinates.h"

#include <cmath>
#include <variant>

#include "search/domain.h"

namespace assay {

Coordinates::Coordinates(const SearchSpace& space) : space_(space) {
  for (const Parameter& parameter : space.parameters()) {
    levels_.push_back(Levels(parameter.domain).value_or(0));
    categorical_.push_back(
        std::holds_alternative<CategoricalDomain>(parameter.domain));
  }
}

bool Coordinates::IsSame(int i, double u, double v) const {
  if (std::isnan(u) || std::isnan(v)) return std::isnan(u) && std::isnan(v);
  return IsContinuous(i) ? u == v : Level(i, u) == Level(i, v);
}

double Coordinates::Other(int i, double u, Random& random) const {
  if (levels_[i] == 1) return u;
  const int64_t now = Level(i, u);
  const auto drawn = static_cast<int64_t>(random.Below(levels_[i] - 1));
  return Place(i, drawn < now ? drawn : drawn + 1);
}

double Coordinates::Next(int i, double u, bool above) const {
  const int64_t now = Level(i, u);
  const int64_t wanted = above ? now + 1 : now - 1;
  if (wanted >= 0 && wanted < levels_[i]) return Place(i, wanted);
  return levels_[i] == 1 ? u : Place(i, above ? now - 1 : now + 1);
}

std::vector<int> Coordinates::Active(const std::vector<double>& point) const {
  std::vector<int> active;
  for (int i = 0; i < size(); ++i) {
    if (!std::isnan(point[i])) active.push_back(i);
  }
  return active;
}

void Coordinates::DrawMissing(std::vector<double>& point,
                              Random& random) const {
  for (double& u : point) {
    if (std::isnan(u)) u = random.Uniform();
  }
}

int64_t Coordinates::Level(int i, double u) const {
  const Domain& domain = space_.parameters()[i].domain;
  return LevelOf(domain, FromUnit(domain, u)).value_or(0);
}

double Coordinates::Place(int i, int64_t level) const {
  const Domain& domain = space_.parameters()[i].domain;
  return ToUnit(domain, LevelValue(domain, level));
}

}  // namespace assay
