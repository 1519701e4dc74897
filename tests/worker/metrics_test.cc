#include "worker/metrics.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/metric_table.h"

namespace assay {
namespace {

using testing::ElementsAreArray;
using testing::HasSubstr;
using testing::Not;

class WorkerMetricsTest : public testing::Test {
 protected:
  WorkerMetrics metrics_{
      "node-1",
      {{.index = 0, .uuid = "GPU-a", .name = "H200", .memory_bytes = 1000},
       {.index = 3, .uuid = "GPU-b", .name = "H200", .memory_bytes = 1000}},
      absl::FromUnixSeconds(1'700'000'000)};
};

TEST_F(WorkerMetricsTest, ListIsWhatAScrapeShows) {
  metrics_.SetGpu(0, {.utilization = 0.5,
                      .memory_used_bytes = 10,
                      .power_watts = 300,
                      .temperature_celsius = 60});
  EXPECT_THAT(ScrapedFamilies(metrics_.Serialize()),
              ElementsAreArray(ListedFamilies(WorkerMetrics::List())));
}

// The table is made from the list: on a difference, copy it.
TEST_F(WorkerMetricsTest, DocumentationShowsTheList) {
  EXPECT_THAT(DocumentedRows(ASSAY_METRICS_TABLE, "worker"),
              ElementsAreArray(ListedRows(WorkerMetrics::List())));
}

TEST_F(WorkerMetricsTest, WhatAGpuTellsNoMoreIsShownNoMore) {
  metrics_.SetGpu(3, {.power_watts = 300});
  EXPECT_THAT(metrics_.Serialize(),
              HasSubstr("assay_gpu_power_watts{gpu=\"3\"} 300\n"));
  metrics_.SetGpu(3, {});
  EXPECT_THAT(metrics_.Serialize(), Not(HasSubstr("assay_gpu_power_watts{")));
}

TEST_F(WorkerMetricsTest, AGpuThatIsNotTheWorkersHasNoSeries) {
  metrics_.SetGpu(1, {.utilization = 1});
  EXPECT_THAT(metrics_.Serialize(), Not(HasSubstr("gpu=\"1\"")));
}

TEST_F(WorkerMetricsTest, BusyGpusAreThoseOfSlotsWithATrial) {
  metrics_.SetBusyGpus({3});
  EXPECT_THAT(metrics_.Serialize(), HasSubstr("assay_gpu_busy{gpu=\"0\"} 0\n"));
  EXPECT_THAT(metrics_.Serialize(), HasSubstr("assay_gpu_busy{gpu=\"3\"} 1\n"));
}

TEST_F(WorkerMetricsTest, AttemptsByOutcome) {
  using Kind = AttemptEnd::Kind;
  for (const Kind kind : {Kind::kCompleted, Kind::kStopped, Kind::kFailed,
                          Kind::kFatal, Kind::kInfeasible, Kind::kHandedBack}) {
    metrics_.CountEnd(kind);
  }
  metrics_.CountLost();
  const std::string text = metrics_.Serialize();
  for (const char* line :
       {"completed\"} 1\n", "stopped\"} 1\n", "failed\"} 2\n",
        "infeasible\"} 1\n", "handed_back\"} 1\n", "lost\"} 1\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST_F(WorkerMetricsTest, ProcessorTimeOfTrialsNeverFalls) {
  metrics_.SetTrialProcesses({.processes = 2}, 10);
  metrics_.SetTrialProcesses({.processes = 1}, 9);
  EXPECT_THAT(metrics_.Serialize(),
              HasSubstr("assay_trial_cpu_seconds_total 10\n"));
  EXPECT_THAT(metrics_.Serialize(), HasSubstr("assay_trial_processes 1\n"));
}

}  // namespace
}  // namespace assay
