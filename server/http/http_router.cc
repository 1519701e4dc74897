#include "server/http/http_router.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"

namespace assay {
namespace {

std::string Escape(absl::string_view text) {
  return absl::StrReplaceAll(
      text, {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}});
}

// A browser can follow what answers GET.
std::string Link(const HttpRoute& route) {
  const std::string path = Escape(route.path);
  if (route.method != "GET") return path;
  return absl::StrCat("<a href=\"", path, "\">", path, "</a>");
}

std::string IndexPage(const std::vector<HttpRoute>& routes,
                      const std::string& title) {
  std::string page = absl::StrCat(
      "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>",
      Escape(title), "</title>\n<h1>", Escape(title), "</h1>\n<ul>\n");
  for (const HttpRoute& route : routes) {
    if (route.about.empty()) continue;
    absl::StrAppend(&page, "<li>", route.method, " ", Link(route), ": ",
                    Escape(route.about), "</li>\n");
  }
  return page + "</ul>\n</html>\n";
}

HttpRoute IndexRoute(const std::vector<HttpRoute>& routes,
                     const std::string& title) {
  return {
      .method = "GET",
      .path = "/",
      .about = "This page",
      .handler = [page = IndexPage(routes, title)](const HttpRequest&,
                                                   HttpReply reply) {
        HttpResponse response;
        response.content_type = "text/html; charset=utf-8";
        response.body = page;
        response.headers = {{"Content-Security-Policy", "default-src 'none'"}};
        reply.Send(std::move(response));
      }};
}

bool Takes(const HttpRoute& route, absl::string_view content_type) {
  const std::vector<std::string>& taken = route.content_types;
  return std::find(taken.begin(), taken.end(), MediaTypeOf(content_type)) !=
         taken.end();
}

HttpResponse UnsupportedType(const HttpRoute& route) {
  const std::string types = absl::StrJoin(route.content_types, ", ");
  HttpResponse response =
      route.refusal(415, absl::StrCat("Content-Type has to be ", types));
  response.headers = {{"Accept-Post", types}};
  return response;
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

HttpResponse Busy(const HttpRoute& route) {
  HttpResponse response = route.refusal(
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
  const auto found = methods.find(head.method == "HEAD" ? "GET" : head.method);
  if (found == methods.end()) return MethodNotAllowed(methods);
  const HttpRoute& route = found->second;
  if (head.method == "POST" && !Takes(route, head.content_type)) {
    return UnsupportedType(route);
  }
  if (head.reserved && !route.vital) return Busy(route);
  return &route;
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
