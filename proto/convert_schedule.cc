#include "proto/convert_schedule.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "search/base/status_macros.h"
#include "search/schedules/check_schedule.h"

namespace assay {
namespace {

constexpr int32_t kSizeOfPb2 = 4;
constexpr int64_t kIntervals = 20;  // Of a population, if it says nothing.

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

PopulationOptions PopulationOf(const v1::Schedule& message) {
  const int64_t max_steps = message.max_steps();
  if (message.has_pb2()) {
    return ToPopulation(message.pb2(), kSizeOfPb2, max_steps);
  }
  PopulationOptions options =
      ToPopulation(message.pbt(), PopulationOptions().size, max_steps);
  if (message.pbt().has_resample()) options.resample = message.pbt().resample();
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
  ASSAY_RETURN_IF_ERROR(CheckSchedule(spec));
  return schedule;
}

}  // namespace assay
