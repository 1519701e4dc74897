#include "server/grpc/unary.h"

#include <spdlog/spdlog.h>

#include "absl/strings/str_cat.h"

namespace assay {
namespace {

// A status travels in a header: of 8 KiB together, and three bytes for each
// that is not ASCII.
constexpr size_t kMaxMessageBytes = 1500;

// Cut between two characters.
std::string Shortened(absl::string_view text) {
  if (text.size() <= kMaxMessageBytes) return std::string(text);
  size_t end = kMaxMessageBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) {
    --end;
  }
  return absl::StrCat(text.substr(0, end), "...");
}

}  // namespace

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  // The codes have the same numbers by design.
  return {static_cast<grpc::StatusCode>(status.code()),
          Shortened(status.message())};
}

void CallRecord::End(const absl::Status& status) const {
  context_->metrics.ObserveRpc(method_, status.code(),
                               context_->clock.SinceBoot() - started_);
  if (status.code() == absl::StatusCode::kInternal ||
      status.code() == absl::StatusCode::kUnknown) {
    spdlog::error("{}: {}", method_, std::string(status.message()));
  }
}

}  // namespace assay
