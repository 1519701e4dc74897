#include "worker/monitor.h"

#include <unistd.h>

#include <thread>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/server/http/http_client.h"
#include "tests/worker/temporary_folder.h"

namespace assay {
namespace {

using testing::HasSubstr;
using testing::Not;

class MonitorTest : public testing::Test {
 protected:
  MonitorTest() {
    auto state = StateFolder::Open(folder_.File("state"));
    EXPECT_TRUE(state.ok()) << state.status();
    state_ = *std::move(state);
    auto monitor = Monitor::Start(
        {.address = "127.0.0.1:0"},
        {.loop = loop_,
         .state = *state_,
         .metrics = metrics_,
         .measure_link = [this] { metrics_.SetLink(true, 3, 5); }});
    EXPECT_TRUE(monitor.ok()) << monitor.status();
    monitor_ = *std::move(monitor);
  }

  const TemporaryFolder folder_;
  EventLoop loop_;
  std::unique_ptr<StateFolder> state_;
  WorkerMetrics metrics_{"w", {}, absl::FromUnixSeconds(0)};
  std::unique_ptr<Monitor> monitor_;
};

TEST_F(MonitorTest, AScrapeLooksAtTheMachineTheTrialsAndTheCoordinator) {
  state_->Record(getpgrp(), 1);
  const std::string text = BodyOf(Ask(monitor_->port(), Get("/metrics")));
  EXPECT_THAT(text, HasSubstr("assay_worker_connected 1\n"));
  EXPECT_THAT(text, HasSubstr("assay_worker_connections_total 3\n"));
  EXPECT_THAT(text, HasSubstr("assay_machine_memory_bytes{state=\"total\"}"));
  EXPECT_THAT(text, Not(HasSubstr("assay_trial_processes 0\n")));
  state_->Forget(getpgrp());
  EXPECT_THAT(BodyOf(Ask(monitor_->port(), Get("/metrics"))),
              HasSubstr("assay_trial_processes 0\n"));
}

TEST_F(MonitorTest, HealthIsAnsweredByTheLoop) {
  std::thread loop([this] { loop_.Run(); });
  EXPECT_EQ(BodyOf(Ask(monitor_->port(), Get("/healthz"))), "ok\n");
  loop_.Quit();
  loop.join();
}

// Without the loop nobody answers, and the end of the monitor does not wait.
TEST_F(MonitorTest, AHungLoopIsNotHealthy) {
  HttpClient client(monitor_->port());
  client.Send(Get("/healthz"));
  EXPECT_THAT(BodyOf(Ask(monitor_->port(), Get("/metrics"))),
              HasSubstr("assay_worker_info"));
  monitor_.reset();
  EXPECT_EQ(client.ReadResponse(), "");
}

TEST_F(MonitorTest, AnAddressThatIsTakenIsAnError) {
  const auto second =
      Monitor::Start({.address = absl::StrCat("127.0.0.1:", monitor_->port())},
                     {.loop = loop_,
                      .state = *state_,
                      .metrics = metrics_,
                      .measure_link = [] {}});
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace assay
