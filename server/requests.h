#pragma once

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/study_transaction.h"

namespace assay {

// Identifies a request that is answered once: the same id with the same content
// gets the first answer again for 24 hours.
struct RequestKey {
  std::string method;
  std::string id;           // Empty: always new.
  std::string fingerprint;  // Of its content.
};

// The answer stored before, if any. FailedPrecondition if the id was used with
// another method or other content.
absl::StatusOr<std::optional<std::string>> FindAnswer(
    StudyTransaction& transaction, const RequestKey& key);

// Stores the answer, in the same transaction.
absl::Status StoreAnswer(StudyTransaction& transaction, const RequestKey& key,
                         std::string answer);

}  // namespace assay
