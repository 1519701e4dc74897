#include "client/cli/run_folder.h"

#include <filesystem>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "search/base/status_macros.h"

namespace assay {
namespace {

absl::StatusOr<std::string> DefaultPath(const std::string& study) {
  if (study.empty() || absl::StrContains(study, "/")) {
    return absl::InvalidArgumentError(
        absl::StrCat("name: \"", study, "\"; 1 to 256 bytes without '/'"));
  }
  return absl::StrCat(
      study, "-",
      absl::FormatTime("%Y%m%d-%H%M%S", absl::Now(), absl::LocalTimeZone()));
}

// "" if the whole path is there.
std::string FirstThatIsMissing(const std::string& path) {
  std::filesystem::path part;
  for (const std::filesystem::path& name : std::filesystem::path(path)) {
    part /= name;
    std::error_code error;
    if (!std::filesystem::exists(part, error)) return part.string();
  }
  return "";
}

}  // namespace

absl::StatusOr<std::unique_ptr<RunFolder>> RunFolder::Open(
    const std::string& path, const std::string& study) {
  std::string folder = path;
  if (folder.empty()) {
    ASSAY_ASSIGN_OR_RETURN(folder, DefaultPath(study));
  }
  if (folder[0] == '-') folder = "./" + folder;
  std::string created = FirstThatIsMissing(folder);
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) {
    return absl::InvalidArgumentError(
        absl::StrCat("cannot create ", folder, ": ", error.message()));
  }
  return std::unique_ptr<RunFolder>(
      new RunFolder(std::move(folder), std::move(created)));
}

RunFolder::RunFolder(std::string path, std::string created)
    : path_(std::move(path)), created_(std::move(created)) {}

RunFolder::~RunFolder() {
  if (created_.empty()) return;
  std::error_code ignored;
  std::filesystem::remove_all(created_, ignored);
}

}  // namespace assay
