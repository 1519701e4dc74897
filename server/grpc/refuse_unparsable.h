#pragma once

#include <grpcpp/support/server_interceptor.h>

#include <memory>
#include <vector>

#include "absl/status/status.h"

namespace assay {

absl::Status Unparsable();

// gRPC answers a request that does not parse (text that is not UTF-8, messages
// nested too deep) with Unimplemented and no word. Given to the ServerBuilder,
// this makes it InvalidArgument that says so. Not for client streams, which a
// bad message just ends.
std::vector<
    std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>>
RefuseUnparsable();

}  // namespace assay
