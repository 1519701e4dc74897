#include "server/http/allowed_hosts.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace assay {
namespace {

bool IsPort(absl::string_view text) {
  return text.size() <= 5 && std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isdigit(c);
         });
}

// Where the host ends and ":port" may begin.
size_t HostEnd(absl::string_view host) {
  if (!absl::StartsWith(host, "["))
    return std::min(host.find(':'), host.size());
  const size_t bracket = host.find(']');
  return bracket == absl::string_view::npos ? 0 : bracket + 1;
}

std::string InBrackets(absl::string_view name) {
  const bool bare_ipv6 = std::count(name.begin(), name.end(), ':') > 1 &&
                         !absl::StartsWith(name, "[");
  return bare_ipv6 ? absl::StrCat("[", name, "]") : std::string(name);
}

}  // namespace

std::string HostWithoutPort(absl::string_view host) {
  const size_t end = HostEnd(host);
  absl::string_view rest = host.substr(end);
  if (absl::ConsumePrefix(&rest, ":") ? !IsPort(rest) : !rest.empty()) {
    return "";
  }
  return absl::AsciiStrToLower(host.substr(0, end));
}

AllowedHosts::AllowedHosts(const std::vector<std::string>& names)
    : names_({"localhost", "127.0.0.1", "[::1]"}) {
  for (const std::string& name : names) {
    names_.insert(HostWithoutPort(InBrackets(name)));
  }
  names_.erase("");
}

bool AllowedHosts::AllowsHost(absl::string_view host,
                              absl::string_view local_address) const {
  const std::string name = HostWithoutPort(host);
  if (name.empty()) return false;
  return names_.contains(name) || name == InBrackets(local_address);
}

bool AllowedHosts::AllowsOrigin(absl::string_view origin,
                                absl::string_view local_address) const {
  return (absl::ConsumePrefix(&origin, "http://") ||
          absl::ConsumePrefix(&origin, "https://")) &&
         AllowsHost(origin, local_address);
}

}  // namespace assay
