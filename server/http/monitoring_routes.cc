#include "server/http/monitoring_routes.h"

#include <string>
#include <utility>

namespace assay {
namespace {

HttpRoute MetricsRoute(const ServerMetrics& metrics) {
  HttpRoute route;
  route.method = "GET";
  route.path = "/metrics";
  route.about = "Metrics for Prometheus";
  route.vital = true;
  route.handler = [&metrics](const HttpRequest&, HttpReply reply) {
    HttpResponse response;
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    response.body = metrics.Serialize();
    reply.Send(std::move(response));
  };
  return route;
}

HttpRoute HealthRoute(HealthCheck health) {
  HttpRoute route;
  route.method = "GET";
  route.path = "/healthz";
  route.about = "200 if all is well, else 503 and why";
  route.vital = true;
  route.handler = [health = std::move(health)](const HttpRequest&,
                                               HttpReply reply) {
    const absl::Status status = health();
    reply.Send(status.ok() ? TextResponse(200, "ok")
                           : TextResponse(503, std::string(status.message())));
  };
  return route;
}

}  // namespace

std::vector<HttpRoute> MonitoringRoutes(const ServerMetrics& metrics,
                                        HealthCheck health) {
  std::vector<HttpRoute> routes;
  routes.push_back(MetricsRoute(metrics));
  routes.push_back(HealthRoute(std::move(health)));
  return routes;
}

}  // namespace assay
