#pragma once

#include <grpcpp/server_context.h>

#include <string>

namespace assay {

// Metadata of a call that came through our own HTTP port: who called there.
inline constexpr char kHttpPeer[] = "assay-http-peer";

// Who calls: "ipv4:127.0.0.1:41234", "unix:". What kHttpPeer says is believed
// of calls from within the process only.
std::string PeerOf(const grpc::ServerContextBase& call);

}  // namespace assay
