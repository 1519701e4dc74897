#include "server/grpc/peer.h"

#include <grpc/grpc_security_constants.h>

namespace assay {
namespace {

// Any other transport has a type of security, be it "insecure".
bool IsInProcess(const grpc::ServerContextBase& call) {
  return call.auth_context()
      ->FindPropertyValues(GRPC_TRANSPORT_SECURITY_TYPE_PROPERTY_NAME)
      .empty();
}

}  // namespace

std::string PeerOf(const grpc::ServerContextBase& call) {
  if (!IsInProcess(call)) return call.peer();
  const auto found = call.client_metadata().find(kHttpPeer);
  if (found == call.client_metadata().end()) return call.peer();
  return std::string(found->second.data(), found->second.size());
}

}  // namespace assay
