#include "search/domain.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "search/base/status_macros.h"
#include "search/base/utf8.h"
#include "search/math/scale.h"

namespace assay {
namespace {

std::string Text(double value) { return ToText(ParameterValue(value)); }
std::string Text(int64_t value) { return ToText(ParameterValue(value)); }

absl::Status Bad(const std::string& what) {
  return absl::InvalidArgumentError(what);
}

const char* Name(Scale scale) {
  switch (scale) {
    case Scale::kLinear:
      return "linear";
    case Scale::kLog:
      return "log";
    case Scale::kReverseLog:
      return "reverse-log";
    case Scale::kLogit:
      break;
  }
  return "logit";
}

template <typename T>
absl::Status CheckScale(Scale scale, T min, T max) {
  if (scale == Scale::kLinear) return absl::OkStatus();
  if (!(min > 0)) {
    return Bad(absl::StrCat("min ", Text(min), " on a ", Name(scale),
                            " scale, must be above 0"));
  }
  if (scale != Scale::kLogit || max < 1) return absl::OkStatus();
  return Bad(
      absl::StrCat("max ", Text(max), " on a logit scale, must be below 1"));
}

template <typename T>
absl::Status CheckOrder(T min, T max) {
  if (min <= max) return absl::OkStatus();
  return Bad(absl::StrCat("min ", Text(min), " is above max ", Text(max)));
}

template <typename T>
absl::Status CheckStep(T min, T max, T step) {
  if (!(step > 0) || !std::isfinite(static_cast<double>(step))) {
    return Bad(absl::StrCat("step ", Text(step), ", must be above 0"));
  }
  if (min == max || step <= max - min) return absl::OkStatus();
  return Bad(absl::StrCat("step ", Text(step),
                          " is longer than the range from ", Text(min), " to ",
                          Text(max)));
}

// --- Stepped ranges ----------------------------------------------------------

// What a quotient may be off by rounding, in steps.
constexpr double kStepSlack = 1e-9;
// Steps finer than this part of the numbers would drown in rounding errors.
constexpr double kFinestStep = 0x1p-40;

int64_t Count(const DoubleDomain& domain) {
  if (domain.min == domain.max) return 1;
  const double steps = (domain.max - domain.min) / *domain.step;
  const double slack = std::max(kStepSlack, steps * 0x1p-50);
  return static_cast<int64_t>(std::floor(steps + slack)) + 1;
}

int64_t Count(const IntegerDomain& domain) {
  return (domain.max - domain.min) / domain.step + 1;
}

// 0.3, not 0.30000000000000004: the nearest of 15 digits if it is that near.
double Tidy(double value, double step) {
  char text[40];
  absl::SNPrintF(text, sizeof(text), "%.15g", value);
  const double tidy = std::strtod(text, nullptr);
  return std::fabs(tidy - value) <= kStepSlack * step ? tidy : value;
}

double LevelNumber(const DoubleDomain& domain, int64_t k) {
  if (k == 0) return domain.min;
  const double value = domain.min + static_cast<double>(k) * *domain.step;
  return std::min(Tidy(value, *domain.step), domain.max);
}

int64_t LevelNumber(const IntegerDomain& domain, int64_t k) {
  return domain.min + k * domain.step;
}

bool IsContinuous(const DoubleDomain& domain) {
  return !domain.step && domain.min < domain.max;
}

// A step for a range that may be one point.
double StepOf(const DoubleDomain& domain) { return domain.step.value_or(1); }
double StepOf(const IntegerDomain& domain) {
  return static_cast<double>(domain.step);
}

template <typename AnyRange>
Grid GridOf(const AnyRange& domain) {
  return {domain.scale, static_cast<double>(domain.min), StepOf(domain),
          Count(domain)};
}

Grid EvenGrid(int64_t count) { return {.count = count}; }

// --- One function a kind of domain -------------------------------------------

struct Check {
  int max_categories;

  absl::Status operator()(const DoubleDomain& domain) const {
    if (!std::isfinite(domain.min)) {
      return Bad(absl::StrCat("min ", Text(domain.min), ", must be finite"));
    }
    if (!std::isfinite(domain.max)) {
      return Bad(absl::StrCat("max ", Text(domain.max), ", must be finite"));
    }
    ASSAY_RETURN_IF_ERROR(CheckOrder(domain.min, domain.max));
    if (!std::isfinite(domain.max - domain.min)) {
      return Bad(absl::StrCat("the range from ", Text(domain.min), " to ",
                              Text(domain.max), " is too wide for a double"));
    }
    ASSAY_RETURN_IF_ERROR(CheckScale(domain.scale, domain.min, domain.max));
    if (!domain.step) return absl::OkStatus();
    ASSAY_RETURN_IF_ERROR(CheckStep(domain.min, domain.max, *domain.step));
    return CheckResolution(domain);
  }

  // Neighbours on the grid must differ.
  static absl::Status CheckResolution(const DoubleDomain& domain) {
    const double reach = std::max(std::fabs(domain.min), std::fabs(domain.max));
    if (domain.min == domain.max || *domain.step > reach * kFinestStep) {
      return absl::OkStatus();
    }
    return Bad(absl::StrCat("step ", Text(*domain.step),
                            " is too fine for numbers up to ", Text(reach)));
  }

  absl::Status operator()(const IntegerDomain& domain) const {
    ASSAY_RETURN_IF_ERROR(CheckOrder(domain.min, domain.max));
    if (domain.min < -kMaxInteger || domain.max > kMaxInteger) {
      return Bad(absl::StrCat("the range from ", domain.min, " to ", domain.max,
                              ", allowed are ", -kMaxInteger, " to ",
                              kMaxInteger));
    }
    if (domain.scale == Scale::kLogit) {
      return Bad(
          "scale logit on an integer, allowed are linear, log and "
          "reverse-log");
    }
    ASSAY_RETURN_IF_ERROR(CheckScale(domain.scale, domain.min, domain.max));
    return CheckStep(domain.min, domain.max, domain.step);
  }

  absl::Status operator()(const CategoricalDomain& domain) const {
    ASSAY_RETURN_IF_ERROR(CheckCount(domain.values.size()));
    absl::flat_hash_set<std::string> seen;
    for (const ParameterValue& value : domain.values) {
      ASSAY_RETURN_IF_ERROR(CheckChoice(value));
      if (!seen.insert(Identity({{"", value}})).second) {
        return Bad(absl::StrCat("value ", ToText(value), " is there twice"));
      }
    }
    return absl::OkStatus();
  }

  static absl::Status CheckChoice(const ParameterValue& value) {
    if (const auto number = AsNumber(value);
        number && !std::isfinite(*number)) {
      return Bad(absl::StrCat("value ", ToText(value), ", must be finite"));
    }
    const auto* text = std::get_if<std::string>(&value);
    if (text == nullptr || IsUtf8(*text)) return absl::OkStatus();
    return Bad("a value is not valid UTF-8");
  }

  absl::Status operator()(const DiscreteDomain& domain) const {
    ASSAY_RETURN_IF_ERROR(CheckCount(domain.values.size()));
    for (size_t i = 0; i < domain.values.size(); ++i) {
      const double value = domain.values[i];
      if (!std::isfinite(value)) {
        return Bad(absl::StrCat("value ", Text(value), ", must be finite"));
      }
      if (i > 0 && !(domain.values[i - 1] < value)) {
        return Bad(absl::StrCat("value ", Text(value), " after ",
                                Text(domain.values[i - 1]), ", must rise"));
      }
    }
    return absl::OkStatus();
  }

  absl::Status CheckCount(size_t count) const {
    if (count == 0) return Bad("no values, at least one is needed");
    if (count <= static_cast<size_t>(max_categories)) return absl::OkStatus();
    return Bad(absl::StrCat(count, " values, allowed are ", max_categories));
  }
};

struct CountLevels {
  std::optional<int64_t> operator()(const DoubleDomain& domain) const {
    if (IsContinuous(domain)) return std::nullopt;
    return Count(domain);
  }
  std::optional<int64_t> operator()(const IntegerDomain& domain) const {
    return Count(domain);
  }
  template <typename List>
  std::optional<int64_t> operator()(const List& domain) const {
    return static_cast<int64_t>(domain.values.size());
  }
};

struct ValueAt {
  int64_t k;
  ParameterValue operator()(const CategoricalDomain& domain) const {
    return domain.values[static_cast<size_t>(k)];
  }
  ParameterValue operator()(const DiscreteDomain& domain) const {
    return domain.values[static_cast<size_t>(k)];
  }
  template <typename AnyRange>
  ParameterValue operator()(const AnyRange& domain) const {
    return LevelNumber(domain, k);
  }
};

bool AreNear(double a, double b) {
  return std::fabs(a - b) <= 1e-12 * std::max(std::fabs(a), std::fabs(b));
}

struct FindLevel {
  const ParameterValue& value;

  std::optional<int64_t> operator()(const DoubleDomain& domain) const {
    const std::optional<double> number = AsNumber(value);
    if (!number || IsContinuous(domain)) return std::nullopt;
    const double place = (*number - domain.min) / StepOf(domain);
    const double k = std::round(place);
    if (!(k >= 0 && k < static_cast<double>(Count(domain))))
      return std::nullopt;
    const double level = LevelNumber(domain, static_cast<int64_t>(k));
    const double slack = kStepSlack * StepOf(domain);
    if (!(std::fabs(*number - level) <= slack) && !AreNear(*number, level)) {
      return std::nullopt;
    }
    return static_cast<int64_t>(k);
  }

  std::optional<int64_t> operator()(const IntegerDomain& domain) const {
    const std::optional<double> number = AsNumber(value);
    if (!number || std::floor(*number) != *number) return std::nullopt;
    if (*number < static_cast<double>(domain.min) ||
        *number > static_cast<double>(domain.max)) {
      return std::nullopt;
    }
    const int64_t above = static_cast<int64_t>(*number) - domain.min;
    if (above % domain.step != 0) return std::nullopt;
    return above / domain.step;
  }

  std::optional<int64_t> operator()(const CategoricalDomain& domain) const {
    for (size_t k = 0; k < domain.values.size(); ++k) {
      if (SameValue(domain.values[k], value)) return static_cast<int64_t>(k);
    }
    return std::nullopt;
  }

  std::optional<int64_t> operator()(const DiscreteDomain& domain) const {
    const std::optional<double> number = AsNumber(value);
    if (!number) return std::nullopt;
    for (size_t k = 0; k < domain.values.size(); ++k) {
      if (AreNear(domain.values[k], *number)) return static_cast<int64_t>(k);
    }
    return std::nullopt;
  }
};

template <typename T>
std::string RangeText(T min, T max) {
  return absl::StrCat("from ", Text(min), " to ", Text(max));
}

template <typename T>
std::string SteppedText(T min, T max, T step) {
  return absl::StrCat(RangeText(min, max), " in steps of ", Text(step));
}

template <typename List>
std::string ListText(const List& values) {
  constexpr size_t kShown = 12;
  const auto append = [](std::string* out, const auto& value) {
    out->append(ToText(ParameterValue(value)));
  };
  const auto end = values.begin() + std::min(values.size(), kShown);
  return absl::StrCat(absl::StrJoin(values.begin(), end, ", ", append),
                      values.size() > kShown ? ", ..." : "");
}

struct Describe {
  std::string operator()(const DoubleDomain& domain) const {
    if (!domain.step) return RangeText(domain.min, domain.max);
    return SteppedText(domain.min, domain.max, *domain.step);
  }
  std::string operator()(const IntegerDomain& domain) const {
    if (domain.step == 1) {
      return absl::StrCat("integers ", RangeText(domain.min, domain.max));
    }
    return SteppedText(domain.min, domain.max, domain.step);
  }
  template <typename List>
  std::string operator()(const List& domain) const {
    return ListText(domain.values);
  }
};

absl::Status NotAllowed(const Domain& domain, const ParameterValue& value) {
  return Bad(absl::StrCat(ToText(value),
                          " is not allowed, allowed: ", ToText(domain)));
}

absl::Status CheckInside(double number, double min, double max) {
  if (number < min) {
    return Bad(absl::StrCat(Text(number), " is below min ", Text(min)));
  }
  if (number <= max) return absl::OkStatus();
  return Bad(absl::StrCat(Text(number), " is above max ", Text(max)));
}

absl::StatusOr<ParameterValue> CanonicalDouble(const DoubleDomain& domain,
                                               const ParameterValue& value) {
  const std::optional<double> number = AsNumber(value);
  if (!number) {
    return Bad(absl::StrCat("\"", ToText(value), "\" is no number, allowed: ",
                            ToText(Domain(domain))));
  }
  if (std::isnan(*number)) return NotAllowed(domain, value);
  ASSAY_RETURN_IF_ERROR(CheckInside(*number, domain.min, domain.max));
  return ParameterValue(*number == 0 ? 0.0 : *number);
}

struct PlaceOf {
  const ParameterValue& value;

  double operator()(const DoubleDomain& domain) const {
    if (!IsContinuous(domain)) return OnGrid(domain, GridOf(domain));
    return ToUnitRange(domain.scale, domain.min, domain.max, *AsNumber(value));
  }
  double operator()(const IntegerDomain& domain) const {
    return OnGrid(domain, GridOf(domain));
  }
  template <typename List>
  double operator()(const List& domain) const {
    return OnGrid(domain, EvenGrid(static_cast<int64_t>(domain.values.size())));
  }

  template <typename AnyDomain>
  double OnGrid(const AnyDomain& domain, const Grid& grid) const {
    return ToUnitGrid(grid, *FindLevel{value}(domain));
  }
};

struct ValueFrom {
  double u;

  ParameterValue operator()(const DoubleDomain& domain) const {
    if (!IsContinuous(domain)) return OnGrid(domain, GridOf(domain));
    return FromUnitRange(domain.scale, domain.min, domain.max, u);
  }
  ParameterValue operator()(const IntegerDomain& domain) const {
    return OnGrid(domain, GridOf(domain));
  }
  template <typename List>
  ParameterValue operator()(const List& domain) const {
    return OnGrid(domain, EvenGrid(static_cast<int64_t>(domain.values.size())));
  }

  template <typename AnyDomain>
  ParameterValue OnGrid(const AnyDomain& domain, const Grid& grid) const {
    return ValueAt{FromUnitGrid(grid, u)}(domain);
  }
};

}  // namespace

absl::Status CheckDomain(const Domain& domain, int max_categories) {
  return std::visit(Check{max_categories}, domain);
}

std::optional<int64_t> Levels(const Domain& domain) {
  return std::visit(CountLevels{}, domain);
}

ParameterValue LevelValue(const Domain& domain, int64_t k) {
  return std::visit(ValueAt{k}, domain);
}

std::optional<int64_t> LevelOf(const Domain& domain,
                               const ParameterValue& value) {
  return std::visit(FindLevel{value}, domain);
}

absl::StatusOr<ParameterValue> CanonicalValue(const Domain& domain,
                                              const ParameterValue& value) {
  if (const auto level = LevelOf(domain, value)) {
    return LevelValue(domain, *level);
  }
  const auto* range = std::get_if<DoubleDomain>(&domain);
  if (range == nullptr) return NotAllowed(domain, value);
  ASSAY_ASSIGN_OR_RETURN(ParameterValue inside, CanonicalDouble(*range, value));
  if (!IsContinuous(*range)) return NotAllowed(domain, value);
  return inside;
}

double ToUnit(const Domain& domain, const ParameterValue& value) {
  return std::visit(PlaceOf{value}, domain);
}

ParameterValue FromUnit(const Domain& domain, double u) {
  const double clamped = u > 0 ? std::min(u, 1.0) : 0.0;
  return std::visit(ValueFrom{clamped}, domain);
}

std::optional<double> UnitSlope(const Domain& domain,
                                const ParameterValue& value) {
  const auto* range = std::get_if<DoubleDomain>(&domain);
  const std::optional<double> number = AsNumber(value);
  if (range == nullptr || !IsContinuous(*range) || !number) return std::nullopt;
  return UnitRangeSlope(range->scale, range->min, range->max, *number);
}

std::string ToText(const Domain& domain) {
  return std::visit(Describe{}, domain);
}

}  // namespace assay
