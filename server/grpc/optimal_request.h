#pragma once

#include "absl/status/statusor.h"
#include "assay/v1/study.pb.h"
#include "server/grpc/service_context.h"

namespace assay {

// StudyService.Optimal: reads the trials that may be best and ranks them
// (search/optimal.h). Off the writer thread; takes as long as the study is.
absl::StatusOr<v1::OptimalResponse> AnswerOptimal(
    const ServiceContext& context, const v1::OptimalRequest& request);

}  // namespace assay
