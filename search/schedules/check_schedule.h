#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "search/study.h"

namespace assay {

// The names of schedules, sorted.
std::vector<std::string> ScheduleNames();

// InvalidArgument, naming the field, its value and what is allowed, if the spec
// has a schedule that is none, or that does not go with the rest of it.
absl::Status CheckSchedule(const StudySpec& spec);

}  // namespace assay
