#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/http/http_route.h"

namespace assay {

struct HttpOptions {
  // "127.0.0.1:7071", "[::1]:7071", "localhost:7071". Port 0: a free one.
  std::string address = "127.0.0.1:7071";
  // Host names of this machine under which it may be reached, besides
  // localhost and the address itself; see AllowedHosts.
  std::vector<std::string> names;

  // Of these the last `reserved_connections` serve vital routes only, one
  // request each. What comes beyond is closed at once.
  int max_connections = 512;
  int reserved_connections = 16;

  // For a whole head, and for a whole body; then 408.
  absl::Duration request_timeout = absl::Seconds(10);
  // Between requests of one connection; then it is closed.
  absl::Duration idle_timeout = absl::Seconds(60);
  // For the client to take one response, or one piece of it.
  absl::Duration response_timeout = absl::Seconds(30);

  size_t max_head_bytes = 16 << 10;  // Then 431.
  size_t max_body_bytes = 16 << 20;  // Then 413.
  // Of all requests that are read or answered at one time; then 503.
  size_t max_bytes_in_flight = 128 << 20;
};

// Serves HTTP/1.0 and 1.1, with keep-alive and pipelining, on one thread of its
// own.
class HttpServer {
 public:
  // InvalidArgument if the address is none; Unavailable, naming it, if it
  // cannot be listened on.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(
      HttpOptions options, std::vector<HttpRoute> routes);

  // As Stop(absl::ZeroDuration()).
  ~HttpServer();

  // The port it listens on.
  uint16_t port() const;

  // Accepts nothing more, lets requests in progress end for up to `grace`, then
  // closes what is left. Afterwards no handler runs. Not from a handler. Called
  // twice, the second call does nothing.
  void Stop(absl::Duration grace);

 private:
  class Listener;  // Keeps Boost's headers out of here.
  explicit HttpServer(std::unique_ptr<Listener> listener);

  std::unique_ptr<Listener> listener_;
};

}  // namespace assay
