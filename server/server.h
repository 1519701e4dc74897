#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/config.h"

namespace assay {

// A coordinator: owns every part and wires them. The parts that think are in
// the other files of this folder; those that speak, in grpc/ and http/.
class Server {
 public:
  // Opens the storage, goes on with what ran, and listens. Errors name what is
  // wrong: the folder, the address.
  static absl::StatusOr<std::unique_ptr<Server>> Start(
      const ServerConfig& config);

  // As Stop().
  ~Server();

  // Where it listens; the port is known even if 0 was asked for. `http` is
  // empty if it does not.
  std::string grpc_address() const;
  std::string http_address() const;

  // Stops the reverse way of the start: no new leases, streams end, timers and
  // background work end, every write that was accepted is committed. Once.
  void Stop();

 private:
  class Parts;  // Keeps gRPC and the HTTP server out of here.
  explicit Server(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
};

}  // namespace assay
