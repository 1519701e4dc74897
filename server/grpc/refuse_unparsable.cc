#include "server/grpc/refuse_unparsable.h"

#include <grpcpp/grpcpp.h>

#include "server/grpc/unary.h"

namespace assay {
namespace {

using grpc::experimental::InterceptionHookPoints;
using grpc::experimental::ServerRpcInfo;

class Interceptor : public grpc::experimental::Interceptor {
 public:
  void Intercept(
      grpc::experimental::InterceptorBatchMethods* methods) override {
    if (methods->QueryInterceptionHookPoint(
            InterceptionHookPoints::PRE_SEND_STATUS)) {
      const grpc::Status status = methods->GetSendStatus();
      // Each method is implemented, and our own errors have words.
      if (status.error_code() == grpc::StatusCode::UNIMPLEMENTED &&
          status.error_message().empty()) {
        methods->ModifySendStatus(ToGrpcStatus(Unparsable()));
      }
    }
    methods->Proceed();
  }
};

class Factory : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  grpc::experimental::Interceptor* CreateServerInterceptor(
      ServerRpcInfo* info) override {
    const bool has_one_request =
        info->type() == ServerRpcInfo::Type::UNARY ||
        info->type() == ServerRpcInfo::Type::SERVER_STREAMING;
    return has_one_request ? new Interceptor : nullptr;
  }
};

}  // namespace

absl::Status Unparsable() {
  return absl::InvalidArgumentError(
      "the request is no valid message of this method: is its text UTF-8, and "
      "is it nested less than 100 levels deep?");
}

std::vector<
    std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>>
RefuseUnparsable() {
  std::vector<
      std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>>
      factories;
  factories.push_back(std::make_unique<Factory>());
  return factories;
}

}  // namespace assay
