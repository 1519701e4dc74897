#pragma once

#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"

namespace assay {

// The names under which a browser may speak to this server. A page of another
// site whose name was made to point here (DNS rebinding) carries that name in
// Host and Origin, and is refused by it.
class AllowedHosts {
 public:
  // Besides localhost, 127.0.0.1 and [::1].
  explicit AllowedHosts(const std::vector<std::string>& names);

  // `host`: a Host header, with or without port. `local_address`: the address
  // at which the connection arrived ("10.0.0.5", "fd00::5"), allowed too: no
  // foreign name looks like it.
  bool AllowsHost(absl::string_view host,
                  absl::string_view local_address) const;

  // `origin`: an Origin header, "http://localhost:7071". "null" is refused.
  bool AllowsOrigin(absl::string_view origin,
                    absl::string_view local_address) const;

 private:
  absl::flat_hash_set<std::string> names_;  // Lower case, IPv6 in brackets.
};

// "LocalHost:80" -> "localhost", "[::1]:80" -> "[::1]"; empty if it is neither
// a name nor an address, or the port is none.
std::string HostWithoutPort(absl::string_view host);

}  // namespace assay
