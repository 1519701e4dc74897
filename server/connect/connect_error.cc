#include "server/connect/connect_error.h"

#include <array>
#include <utility>

#include "nlohmann/json.hpp"

namespace assay {
namespace {

using Json = nlohmann::ordered_json;

struct Code {
  absl::string_view name;
  int http_status;
};

// By the number of the absl::StatusCode.
constexpr std::array<Code, 17> kCodes = {{
    {"", 200},
    {"canceled", 499},
    {"unknown", 500},
    {"invalid_argument", 400},
    {"deadline_exceeded", 504},
    {"not_found", 404},
    {"already_exists", 409},
    {"permission_denied", 403},
    {"resource_exhausted", 429},
    {"failed_precondition", 400},
    {"aborted", 409},
    {"out_of_range", 400},
    {"unimplemented", 501},
    {"internal", 500},
    {"unavailable", 503},
    {"data_loss", 500},
    {"unauthenticated", 401},
}};

const Code& CodeOf(absl::StatusCode code) {
  const auto index = static_cast<size_t>(code);
  return kCodes[index < kCodes.size()
                    ? index
                    : static_cast<size_t>(absl::StatusCode::kUnknown)];
}

absl::StatusCode CodeOfRefusal(int http_status) {
  switch (http_status) {
    case 408:
      return absl::StatusCode::kDeadlineExceeded;
    case 413:
      return absl::StatusCode::kResourceExhausted;
    case 503:
      return absl::StatusCode::kUnavailable;
    default:
      return absl::StatusCode::kInvalidArgument;
  }
}

Json ErrorOf(const absl::Status& error) {
  return {{"code", std::string(CodeOf(error.code()).name)},
          {"message", std::string(error.message())}};
}

// A message may quote what a client sent: bytes that are no UTF-8 are replaced.
std::string Text(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

absl::string_view ConnectCode(absl::StatusCode code) {
  return CodeOf(code).name;
}

int HttpStatusOf(absl::StatusCode code) { return CodeOf(code).http_status; }

std::string ErrorJson(const absl::Status& error) {
  return Text(ErrorOf(error));
}

std::string EndOfStreamJson(const absl::Status& status) {
  return status.ok() ? "{}" : Text({{"error", ErrorOf(status)}});
}

HttpResponse ConnectRefusal(int http_status, std::string line) {
  HttpResponse response;
  response.status = http_status;
  response.content_type = "application/json";
  response.body = ErrorJson({CodeOfRefusal(http_status), line});
  return response;
}

}  // namespace assay
