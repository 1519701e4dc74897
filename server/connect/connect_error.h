#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/http/http_route.h"

namespace assay {

// Errors as the Connect protocol writes them,
// https://connectrpc.com/docs/protocol#error-codes.

// "invalid_argument". REQUIRES: not OK.
absl::string_view ConnectCode(absl::StatusCode code);

// 400 of InvalidArgument. REQUIRES: not OK.
int HttpStatusOf(absl::StatusCode code);

// {"code": "not_found", "message": "no study \"x\""}, of any bytes in the
// message. REQUIRES: not OK.
std::string ErrorJson(const absl::Status& error);

// The last message of a stream: {"error": {...}}, or {} of OK.
std::string EndOfStreamJson(const absl::Status& status);

// What the HTTP server refuses itself (413, 415 and the like), in the same
// words.
HttpResponse ConnectRefusal(int http_status, std::string line);

}  // namespace assay
