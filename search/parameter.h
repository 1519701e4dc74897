#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "search/prior.h"

namespace assay {

// How a range is spread over the unit interval: the sampler draws u evenly in
// [0, 1], the scale maps it to the value.
//   kLinear:     min + u (max - min)
//   kLog:        min (max / min)^u                         needs min > 0
//   kReverseLog: max + min - min (max / min)^(1 - u)       needs min > 0
//   kLogit:      evenly in log(x / (1 - x))                needs 0 < min, max <
//   1
enum class Scale { kLinear, kLog, kReverseLog, kLogit };

// One value of a parameter. A categorical parameter may have values of each
// kind; a double (also stepped or discrete) is a double, an integer an int64_t.
using ParameterValue = std::variant<double, int64_t, std::string, bool>;

// Values by parameter name. Holds exactly the active parameters of a trial.
using Parameters = std::map<std::string, ParameterValue>;

// Both ends are included. With a step: min, min + step, ... up to max.
struct DoubleDomain {
  double min = 0;
  double max = 1;
  Scale scale = Scale::kLinear;
  std::optional<double> step = {};
};

// Both ends are included. kLogit is refused. With a step: min, min + step, ...
struct IntegerDomain {
  int64_t min = 0;
  int64_t max = 1;
  Scale scale = Scale::kLinear;
  int64_t step = 1;
};

// Unordered choices, each different.
struct CategoricalDomain {
  std::vector<ParameterValue> values = {};
};

// Ordered numbers, rising.
struct DiscreteDomain {
  std::vector<double> values = {};
};

using Domain = std::variant<DoubleDomain, IntegerDomain, CategoricalDomain,
                            DiscreteDomain>;

// The parameter exists only while its parent is active and has one of `values`.
struct Condition {
  std::string parent = {};
  std::vector<ParameterValue> values = {};
};

struct Parameter {
  std::string name = {};
  Domain domain = {};
  std::optional<ParameterValue> default_value = {};
  std::optional<Condition> when = {};
  std::optional<Prior> prior = {};  // Must fit: search/prior_density.h.
};

// True if they are the same choice: 1 is 1.0, but neither "1" nor true.
bool SameValue(const ParameterValue& a, const ParameterValue& b);

// The number it is, or nullopt for a string or boolean.
std::optional<double> AsNumber(const ParameterValue& value);

// As people write it: 0.001, 3, adam, true. Doubles round-trip.
std::string ToText(const ParameterValue& value);

// {lr: 0.001, units: 3}: for messages and lists.
std::string ToText(const Parameters& parameters);

// A text equal for two sets of parameters exactly if they are the same
// configuration. -0.0 counts as 0.0, and 1 as 1.0.
std::string Identity(const Parameters& parameters);

}  // namespace assay
