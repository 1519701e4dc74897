#include "server/requests.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "search/base/status_macros.h"

namespace assay {

absl::StatusOr<std::optional<std::string>> FindAnswer(
    StudyTransaction& transaction, const RequestKey& key) {
  if (key.id.empty()) return std::nullopt;
  ASSAY_ASSIGN_OR_RETURN(
      const std::optional<RequestRecord> record,
      transaction.rows().FindRequest(transaction.study().owner, key.id));
  if (!record) return std::nullopt;
  if (record->method == key.method && record->fingerprint == key.fingerprint) {
    return record->response;
  }
  return absl::FailedPreconditionError(
      absl::StrCat("request_id \"", key.id, "\" was used for another ",
                   record->method, " request"));
}

absl::Status StoreAnswer(StudyTransaction& transaction, const RequestKey& key,
                         std::string answer) {
  if (key.id.empty()) return absl::OkStatus();
  return transaction.rows().InsertRequest(
      transaction.study().owner, key.id,
      {key.method, key.fingerprint, std::move(answer), transaction.now()});
}

}  // namespace assay
