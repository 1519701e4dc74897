#include "client/rpc/call.h"

namespace assay {
namespace {

constexpr absl::Duration kMaxBackoff = absl::Seconds(2);
constexpr int kMaxExhausted = 5;
constexpr int kMaxUnavailable = 3;  // If the server is not waited for.

}  // namespace

absl::Status ToAbslStatus(const grpc::Status& status) {
  // The codes are the same numbers, by design of both libraries.
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                      status.error_message());
}

Retry::Retry(const CallOptions& options)
    : options_(options),
      deadline_(absl::Now() + options.timeout),
      backoff_(options.backoff) {}

std::chrono::system_clock::time_point Retry::AttemptDeadline() const {
  return absl::ToChronoTime(
      std::min(deadline_, absl::Now() + options_.attempt_timeout));
}

bool Retry::Again(const grpc::Status& status) {
  switch (status.error_code()) {
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
      if (++exhausted_ >= kMaxExhausted) return false;
      break;
    case grpc::StatusCode::UNAVAILABLE:
      ++unavailable_;
      if (!options_.wait_for_server && unavailable_ >= kMaxUnavailable) {
        return false;
      }
      break;
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      break;
    default:
      return false;
  }
  if (absl::Now() + backoff_ >= deadline_) return false;
  absl::SleepFor(backoff_);
  backoff_ = std::min(2 * backoff_, kMaxBackoff);
  return true;
}

}  // namespace assay
