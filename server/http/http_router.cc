#include "server/http/http_router.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"

namespace assay {
namespace {

std::string Escape(absl::string_view text) {
  return absl::StrReplaceAll(
      text, {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}});
}

std::string IndexPage(const std::vector<HttpRoute>& routes,
                      const std::string& title) {
  std::string page = absl::StrCat(
      "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>",
      Escape(title), "</title>\n<h1>", Escape(title), "</h1>\n<ul>\n");
  for (const HttpRoute& route : routes) {
    const std::string path = Escape(route.path);
    absl::StrAppend(&page, "<li>", route.method, " <a href=\"", path, "\">",
                    path, "</a>: ", Escape(route.about), "</li>\n");
  }
  return page + "</ul>\n</html>\n";
}

HttpRoute IndexRoute(const std::vector<HttpRoute>& routes,
                     const std::string& title) {
  HttpRoute route;
  route.method = "GET";
  route.path = "/";
  route.about = "This page";
  route.handler = [page = IndexPage(routes, title)](const HttpRequest&,
                                                    HttpReply reply) {
    HttpResponse response;
    response.content_type = "text/html; charset=utf-8";
    response.body = page;
    response.headers = {{"Content-Security-Policy", "default-src 'none'"}};
    reply.Send(std::move(response));
  };
  return route;
}

bool IsJson(absl::string_view content_type) {
  const absl::string_view type = absl::StripAsciiWhitespace(
      content_type.substr(0, content_type.find(';')));
  return absl::EqualsIgnoreCase(type, "application/json");
}

template <typename Methods>
HttpResponse MethodNotAllowed(const Methods& methods) {
  std::string allow;
  for (const auto& [method, route] : methods) {
    absl::StrAppend(&allow, allow.empty() ? "" : ", ", method,
                    method == "GET" ? ", HEAD" : "");
  }
  HttpResponse response =
      TextResponse(405, absl::StrCat("Allowed here: ", allow));
  response.headers = {{"Allow", allow}};
  return response;
}

HttpResponse Busy() {
  HttpResponse response = TextResponse(
      503, "Too many connections: this one is kept for vital pages");
  response.headers = {{"Retry-After", "1"}};
  return response;
}

}  // namespace

std::string PathOf(absl::string_view target) {
  return std::string(target.substr(0, target.find('?')));
}

std::string QueryOf(absl::string_view target) {
  const size_t mark = target.find('?');
  return mark == absl::string_view::npos ? ""
                                         : std::string(target.substr(mark + 1));
}

HttpRouter::HttpRouter(std::vector<HttpRoute> routes,
                       const std::vector<std::string>& names,
                       const std::string& title)
    : hosts_(names) {
  HttpRoute index = IndexRoute(routes, title);
  for (HttpRoute& route : routes) {
    Methods& methods = routes_[route.path];
    std::string method = route.method;
    methods.emplace(std::move(method), std::move(route));
  }
  routes_["/"].emplace("GET", std::move(index));
}

std::variant<const HttpRoute*, HttpResponse> HttpRouter::Find(
    const HttpHead& head) const {
  if (!absl::StartsWith(head.target, "/")) {
    return TextResponse(400, "The target has to be a path");
  }
  if (auto refusal = CheckHosts(head)) return *std::move(refusal);
  const auto path = routes_.find(PathOf(head.target));
  if (path == routes_.end()) return TextResponse(404, "No such page");
  const Methods& methods = path->second;
  const auto route = methods.find(head.method == "HEAD" ? "GET" : head.method);
  if (route == methods.end()) return MethodNotAllowed(methods);
  if (head.method == "POST" && !IsJson(head.content_type)) {
    return TextResponse(415, "Content-Type has to be application/json");
  }
  if (head.reserved && !route->second.vital) return Busy();
  return &route->second;
}

std::optional<HttpResponse> HttpRouter::CheckHosts(const HttpHead& head) const {
  if (head.hosts.size() != 1) {
    return TextResponse(400, "Exactly one Host header is needed");
  }
  if (!hosts_.AllowsHost(head.hosts[0], head.local_address)) {
    return TextResponse(403, "Host is not a name of this server");
  }
  for (const std::string& origin : head.origins) {
    if (!hosts_.AllowsOrigin(origin, head.local_address)) {
      return TextResponse(403, "Origin is not this server");
    }
  }
  return std::nullopt;
}

}  // namespace assay
