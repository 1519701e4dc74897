#pragma once

#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "server/http/http_route.h"
#include "server/metrics.h"

namespace assay {

// OK, or why the server cannot serve. Called on the I/O thread; quick.
using HealthCheck = absl::AnyInvocable<absl::Status() const>;

// GET /metrics (Prometheus' text format 0.0.4) and GET /healthz (200 "ok", or
// 503 with the reason), both vital. `metrics` must outlive the server.
std::vector<HttpRoute> MonitoringRoutes(const ServerMetrics& metrics,
                                        HealthCheck health);

}  // namespace assay
