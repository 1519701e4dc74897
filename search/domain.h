#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "search/parameter.h"

// Rules of one domain. All but CheckDomain() REQUIRE a domain that passed it.

namespace assay {

// Integers beyond +-2^53 are refused: they would not survive a double.
constexpr int64_t kMaxInteger = int64_t{1} << 53;

// InvalidArgument, without the parameter's name, if the domain is wrong:
// "min 0.1 is above max 0.01".
absl::Status CheckDomain(const Domain& domain, int max_categories);

// How many values there are; nullopt if it is continuous. A range of one point
// has one value.
std::optional<int64_t> Levels(const Domain& domain);

// The k-th value, from 0. REQUIRES: 0 <= k < *Levels(domain).
ParameterValue LevelValue(const Domain& domain, int64_t k);

// Which value it is; nullopt if it is none of them or the domain is
// continuous. Stepped and discrete numbers may be off by a rounding error.
std::optional<int64_t> LevelOf(const Domain& domain,
                               const ParameterValue& value);

// The value in the domain's type and on its grid. InvalidArgument, without the
// parameter's name, if it is not in the domain: "0.5 is above max 0.1".
absl::StatusOr<ParameterValue> CanonicalValue(const Domain& domain,
                                              const ParameterValue& value);

// The value's place in [0, 1]. A continuous one follows its scale, 0 is min and
// 1 is max. Level k of K is the centre of its cell, (k + 1/2) / K; on a scale
// that is not linear, the cells' borders, half a step from their values, are
// what is spread over [0, 1] (integers on a log scale: (log x - log(min - 1/2))
// / (log(max + 1/2) - log(min - 1/2))). REQUIRES: the value is in the domain.
double ToUnit(const Domain& domain, const ParameterValue& value);

// The inverse; `u` is clamped to [0, 1], NaN counts as 0.
ParameterValue FromUnit(const Domain& domain, double u);

// d value / d unit, > 0, at the value; nullopt if the domain is not continuous.
// REQUIRES: the value is in the domain.
std::optional<double> UnitSlope(const Domain& domain,
                                const ParameterValue& value);

// "from 0.1 to 1 in steps of 0.1", "sgd, adam": for messages.
std::string ToText(const Domain& domain);

}  // namespace assay
