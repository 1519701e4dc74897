#pragma once

#include "absl/status/statusor.h"
#include "assay/v1/study.pb.h"
#include "search/study.h"

namespace assay {

// The schedule of a study, defaults filled in. InvalidArgument, naming the
// field, its value and what is allowed (search/schedules/check_schedule.h).
// `rest`: what else is known of the spec.
absl::StatusOr<ScheduleSpec> ToSchedule(const v1::Schedule& message,
                                        const StudySpec& rest);

}  // namespace assay
