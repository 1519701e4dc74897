#pragma once

#include <memory>
#include <string>

#include <grpcpp/channel.h>

namespace assay {

// A channel to "host:port" or "unix:/path". Connects at the first call and
// again by itself after a break, at most 2 s after the server is back. Takes
// messages of any size. Never goes through a proxy to this machine itself.
std::shared_ptr<grpc::Channel> MakeChannel(const std::string& address);

}  // namespace assay
