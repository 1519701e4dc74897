#include "proto/convert_schedule.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "search/base/status_macros.h"
#include "search/schedules/check_schedule.h"

namespace assay {
namespace {

constexpr int32_t kSizeOfPb2 = 4;
constexpr int32_t kChains = 4;
constexpr int64_t kIntervals = 20;  // Of a population, if it says nothing.
constexpr int64_t kMoves = 10;      // Of chains.

absl::Status Invalid(const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat("schedule", what));
}

// Schedules are named as the fields are.
std::string NameOf(const v1::Schedule& message) {
  const auto* field =
      v1::Schedule::descriptor()->FindFieldByNumber(message.kind_case());
  return field == nullptr ? "asha" : field->name();
}

template <typename T>
T OrDefault(T value, T default_value) {
  return value == 0 ? default_value : value;
}

absl::StatusOr<StepUnit> ToUnit(v1::Schedule::Unit unit) {
  if (unit == v1::Schedule::UNIT_UNSPECIFIED) return StepUnit::kSteps;
  if (v1::Schedule::Unit_IsValid(unit)) return static_cast<StepUnit>(unit);
  return Invalid(absl::StrCat(".unit: ", static_cast<int>(unit),
                              "; STEPS, SECONDS or EXAMPLES"));
}

int32_t ReductionOf(const v1::Schedule& message) {
  switch (message.kind_case()) {
    case v1::Schedule::kHyperband:
      return message.hyperband().reduction();
    case v1::Schedule::kPasha:
      return message.pasha().reduction();
    default:
      return message.asha().reduction();
  }
}

// Of pbt and pb2, which have these in common.
template <typename Message>
PopulationOptions ToPopulation(const Message& message, int32_t size,
                               int64_t max_steps) {
  PopulationOptions options;
  options.size = OrDefault(message.population(), size);
  options.interval = OrDefault(message.interval(),
                               std::max<int64_t>(1, max_steps / kIntervals));
  if (message.has_quantile()) options.quantile = message.quantile();
  return options;
}

PopulationOptions ToChains(const v1::GradientSchedule& message,
                           int64_t max_steps) {
  PopulationOptions options;
  options.size = OrDefault(message.chains(), kChains);
  options.interval =
      OrDefault(message.interval(), std::max<int64_t>(1, max_steps / kMoves));
  return options;
}

PopulationOptions PopulationOf(const v1::Schedule& message) {
  const int64_t max_steps = message.max_steps();
  if (message.has_gradient()) return ToChains(message.gradient(), max_steps);
  if (message.has_pb2()) {
    return ToPopulation(message.pb2(), kSizeOfPb2, max_steps);
  }
  PopulationOptions options =
      ToPopulation(message.pbt(), PopulationOptions().size, max_steps);
  if (message.pbt().has_resample()) options.resample = message.pbt().resample();
  return options;
}

// Of the metric that gradients are asked of.
absl::StatusOr<Goal> ToGoal(v1::Goal goal, const StudySpec& spec) {
  if (goal != v1::GOAL_UNSPECIFIED && !v1::Goal_IsValid(goal)) {
    return Invalid(absl::StrCat(".gradient.goal: ", static_cast<int>(goal),
                                "; MINIMIZE or MAXIMIZE"));
  }
  for (const MetricSpec& metric : spec.metrics) {
    if (metric.name != spec.gradients.metric) continue;
    if (goal == v1::GOAL_UNSPECIFIED ||
        static_cast<Goal>(goal) == metric.goal) {
      return metric.goal;
    }
    return Invalid(absl::StrCat(".gradient.goal: ", v1::Goal_Name(goal),
                                "; metric \"", metric.name, "\" says ",
                                ToText(metric.goal)));
  }
  return goal == v1::GOAL_UNSPECIFIED ? Goal::kMinimize
                                      : static_cast<Goal>(goal);
}

absl::StatusOr<GradientOptions> ToGradientOptions(
    const v1::GradientSchedule& message, const StudySpec& spec) {
  GradientOptions options;
  ASSAY_ASSIGN_OR_RETURN(options.goal, ToGoal(message.goal(), spec));
  if (message.has_rate()) options.rate = message.rate();
  if (message.has_audit_share()) options.audit_share = message.audit_share();
  options.random_directions = message.random_directions();
  return options;
}

}  // namespace

absl::StatusOr<ScheduleSpec> ToSchedule(const v1::Schedule& message,
                                        const StudySpec& rest) {
  if (rest.space.empty()) {
    return Invalid(
        ": set; none in a study without parameters: nothing is "
        "proposed");
  }
  StudySpec spec = rest;
  ScheduleSpec& schedule = spec.schedule;
  schedule.name = NameOf(message);
  schedule.max_steps = message.max_steps();
  schedule.min_steps = OrDefault<int64_t>(message.min_steps(), 1);
  ASSAY_ASSIGN_OR_RETURN(schedule.unit, ToUnit(message.unit()));
  schedule.reduction = OrDefault(ReductionOf(message), schedule.reduction);
  schedule.population = PopulationOf(message);
  if (message.has_gradient()) {
    ASSAY_ASSIGN_OR_RETURN(schedule.gradient,
                           ToGradientOptions(message.gradient(), spec));
  }
  ASSAY_RETURN_IF_ERROR(CheckSchedule(spec));
  return schedule;
}

}  // namespace assay
