#pragma once

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/http/allowed_hosts.h"
#include "server/http/http_route.h"

namespace assay {

// The head of a request: enough to refuse it before its body is read.
struct HttpHead {
  std::string method;
  std::string target;                // As sent: "/metrics?x=1".
  std::vector<std::string> hosts;    // Each Host header.
  std::vector<std::string> origins;  // Each Origin header.
  std::string content_type;
  std::string local_address;  // Where the connection arrived.
  bool reserved = false;      // On a connection kept for vital routes.
};

// Finds who answers. Immutable.
class HttpRouter {
 public:
  // Adds GET / if it is not there: a page that names the others. `names`: as in
  // AllowedHosts. REQUIRES: no two routes of one method and path.
  HttpRouter(std::vector<HttpRoute> routes,
             const std::vector<std::string>& names);

  // The route, or the answer to who may not have one: 400 (no or several Host
  // headers, a target that is no path), 403 (Host or Origin), 404, 405 with
  // Allow, 415 (POST of a type that the route does not take) with Accept-Post,
  // 503 (reserved).
  std::variant<const HttpRoute*, HttpResponse> Find(const HttpHead& head) const;

 private:
  using Methods = std::map<std::string, HttpRoute>;

  std::optional<HttpResponse> CheckHosts(const HttpHead& head) const;

  std::map<std::string, Methods> routes_;  // By path, then method.
  AllowedHosts hosts_;
};

// "/a?b" -> "/a".
std::string PathOf(absl::string_view target);
// "/a?b" -> "b".
std::string QueryOf(absl::string_view target);

}  // namespace assay
