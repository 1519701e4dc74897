#include "server/grpc/unary.h"

#include <spdlog/spdlog.h>

namespace assay {

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  // The codes have the same numbers by design.
  return {static_cast<grpc::StatusCode>(status.code()),
          std::string(status.message())};
}

void CallRecord::End(const absl::Status& status) const {
  context_.metrics.ObserveRpc(method_, status.code(),
                              context_.clock.SinceBoot() - started_);
  if (status.code() == absl::StatusCode::kInternal ||
      status.code() == absl::StatusCode::kUnknown) {
    spdlog::error("{}: {}", method_, std::string(status.message()));
  }
}

}  // namespace assay
