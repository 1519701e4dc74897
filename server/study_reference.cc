#include "server/study_reference.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace assay {
namespace {

constexpr char kDefaultOwner[] = "local";

bool IsAllDigits(const std::string& text) {
  return !text.empty() &&
         text.find_first_not_of("0123456789") == std::string::npos;
}

absl::Status NoSuchStudy(const std::string& reference) {
  return absl::NotFoundError(absl::StrCat("no study \"", reference, "\""));
}

}  // namespace

StudyReference ParseStudyReference(const std::string& reference) {
  if (IsAllDigits(reference)) {
    int64_t id = 0;
    return {absl::SimpleAtoi(reference, &id) ? StudyId{id} : StudyId{}, {}};
  }
  const size_t slash = reference.find('/');
  if (slash == std::string::npos) return {{}, {kDefaultOwner, reference}};
  return {{}, {reference.substr(0, slash), reference.substr(slash + 1)}};
}

absl::StatusOr<Study> FindStudyBy(Snapshot& rows,
                                  const std::string& reference) {
  const StudyReference named = ParseStudyReference(reference);
  if (named.id) {
    absl::StatusOr<Study> study = rows.GetStudy(*named.id);
    if (absl::IsNotFound(study.status())) return NoSuchStudy(reference);
    if (study.ok() && study->hidden) return NoSuchStudy(reference);
    return study;
  }
  absl::StatusOr<std::optional<Study>> study =
      rows.FindStudy(named.name.first, named.name.second);
  if (!study.ok()) return study.status();
  if (!study->has_value()) return NoSuchStudy(reference);
  return **std::move(study);
}

}  // namespace assay
