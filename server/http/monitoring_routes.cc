#include "server/http/monitoring_routes.h"

#include <utility>

namespace assay {

HttpRoute MetricsRoute(MetricsText metrics) {
  HttpRoute route;
  route.method = "GET";
  route.path = "/metrics";
  route.about = "Metrics for Prometheus";
  route.vital = true;
  route.handler = [metrics = std::move(metrics)](const HttpRequest&,
                                                 HttpReply reply) {
    HttpResponse response;
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    response.body = metrics();
    reply.Send(std::move(response));
  };
  return route;
}

HttpRoute HealthRoute(HttpHandler handler) {
  HttpRoute route;
  route.method = "GET";
  route.path = "/healthz";
  route.about = "200 if all is well, else 503 and why";
  route.vital = true;
  route.handler = std::move(handler);
  return route;
}

HttpRoute HealthRoute(HealthCheck health) {
  return HealthRoute(HttpHandler([health = std::move(health)](
                                     const HttpRequest&, HttpReply reply) {
    const absl::Status status = health();
    reply.Send(status.ok() ? TextResponse(200, "ok")
                           : TextResponse(503, std::string(status.message())));
  }));
}

std::vector<HttpRoute> MonitoringRoutes(MetricsText metrics,
                                        HealthCheck health) {
  std::vector<HttpRoute> routes;
  routes.push_back(MetricsRoute(std::move(metrics)));
  routes.push_back(HealthRoute(std::move(health)));
  return routes;
}

}  // namespace assay
