#pragma once

#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "assay/v1/checkpoint.pb.h"
#include "search/checkpoint.h"

namespace assay {

// The files of a checkpoint into `folder`, which must be empty or not there
// (FailedPrecondition). Each chunk is verified by its hash, whatever the way
// did to it: DataLoss.
using CallGetChunk = absl::FunctionRef<absl::StatusOr<v1::GetChunkResponse>(
    const v1::GetChunkRequest&)>;
absl::Status FetchFiles(const Manifest& manifest, const std::string& folder,
                        CallGetChunk call);

}  // namespace assay
