#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "assay/v1/study.pb.h"
#include "assay/v1/trial.pb.h"
#include "client/cli/connection.h"

namespace assay {

// A study with all its trials, by number.
struct ExportedStudy {
  v1::Study study;
  std::vector<v1::Trial> trials;
};

absl::StatusOr<ExportedStudy> FetchStudy(const Connection& connection,
                                         const std::string& study);

}  // namespace assay
