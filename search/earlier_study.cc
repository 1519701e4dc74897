#include "search/earlier_study.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "search/base/status_macros.h"
#include "search/domain.h"

namespace assay {
namespace {

const MetricSpec* FindMetric(const StudySpec& spec, const std::string& name) {
  for (const MetricSpec& metric : spec.metrics) {
    if (metric.name == name) return &metric;
  }
  return nullptr;
}

absl::Status CheckGoals(const StudySpec& spec, const StudySpec& earlier) {
  for (const MetricSpec& metric : spec.metrics) {
    const MetricSpec* other = FindMetric(earlier, metric.name);
    if (other == nullptr || other->goal == metric.goal) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "its metric \"", metric.name, "\" has the goal ", ToText(other->goal),
        ", this study's has ", ToText(metric.goal)));
  }
  return absl::OkStatus();
}

std::string ObjectiveNames(const StudySpec& spec) {
  std::string names;
  for (const int i : Objectives(spec)) {
    absl::StrAppend(&names, names.empty() ? "" : ", ", spec.metrics[i].name);
  }
  return names;
}

bool IsActive(const SearchSpace& space, int i, const Parameters& parameters) {
  const int parent = space.parent(i);
  if (parent < 0) return true;
  const Parameter& of = space.parameters()[parent];
  const auto value = parameters.find(of.name);
  if (value == parameters.end()) return false;
  const auto levels = space.active_levels(i);
  const auto level = LevelOf(of.domain, value->second);
  return level && std::binary_search(levels.begin(), levels.end(), *level);
}

absl::StatusOr<ParameterValue> TakeValue(const Parameter& parameter,
                                         const Parameters& given) {
  const auto value = given.find(parameter.name);
  if (value == given.end()) {
    if (parameter.default_value) {
      return CanonicalValue(parameter.domain, *parameter.default_value);
    }
    return absl::InvalidArgumentError(
        absl::StrCat(parameter.name, " is missing and has no default"));
  }
  absl::StatusOr<ParameterValue> taken =
      CanonicalValue(parameter.domain, value->second);
  if (taken.ok()) return taken;
  return absl::InvalidArgumentError(
      absl::StrCat(parameter.name, " is not in its domain here"));
}

bool HasEachObjective(const Trial& trial, const StudySpec& spec) {
  for (const int i : Objectives(spec)) {
    const auto value = trial.final_metrics.find(spec.metrics[i].name);
    if (value == trial.final_metrics.end()) return false;
    if (!std::isfinite(value->second)) return false;
  }
  return true;
}

absl::Status CheckResult(const Trial& trial, const StudySpec& spec,
                         Trust trust) {
  const bool has_values = trial.state == TrialState::kCompleted ||
                          trial.state == TrialState::kStopped;
  if (trial.state != TrialState::kCompleted && trust == Trust::kSimilar) {
    return absl::InvalidArgumentError(
        absl::StrCat("it is ", ToText(trial.state)));
  }
  if (!has_values || HasEachObjective(trial, spec)) return absl::OkStatus();
  return absl::InvalidArgumentError("an objective has no value");
}

absl::StatusOr<Trial> Copy(const Trial& trial, const StudySpec& spec,
                           Trust trust) {
  ASSAY_RETURN_IF_ERROR(CheckResult(trial, spec, trust));
  Trial copy;
  ASSAY_ASSIGN_OR_RETURN(copy.parameters,
                         TakeOver(trial.parameters, spec.space));
  copy.number = trial.number;
  copy.state = trial.state;
  copy.final_metrics = trial.final_metrics;
  copy.last_step = trial.last_step;
  return copy;
}

}  // namespace

absl::Status CheckEarlier(const StudySpec& spec, const StudySpec& earlier) {
  ASSAY_RETURN_IF_ERROR(CheckGoals(spec, earlier));
  for (const int i : Objectives(spec)) {
    const MetricSpec* other = FindMetric(earlier, spec.metrics[i].name);
    if (other != nullptr && !other->bound) return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("it has none of the objectives ", ObjectiveNames(spec),
                   ", but ", ObjectiveNames(earlier)));
}

absl::StatusOr<Parameters> TakeOver(const Parameters& parameters,
                                    const SearchSpace& space) {
  Parameters taken;
  for (const int i : space.parents_first()) {
    if (!IsActive(space, i, taken)) continue;
    const Parameter& parameter = space.parameters()[i];
    ASSAY_ASSIGN_OR_RETURN(taken[parameter.name],
                           TakeValue(parameter, parameters));
  }
  if (space.Satisfies(taken)) return taken;
  return absl::InvalidArgumentError("a constraint is broken");
}

void AddEarlier(const Trial& trial, const StudySpec& spec,
                EarlierStudy& earlier) {
  absl::StatusOr<Trial> copy = Copy(trial, spec, earlier.trust);
  if (copy.ok()) {
    earlier.trials.push_back(*std::move(copy));
    ++earlier.used;
  } else {
    ++earlier.unused[std::string(copy.status().message())];
  }
}

}  // namespace assay
