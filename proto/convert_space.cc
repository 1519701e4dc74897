#include "proto/convert_space.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "proto/convert_checks.h"
#include "proto/convert_values.h"
#include "search/base/status_macros.h"
#include "search/domain.h"
#include "search/prior.h"

namespace assay::convert {
namespace {

absl::StatusOr<Scale> ToScale(v1::Scale scale, const std::string& path) {
  switch (scale) {
    case v1::SCALE_UNSPECIFIED:
    case v1::LINEAR:
      return Scale::kLinear;
    case v1::LOG:
      return Scale::kLog;
    case v1::REVERSE_LOG:
      return Scale::kReverseLog;
    case v1::LOGIT:
      return Scale::kLogit;
    default:
      return Invalid(path, absl::StrCat(static_cast<int>(scale)),
                     "LINEAR, LOG, REVERSE_LOG or LOGIT");
  }
}

absl::StatusOr<Domain> ToDomain(const v1::DoubleDomain& message,
                                const std::string& path) {
  DoubleDomain domain;
  domain.min = message.min();
  domain.max = message.max();
  ASSAY_ASSIGN_OR_RETURN(
      domain.scale, ToScale(message.scale(), absl::StrCat(path, ".scale")));
  if (message.has_step()) domain.step = message.step();
  if (domain.min == domain.max) {
    return Invalid(absl::StrCat(path, ".max"), Text(domain.max),
                   "above min, which is the same");
  }
  return domain;
}

absl::StatusOr<Domain> ToDomain(const v1::IntegerDomain& message,
                                const std::string& path) {
  ASSAY_RETURN_IF_ERROR(CheckRange(absl::StrCat(path, ".min"), message.min(),
                                   -kMaxInteger, kMaxInteger));
  ASSAY_RETURN_IF_ERROR(CheckRange(absl::StrCat(path, ".max"), message.max(),
                                   -kMaxInteger, kMaxInteger));
  IntegerDomain domain{.min = message.min(), .max = message.max()};
  ASSAY_ASSIGN_OR_RETURN(
      domain.scale, ToScale(message.scale(), absl::StrCat(path, ".scale")));
  if (message.step() != 0) domain.step = message.step();
  return domain;
}

absl::StatusOr<Domain> ToDomain(const v1::CategoricalDomain& message,
                                const std::string& path) {
  CategoricalDomain domain;
  ASSAY_ASSIGN_OR_RETURN(
      domain.values, ToValues(message.values(), absl::StrCat(path, ".values")));
  return domain;
}

absl::StatusOr<Domain> ToDomain(const v1::DiscreteDomain& message,
                                const std::string&) {
  return DiscreteDomain{
      .values = {message.values().begin(), message.values().end()}};
}

absl::StatusOr<Domain> ToDomain(const v1::Parameter& message,
                                const std::string& path) {
  switch (message.domain_case()) {
    case v1::Parameter::kDouble:
      return ToDomain(message.double_(), absl::StrCat(path, ".double"));
    case v1::Parameter::kInteger:
      return ToDomain(message.integer(), absl::StrCat(path, ".integer"));
    case v1::Parameter::kCategorical:
      return ToDomain(message.categorical(),
                      absl::StrCat(path, ".categorical"));
    case v1::Parameter::kDiscrete:
      return ToDomain(message.discrete(), absl::StrCat(path, ".discrete"));
    case v1::Parameter::DOMAIN_NOT_SET:
      break;
  }
  return Invalid(path, "no domain",
                 "one of double, integer, categorical, discrete");
}

absl::StatusOr<Prior> ToPrior(const v1::Prior& message,
                              const std::string& path) {
  constexpr absl::string_view kAllowed = "one of normal, weights";
  const bool weights = message.weights_size() > 0;
  if (message.has_normal() && weights) return Invalid(path, "both", kAllowed);
  if (weights) {
    return WeightsPrior{{message.weights().begin(), message.weights().end()}};
  }
  if (!message.has_normal()) return Invalid(path, "missing", kAllowed);
  if (!message.normal().has_mean()) {
    return Invalid(absl::StrCat(path, ".normal.mean"), "missing",
                   "a number of the parameter's range");
  }
  NormalPrior normal{.mean = message.normal().mean()};
  if (message.normal().deviation() != 0) {
    normal.deviation = message.normal().deviation();
  }
  return normal;
}

absl::StatusOr<Parameter> ToParameter(const v1::Parameter& message,
                                      const std::string& path) {
  if (HasControlCharacter(message.name())) {
    return Invalid(absl::StrCat(path, ".name"), Quote(message.name()),
                   "no control characters");
  }
  Parameter parameter;
  parameter.name = message.name();
  ASSAY_ASSIGN_OR_RETURN(parameter.domain, ToDomain(message, path));
  if (message.has_default_()) {
    ASSAY_ASSIGN_OR_RETURN(parameter.default_value,
                           ToValue(message.default_(), [&] {
                             return absl::StrCat(path, ".default");
                           }));
  }
  if (message.has_when()) {
    parameter.when.emplace().parent = message.when().parent();
    ASSAY_ASSIGN_OR_RETURN(
        parameter.when->values,
        ToValues(message.when().values(), absl::StrCat(path, ".when.values")));
  }
  if (message.has_prior()) {
    ASSAY_ASSIGN_OR_RETURN(
        parameter.prior,
        ToPrior(message.prior(), absl::StrCat(path, ".prior")));
  }
  return parameter;
}

}  // namespace

absl::StatusOr<SearchSpace> ToSearchSpace(const v1::StudySpec& message) {
  std::vector<Parameter> parameters;
  parameters.reserve(message.parameters_size());
  for (int i = 0; i < message.parameters_size(); ++i) {
    const v1::Parameter& parameter = message.parameters(i);
    const std::string path =
        absl::StrCat(Element("parameters", i), " ", Quote(parameter.name()));
    ASSAY_ASSIGN_OR_RETURN(Parameter value, ToParameter(parameter, path));
    parameters.push_back(std::move(value));
  }
  if (message.constraints_size() > kMaxConstraints) {
    return Invalid("constraints", absl::StrCat(message.constraints_size()),
                   "at most 1000");
  }
  absl::StatusOr<SearchSpace> space = SearchSpace::Create(
      std::move(parameters),
      {message.constraints().begin(), message.constraints().end()});
  if (!space.ok()) return Shortened(space.status());
  return space;
}

}  // namespace assay::convert
