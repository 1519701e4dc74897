#include "server/http/monitoring_routes.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/http/http_server.h"
#include "server/metrics.h"
#include "tests/server/http/http_client.h"

namespace assay {
namespace {

using ::testing::HasSubstr;

class MonitoringRoutesTest : public ::testing::Test {
 protected:
  MonitoringRoutesTest() : metrics_(absl::FromUnixSeconds(1'700'000'000)) {
    HttpOptions options;
    options.address = "127.0.0.1:0";
    auto server = HttpServer::Start(
        options, MonitoringRoutes([this] { return metrics_.Serialize(); },
                                  [this] { return health_; }));
    EXPECT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }

  absl::Status health_;  // Set before the request that reads it.
  ServerMetrics metrics_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(MonitoringRoutesTest, MetricsAreInPrometheusFormat) {
  metrics_.SetWorkers(2, 8, 3);
  const std::string response = Ask(server_->port(), Get("/metrics"));
  EXPECT_EQ(StatusOf(response), 200);
  EXPECT_EQ(HeaderOf(response, "Content-Type"),
            "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_THAT(BodyOf(response), HasSubstr("assay_workers 2\n"));
}

TEST_F(MonitoringRoutesTest, HealthIs200OrTheReason) {
  EXPECT_EQ(BodyOf(Ask(server_->port(), Get("/healthz"))), "ok\n");
  health_ = absl::UnavailableError("the disk is full");
  const std::string response = Ask(server_->port(), Get("/healthz"));
  EXPECT_EQ(StatusOf(response), 503);
  EXPECT_EQ(BodyOf(response), "the disk is full\n");
}

TEST_F(MonitoringRoutesTest, PromtoolAcceptsTheMetrics) {
  if (std::system("command -v promtool >/dev/null") != 0) {
    GTEST_SKIP() << "promtool is not installed (apt: prometheus)";
  }
  metrics_.AddStudy({7}, "local/\"quoted\"\\\n\xC3\xA9");
  metrics_.SetTrials({7}, {.running = 3});
  metrics_.SetBest({7}, "accuracy", 0.91);
  metrics_.SetBest({7}, "loss", std::numeric_limits<double>::quiet_NaN());
  metrics_.SetBest({7}, "gap", -std::numeric_limits<double>::infinity());
  metrics_.SetStock({7}, 4);
  metrics_.ObserveSuggest("random", absl::Microseconds(80));
  metrics_.ObserveRpc("TrialService/Suggest", absl::StatusCode::kOk,
                      absl::Milliseconds(1));
  const std::string file = ::testing::TempDir() + "/assay_metrics.txt";
  std::ofstream(file) << BodyOf(Ask(server_->port(), Get("/metrics")));
  EXPECT_EQ(std::system(("promtool check metrics <" + file).c_str()), 0);
  std::remove(file.c_str());
}

}  // namespace
}  // namespace assay
