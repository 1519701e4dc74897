#include "server/http/web_routes.h"

#include <map>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace assay {
namespace {

// Charts set styles of elements; no other thing of the page is inline.
constexpr char kContentSecurityPolicy[] =
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; "
    "manifest-src 'self'; worker-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'";

std::string ContentType(absl::string_view path) {
  static const auto& types = *new std::map<std::string, std::string>{
      {"css", "text/css; charset=utf-8"},
      {"html", "text/html; charset=utf-8"},
      {"ico", "image/x-icon"},
      {"js", "text/javascript; charset=utf-8"},
      {"json", "application/json"},
      {"map", "application/json"},
      {"png", "image/png"},
      {"svg", "image/svg+xml"},
      {"txt", "text/plain; charset=utf-8"},
      {"wasm", "application/wasm"},
      {"webmanifest", "application/manifest+json"},
      {"woff2", "font/woff2"},
  };
  const auto type = types.find(std::string(path.substr(path.rfind('.') + 1)));
  return type == types.end() ? "application/octet-stream" : type->second;
}

HttpResponse Response(const WebFile& file, const std::string& known) {
  const std::string etag = absl::StrCat("\"", file.digest, "\"");
  const bool is_hashed = absl::StartsWith(file.path, "/assets/");
  HttpResponse response;
  response.content_type = ContentType(file.path);
  response.headers = {
      {"Cache-Control",
       is_hashed ? "public, max-age=31536000, immutable" : "no-cache"},
      {"Content-Security-Policy", kContentSecurityPolicy},
      {"ETag", etag}};
  if (absl::StrContains(known, etag)) {
    response.status = 304;
  } else {
    response.body = std::string(file.content);
  }
  return response;
}

HttpRoute FileRoute(std::string path, const WebFile& file) {
  HttpRoute route;
  route.method = "GET";
  route.path = std::move(path);
  route.handler = [file](const HttpRequest& request, HttpReply reply) {
    reply.Send(Response(file, request.Header("if-none-match")));
  };
  return route;
}

}  // namespace

std::vector<HttpRoute> WebRoutes(absl::Span<const WebFile> files) {
  std::vector<HttpRoute> routes;
  for (const WebFile& file : files) {
    routes.push_back(FileRoute(std::string(file.path), file));
    if (file.path == "/index.html") routes.push_back(FileRoute("/", file));
  }
  return routes;
}

}  // namespace assay
