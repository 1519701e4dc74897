#pragma once

#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "server/http/http_route.h"

namespace assay {

// What a scrape shows, in Prometheus' text format 0.0.4. Called on the I/O
// thread.
using MetricsText = absl::AnyInvocable<std::string() const>;

// OK, or why the program cannot serve. Called on the I/O thread; quick.
using HealthCheck = absl::AnyInvocable<absl::Status() const>;

// GET /metrics, vital.
HttpRoute MetricsRoute(MetricsText metrics);

// GET /healthz, vital: 200 "ok", or 503 with the reason.
HttpRoute HealthRoute(HealthCheck health);
// The same with a handler that answers later.
HttpRoute HealthRoute(HttpHandler handler);

// Both.
std::vector<HttpRoute> MonitoringRoutes(MetricsText metrics,
                                        HealthCheck health);

}  // namespace assay
