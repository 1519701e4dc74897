#include "client/rpc/fetch_files.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "search/base/sha256.h"
#include "search/base/status_macros.h"
#include "storage/checkpoint_files.h"

namespace assay {

absl::Status FetchFiles(const Manifest& manifest, const std::string& folder,
                        CallGetChunk call) {
  std::error_code error;
  if (std::filesystem::exists(folder, error) &&
      !std::filesystem::is_empty(folder, error)) {
    return absl::FailedPreconditionError(
        absl::StrCat(folder, " is not empty; name a new folder"));
  }
  return WriteFiles(
      manifest, folder,
      [&](const std::string& hash) -> absl::StatusOr<std::string> {
        v1::GetChunkRequest request;
        request.set_hash(hash);
        ASSAY_ASSIGN_OR_RETURN(v1::GetChunkResponse response, call(request));
        if (Sha256(response.data()) == hash) {
          return std::move(*response.mutable_data());
        }
        return absl::DataLossError("a chunk arrived with another hash");
      });
}

}  // namespace assay
