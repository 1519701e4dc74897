#include "search/schedules/check_schedule.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "search/base/status_macros.h"
#include "search/domain.h"

namespace assay {
namespace {

constexpr int32_t kMaxReduction = 100;
constexpr int32_t kMaxPopulation = 1000;
constexpr double kMaxRate = 0.5;

absl::Status Invalid(const std::string& field, const std::string& value,
                     const std::string& allowed) {
  return absl::InvalidArgumentError(
      absl::StrCat("schedule", field, ": ", value, "; ", allowed));
}

absl::Status CheckRange(const std::string& field, int64_t value, int64_t min,
                        int64_t max) {
  if (value >= min && value <= max) return absl::OkStatus();
  return Invalid(field, absl::StrCat(value), absl::StrCat(min, " to ", max));
}

absl::Status CheckShare(const std::string& field, double value, double max) {
  if (value >= 0 && value <= max) return absl::OkStatus();
  return Invalid(field, ToText(ParameterValue(value)),
                 absl::StrCat("0 to ", max));
}

absl::Status CheckPopulation(const ScheduleSpec& schedule) {
  const PopulationOptions& options = schedule.population;
  const std::string name = absl::StrCat(".", schedule.name);
  ASSAY_RETURN_IF_ERROR(
      CheckRange(name + ".population", options.size, 2, kMaxPopulation));
  ASSAY_RETURN_IF_ERROR(
      CheckRange(name + ".interval", options.interval, 1, schedule.max_steps));
  ASSAY_RETURN_IF_ERROR(CheckShare(name + ".quantile", options.quantile, 0.5));
  return CheckShare(name + ".resample", options.resample, 1);
}

absl::Status CheckGradient(const StudySpec& spec) {
  const ScheduleSpec& schedule = spec.schedule;
  if (!spec.gradients.exists()) {
    return Invalid(".gradient", "without gradients",
                   "say in `gradients` what trials are to report");
  }
  ASSAY_RETURN_IF_ERROR(CheckRange(".gradient.chains", schedule.population.size,
                                   1, kMaxPopulation));
  ASSAY_RETURN_IF_ERROR(CheckRange(".gradient.interval",
                                   schedule.population.interval, 1,
                                   schedule.max_steps));
  if (!(schedule.gradient.rate > 0 && schedule.gradient.rate <= kMaxRate)) {
    return Invalid(".gradient.rate",
                   ToText(ParameterValue(schedule.gradient.rate)),
                   absl::StrCat("above 0, at most ", kMaxRate));
  }
  return CheckShare(".gradient.audit_share", schedule.gradient.audit_share, 1);
}

absl::Status CheckRest(const StudySpec& spec) {
  const std::string& name = spec.schedule.name;
  const bool continues = spec.schedule.IsPopulation() ||
                         spec.schedule.min_steps < spec.schedule.max_steps;
  if (spec.replicates > 1 && continues) {
    return Invalid("", absl::StrCat("with replicates.count ", spec.replicates),
                   "one of them: what goes on from a checkpoint has no "
                   "replicates");
  }
  const size_t objectives = Objectives(spec).size();
  if (objectives == 1 || name == "asha" || name == "hyperband") {
    return absl::OkStatus();
  }
  return Invalid(absl::StrCat(".", name),
                 absl::StrCat(objectives, " objectives"),
                 "one; asha and hyperband take several");
}

}  // namespace

std::vector<std::string> ScheduleNames() {
  return {"asha", "gradient", "hyperband", "pasha", "pb2", "pbt"};
}

absl::Status CheckSchedule(const StudySpec& spec) {
  const ScheduleSpec& schedule = spec.schedule;
  if (!schedule.exists()) return absl::OkStatus();
  const std::vector<std::string> names = ScheduleNames();
  if (std::find(names.begin(), names.end(), schedule.name) == names.end()) {
    return Invalid("", absl::StrCat("\"", schedule.name, "\""),
                   absl::StrCat("one of ", absl::StrJoin(names, ", ")));
  }
  ASSAY_RETURN_IF_ERROR(
      CheckRange(".max_steps", schedule.max_steps, 1, kMaxInteger));
  ASSAY_RETURN_IF_ERROR(
      CheckRange(".min_steps", schedule.min_steps, 1, schedule.max_steps));
  if (schedule.name == "gradient") {
    ASSAY_RETURN_IF_ERROR(CheckGradient(spec));
  } else if (schedule.IsPopulation()) {
    ASSAY_RETURN_IF_ERROR(CheckPopulation(schedule));
  } else {
    ASSAY_RETURN_IF_ERROR(
        CheckRange(absl::StrCat(".", schedule.name, ".reduction"),
                   schedule.reduction, 2, kMaxReduction));
  }
  return CheckRest(spec);
}

}  // namespace assay
