#include "search/stopping/check_rule.h"

#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "search/base/status_macros.h"

namespace assay {
namespace {

absl::Status Refused(const std::string& field, const std::string& value,
                     const std::string& allowed) {
  return absl::InvalidArgumentError(
      absl::StrCat("stopping: ", field, " ", value, ", must be ", allowed));
}

absl::Status CheckAtLeast(const std::string& field, int64_t value,
                          int64_t least) {
  if (value >= least) return absl::OkStatus();
  return Refused(field, absl::StrCat(value), absl::StrCat(least, " or more"));
}

absl::Status CheckAbove(const std::string& field, double value, double low,
                        double high) {
  if (value > low && value <= high) return absl::OkStatus();
  return Refused(field, ToText(value),
                 absl::StrCat("above ", low, " and at most ", high));
}

absl::Status CheckFinite(const std::string& field,
                         const std::optional<double>& value) {
  if (!value || std::isfinite(*value)) return absl::OkStatus();
  return Refused(field, ToText(*value), "finite");
}

absl::Status CheckFactor(const std::string& field,
                         const std::optional<double>& value) {
  if (!value || (*value > 1 && std::isfinite(*value))) return absl::OkStatus();
  return Refused(field, ToText(*value), "above 1 and finite");
}

absl::Status CheckMetric(const StudySpec& study, const std::string& name) {
  if (name.empty() && !Objectives(study).empty()) return absl::OkStatus();
  for (const MetricSpec& metric : study.metrics) {
    if (metric.name == name) return absl::OkStatus();
  }
  const auto append = [](std::string* out, const MetricSpec& metric) {
    out->append(metric.name);
  };
  return absl::InvalidArgumentError(
      absl::StrCat("stopping: metric \"", name, "\" is unknown, there are ",
                   absl::StrJoin(study.metrics, ", ", append)));
}

absl::Status CheckSteps(const RuleSpec& rule) {
  ASSAY_RETURN_IF_ERROR(CheckAtLeast("warmup_steps", rule.warmup_steps, 0));
  ASSAY_RETURN_IF_ERROR(CheckAtLeast("grace_steps", rule.grace_steps, 0));
  ASSAY_RETURN_IF_ERROR(CheckAtLeast("interval_steps", rule.interval_steps, 1));
  ASSAY_RETURN_IF_ERROR(CheckAtLeast("patience_steps", rule.patience_steps, 1));
  ASSAY_RETURN_IF_ERROR(CheckAtLeast("min_steps", rule.min_steps, 1));
  ASSAY_RETURN_IF_ERROR(CheckAtLeast("max_steps", rule.max_steps, 0));
  if (rule.name == "curve") {
    return CheckAtLeast("max_steps", rule.max_steps, 1);
  }
  if (rule.name != "asha" || rule.max_steps == 0) return absl::OkStatus();
  return CheckAtLeast("max_steps", rule.max_steps, rule.min_steps + 1);
}

}  // namespace

absl::Status CheckRule(const StudySpec& study, const RuleSpec& rule) {
  ASSAY_RETURN_IF_ERROR(CheckMetric(study, rule.metric));
  ASSAY_RETURN_IF_ERROR(CheckSteps(rule));
  ASSAY_RETURN_IF_ERROR(CheckAtLeast("min_trials", rule.min_trials, 1));
  ASSAY_RETURN_IF_ERROR(CheckAtLeast("min_pairs", rule.min_pairs, 1));
  ASSAY_RETURN_IF_ERROR(CheckAtLeast("reduction", rule.reduction, 2));
  ASSAY_RETURN_IF_ERROR(CheckAbove("percent", rule.percent, 0, 100));
  ASSAY_RETURN_IF_ERROR(CheckAbove("p", rule.p, 0, 0.5));
  ASSAY_RETURN_IF_ERROR(CheckAbove("chance", rule.chance, 0, 0.5));
  ASSAY_RETURN_IF_ERROR(CheckFinite("lower", rule.lower));
  ASSAY_RETURN_IF_ERROR(CheckFinite("upper", rule.upper));
  ASSAY_RETURN_IF_ERROR(CheckFactor("best_factor", rule.best_factor));
  ASSAY_RETURN_IF_ERROR(CheckFactor("first_factor", rule.first_factor));
  if (rule.lower && rule.upper && *rule.lower > *rule.upper) {
    return Refused("lower", ToText(*rule.lower),
                   absl::StrCat("at most upper, ", ToText(*rule.upper)));
  }
  if (!(rule.min_delta >= 0 && std::isfinite(rule.min_delta))) {
    return Refused("min_delta", ToText(rule.min_delta), "0 or more and finite");
  }
  if (rule.smoothing >= 0 && rule.smoothing < 1) return absl::OkStatus();
  return Refused("smoothing", ToText(rule.smoothing), "0 or more and below 1");
}

}  // namespace assay
