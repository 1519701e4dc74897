#include "search/search_space.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "search/base/status_macros.h"
#include "search/base/utf8.h"
#include "search/domain.h"
#include "search/math/random.h"
#include "search/mixed_radix.h"
#include "search/prior_density.h"

namespace assay {
namespace {

constexpr int kConstraintSamples = 1000;
constexpr int64_t kInactive = -1;

absl::Status Bad(const std::string& what) {
  return absl::InvalidArgumentError(what);
}

std::string Named(const std::string& name) {
  return absl::StrCat("parameter \"", name, "\": ");
}

absl::Status About(const std::string& name, const absl::Status& status) {
  if (status.ok()) return status;
  return Bad(absl::StrCat(Named(name), status.message()));
}

absl::Status CheckName(const std::string& name) {
  if (name.empty()) return Bad("a parameter has no name");
  if (!IsUtf8(name)) return Bad("the name of a parameter is not valid UTF-8");
  if (name.size() <= SearchSpace::kMaxNameBytes) return absl::OkStatus();
  return Bad(absl::StrCat(Named(name), "a name of ", name.size(),
                          " bytes, allowed are ", SearchSpace::kMaxNameBytes));
}

absl::Status SetDefault(Parameter& parameter) {
  if (!parameter.default_value) return absl::OkStatus();
  auto value = CanonicalValue(parameter.domain, *parameter.default_value);
  if (!value.ok()) {
    return Bad(absl::StrCat("default ", value.status().message()));
  }
  parameter.default_value = *std::move(value);
  return absl::OkStatus();
}

absl::Status CheckParameter(Parameter& parameter) {
  ASSAY_RETURN_IF_ERROR(CheckName(parameter.name));
  ASSAY_RETURN_IF_ERROR(
      About(parameter.name,
            CheckDomain(parameter.domain, SearchSpace::kMaxCategories)));
  ASSAY_RETURN_IF_ERROR(About(parameter.name, SetDefault(parameter)));
  if (!parameter.prior) return absl::OkStatus();
  return About(parameter.name, CheckPrior(parameter.domain, *parameter.prior));
}

absl::StatusOr<Expression> ParseConstraint(const std::string& text) {
  absl::StatusOr<Expression> constraint = Expression::Parse(text);
  if (constraint.ok()) return constraint;
  return Bad(absl::StrCat("constraint \"", text.substr(0, 200),
                          "\": ", constraint.status().message()));
}

absl::StatusOr<std::vector<Expression>> ParseConstraints(
    const std::vector<std::string>& texts) {
  size_t bytes = 0;
  for (const std::string& text : texts) bytes += text.size();
  if (bytes > SearchSpace::kMaxConstraintBytes) {
    return Bad(absl::StrCat("constraints of ", bytes, " bytes, allowed are ",
                            SearchSpace::kMaxConstraintBytes));
  }
  std::vector<Expression> constraints;
  for (const std::string& text : texts) {
    ASSAY_ASSIGN_OR_RETURN(Expression constraint, ParseConstraint(text));
    constraints.push_back(std::move(constraint));
  }
  return constraints;
}

absl::Status CheckCount(size_t count) {
  if (count <= SearchSpace::kMaxParameters) return absl::OkStatus();
  return Bad(absl::StrCat(count, " parameters, allowed are ",
                          SearchSpace::kMaxParameters));
}

// What a study without a space accepts.
absl::Status CheckFree(const Parameters& parameters) {
  ASSAY_RETURN_IF_ERROR(CheckCount(parameters.size()));
  for (const auto& [name, value] : parameters) {
    ASSAY_RETURN_IF_ERROR(CheckName(name));
    const std::optional<double> number = AsNumber(value);
    if (number && !std::isfinite(*number)) {
      return Bad(absl::StrCat(Named(name), ToText(value), ", must be finite"));
    }
  }
  return absl::OkStatus();
}

bool Passes(const Expression& constraint, const Parameters& parameters) {
  const auto lookup = [&](const std::string& name) -> const ParameterValue* {
    const auto it = parameters.find(name);
    return it == parameters.end() ? nullptr : &it->second;
  };
  return constraint.Evaluate(lookup, Expression::Missing::kTrue);
}

std::string NamesOf(absl::Span<const Parameter> parameters) {
  constexpr size_t kShown = 12;
  const auto append = [](std::string* out, const Parameter& parameter) {
    out->append(parameter.name);
  };
  return absl::StrCat(
      absl::StrJoin(parameters.subspan(0, kShown), ", ", append),
      parameters.size() > kShown ? ", ..." : "");
}

const Parameter* FindByName(absl::Span<const Parameter> parameters,
                            const std::string& name) {
  for (const Parameter& parameter : parameters) {
    if (parameter.name == name) return &parameter;
  }
  return nullptr;
}

std::string ConditionText(const Condition& when) {
  const auto append = [](std::string* out, const ParameterValue& value) {
    out->append(ToText(value));
  };
  return absl::StrCat("\"", when.parent, "\" is ",
                      absl::StrJoin(when.values, " or ", append));
}

// Why a value was given that must not be.
absl::Status Superfluous(absl::Span<const Parameter> parameters,
                         const std::string& name) {
  const Parameter* parameter = FindByName(parameters, name);
  if (parameter == nullptr) {
    return Bad(absl::StrCat(Named(name), "unknown, the space has ",
                            NamesOf(parameters)));
  }
  return Bad(absl::StrCat(Named(name), "not active here, only when ",
                          ConditionText(*parameter->when)));
}

}  // namespace

SearchSpace::SearchSpace(std::vector<Parameter> parameters,
                         std::vector<Expression> constraints)
    : parameters_(std::move(parameters)),
      constraints_(std::move(constraints)),
      parent_(parameters_.size(), -1),
      children_(parameters_.size()),
      active_levels_(parameters_.size()) {}

absl::StatusOr<SearchSpace> SearchSpace::Create(
    std::vector<Parameter> parameters, std::vector<std::string> constraints) {
  ASSAY_RETURN_IF_ERROR(CheckCount(parameters.size()));
  for (Parameter& parameter : parameters) {
    ASSAY_RETURN_IF_ERROR(CheckParameter(parameter));
  }
  ASSAY_ASSIGN_OR_RETURN(std::vector<Expression> parsed,
                         ParseConstraints(constraints));
  SearchSpace space(std::move(parameters), std::move(parsed));
  ASSAY_RETURN_IF_ERROR(space.Link());
  ASSAY_RETURN_IF_ERROR(space.SortParentsFirst());
  ASSAY_RETURN_IF_ERROR(space.CheckConstraints());
  return space;
}

absl::Status SearchSpace::Link() {
  absl::flat_hash_map<std::string, int> index;
  for (int i = 0; i < encoded_size(); ++i) {
    const std::string& name = parameters_[i].name;
    if (!index.emplace(name, i).second) {
      return Bad(absl::StrCat(Named(name), "declared twice"));
    }
  }
  for (int i = 0; i < encoded_size(); ++i) {
    const Parameter& parameter = parameters_[i];
    if (!parameter.when) {
      roots_.push_back(i);
      continue;
    }
    const auto parent = index.find(parameter.when->parent);
    if (parent == index.end()) {
      return Bad(absl::StrCat(Named(parameter.name), "parent \"",
                              parameter.when->parent, "\" is unknown"));
    }
    ASSAY_RETURN_IF_ERROR(
        About(parameter.name, LinkToParent(i, parent->second)));
  }
  return absl::OkStatus();
}

absl::Status SearchSpace::LinkToParent(int i, int parent) {
  const Condition& when = *parameters_[i].when;
  const Domain& domain = parameters_[parent].domain;
  if (!Levels(domain)) {
    return Bad(absl::StrCat("parent \"", when.parent,
                            "\" is continuous, a condition needs a step, an "
                            "integer, a categorical or a discrete one"));
  }
  if (when.values.empty()) {
    return Bad(absl::StrCat("no values of \"", when.parent,
                            "\" given, at least one is needed"));
  }
  std::vector<int64_t>& active = active_levels_[i];
  for (const ParameterValue& value : when.values) {
    const std::optional<int64_t> level = LevelOf(domain, value);
    if (!level) {
      return Bad(absl::StrCat("parent \"", when.parent, "\" is never ",
                              ToText(value), ", allowed: ", ToText(domain)));
    }
    active.push_back(*level);
  }
  std::sort(active.begin(), active.end());
  active.erase(std::unique(active.begin(), active.end()), active.end());
  parent_[i] = parent;
  children_[parent].push_back(i);
  return absl::OkStatus();
}

// Breadth first from the roots: what is not reached hangs on a cycle.
absl::Status SearchSpace::SortParentsFirst() {
  parents_first_ = roots_;
  for (size_t next = 0; next < parents_first_.size(); ++next) {
    const std::vector<int>& children = children_[parents_first_[next]];
    parents_first_.insert(parents_first_.end(), children.begin(),
                          children.end());
  }
  if (parents_first_.size() == parameters_.size()) return absl::OkStatus();
  std::vector<bool> reached(parameters_.size());
  for (const int i : parents_first_) reached[i] = true;
  const auto lost = std::find(reached.begin(), reached.end(), false);
  return Bad(Cycle(static_cast<int>(lost - reached.begin())));
}

// Follows the parents from `start`, which leads into a cycle.
std::string SearchSpace::Cycle(int start) const {
  constexpr size_t kShown = 12;
  for (int i = 0; i < encoded_size(); ++i) start = parent_[start];
  std::vector<std::string> names = {parameters_[start].name};
  for (int i = parent_[start]; i != start && names.size() < kShown;
       i = parent_[i]) {
    names.push_back(parameters_[i].name);
  }
  names.push_back(names.size() < kShown ? names[0] : "...");
  return absl::StrCat(Named(names[0]), "its condition lies on a cycle: ",
                      absl::StrJoin(names, " -> "));
}

absl::Status SearchSpace::CheckConstraints() const {
  absl::flat_hash_set<std::string> names;
  for (const Parameter& parameter : parameters_) names.insert(parameter.name);
  for (const Expression& constraint : constraints_) {
    for (const std::string& name : constraint.names()) {
      if (names.contains(name)) continue;
      return Bad(absl::StrCat("constraint \"", constraint.text(),
                              "\": unknown parameter \"", name,
                              "\", the space has ", NamesOf(parameters_)));
    }
  }
  if (constraints_.empty()) return absl::OkStatus();
  Random random(0);
  std::vector<double> point(parameters_.size());
  for (int sample = 0; sample < kConstraintSamples; ++sample) {
    for (double& u : point) u = random.Uniform();
    if (Satisfies(Decode(point))) return absl::OkStatus();
  }
  return Bad(absl::StrCat("constraints: none of ", kConstraintSamples,
                          " random points passes all ", constraints_.size(),
                          ", the first is \"", constraints_[0].text(), "\""));
}

bool SearchSpace::IsActiveAt(int i, int64_t parent_level) const {
  return std::binary_search(active_levels_[i].begin(), active_levels_[i].end(),
                            parent_level);
}

absl::StatusOr<Parameters> SearchSpace::CanonicalValues(
    const Parameters& given) const {
  Parameters canonical;
  std::vector<int64_t> level(parameters_.size(), kInactive);
  for (const int i : parents_first_) {
    const Parameter& parameter = parameters_[i];
    if (parent_[i] >= 0 && !IsActiveAt(i, level[parent_[i]])) continue;
    const auto it = given.find(parameter.name);
    if (it == given.end()) {
      return Bad(absl::StrCat(Named(parameter.name),
                              "missing, allowed: ", ToText(parameter.domain)));
    }
    auto value = CanonicalValue(parameter.domain, it->second);
    if (!value.ok()) return About(parameter.name, value.status());
    if (!children_[i].empty()) level[i] = *LevelOf(parameter.domain, *value);
    canonical.emplace(parameter.name, *std::move(value));
  }
  for (const auto& [name, value] : given) {
    if (canonical.count(name) == 0) return Superfluous(parameters_, name);
  }
  return canonical;
}

absl::Status SearchSpace::Check(const Parameters& parameters) const {
  return Canonical(parameters).status();
}

absl::StatusOr<Parameters> SearchSpace::Canonical(
    const Parameters& parameters) const {
  if (empty()) {
    ASSAY_RETURN_IF_ERROR(CheckFree(parameters));
    return parameters;
  }
  ASSAY_ASSIGN_OR_RETURN(Parameters canonical, CanonicalValues(parameters));
  for (const Expression& constraint : constraints_) {
    if (Passes(constraint, canonical)) continue;
    return Bad(absl::StrCat(ToText(canonical), " violates the constraint \"",
                            constraint.text(), "\""));
  }
  return canonical;
}

bool SearchSpace::Satisfies(const Parameters& parameters) const {
  return std::all_of(constraints_.begin(), constraints_.end(),
                     [&](const Expression& constraint) {
                       return Passes(constraint, parameters);
                     });
}

std::vector<double> SearchSpace::Encode(const Parameters& parameters) const {
  std::vector<double> point(parameters_.size(),
                            std::numeric_limits<double>::quiet_NaN());
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const auto it = parameters.find(parameters_[i].name);
    if (it == parameters.end()) continue;
    point[i] = ToUnit(parameters_[i].domain, it->second);
  }
  return point;
}

Parameters SearchSpace::Decode(absl::Span<const double> point) const {
  Parameters parameters;
  std::vector<int64_t> level(parameters_.size(), kInactive);
  for (const int i : parents_first_) {
    const Parameter& parameter = parameters_[i];
    if (parent_[i] >= 0 && !IsActiveAt(i, level[parent_[i]])) continue;
    ParameterValue value = FromUnit(parameter.domain, point[i]);
    if (!children_[i].empty()) level[i] = *LevelOf(parameter.domain, value);
    parameters.emplace(parameter.name, std::move(value));
  }
  return parameters;
}

std::optional<int64_t> SearchSpace::Size(int points_per_continuous) const {
  return MixedRadix(*this, points_per_continuous).size();
}

Parameters SearchSpace::At(int64_t index, int points_per_continuous) const {
  return MixedRadix(*this, points_per_continuous).At(index);
}

}  // namespace assay
