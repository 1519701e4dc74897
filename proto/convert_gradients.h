#pragma once

#include "absl/status/statusor.h"
#include "assay/v1/trial.pb.h"
#include "search/study.h"

namespace assay {

// What trials are asked for, defaults filled in. InvalidArgument, naming the
// field, its value and what is allowed. `rest`: what else is known of the spec.
absl::StatusOr<GradientSpec> ToGradients(const v1::GradientRequest& message,
                                         const StudySpec& rest);

v1::GradientRequest ToMessage(const GradientSpec& gradients);

}  // namespace assay
