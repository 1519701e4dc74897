#include "search/strategies/tpe/axis.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <variant>

#include "search/domain.h"

namespace assay {
namespace {

struct HasEvenCells {
  bool operator()(const DoubleDomain& domain) const {
    return domain.scale == Scale::kLinear;
  }
  bool operator()(const IntegerDomain& domain) const {
    return domain.scale == Scale::kLinear;
  }
  template <typename List>
  bool operator()(const List&) const {
    return true;
  }
};

}  // namespace

Axis::Axis(const Domain& domain)
    : domain_(&domain),
      categorical_(std::holds_alternative<CategoricalDomain>(domain)),
      even_(std::visit(HasEvenCells{}, domain)),
      levels_(Levels(domain).value_or(0)) {}

double Axis::Snap(double u) const {
  if (levels_ == 0) return u;
  if (!even_) return ToUnit(*domain_, FromUnit(*domain_, u));
  const auto count = static_cast<double>(levels_);
  const double k = std::min(std::floor(u * count), count - 1);
  return (k + 0.5) / count;
}

double Axis::Category(int64_t k) const {
  assert(categorical_ && k >= 0 && k < levels_);
  return (static_cast<double>(k) + 0.5) / static_cast<double>(levels_);
}

}  // namespace assay
