#include "server/metrics.h"

#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/metric_table.h"

namespace assay {
namespace {

using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::Not;

StudyCounts Running(int64_t running) {
  StudyCounts counts;
  counts.running = running;
  return counts;
}

class MetricsTest : public ::testing::Test {
 protected:
  ServerMetrics metrics_{absl::FromUnixSeconds(1'700'000'000)};
};

TEST_F(MetricsTest, ListIsWhatAScrapeShows) {
  metrics_.AddStudy({1}, "ann/mnist");
  metrics_.SetTrials({1}, Running(1));
  metrics_.SetBest({1}, "loss", 1);
  metrics_.SetStock({1}, 1);
  metrics_.SetSaved({1}, ServerMetrics::Saver::kSchedule, 1);
  metrics_.SetWaiting({1}, "busy");
  metrics_.ObserveSearch("random", absl::Milliseconds(3));
  metrics_.ObserveSuggest("random", absl::Seconds(1));
  metrics_.ObserveRpc("TrialService/Report", absl::StatusCode::kOk,
                      absl::Seconds(1));
  EXPECT_THAT(ScrapedFamilies(metrics_.Serialize()),
              ElementsAreArray(ListedFamilies(ServerMetrics::List())));
}

// The table is made from the list: on a difference, copy it.
TEST_F(MetricsTest, DocumentationShowsTheList) {
  EXPECT_THAT(DocumentedRows(ASSAY_METRICS_TABLE, "coordinator"),
              ElementsAreArray(ListedRows(ServerMetrics::List())));
}

TEST_F(MetricsTest, TrialsOfAStudyByState) {
  metrics_.AddStudy({7}, "ann/mnist");
  StudyCounts counts;
  counts.pending = 1;
  counts.running = 2;
  counts.completed = 3;
  counts.stopped = 4;
  counts.failed = 5;
  counts.infeasible = 6;
  metrics_.SetTrials({7}, counts);
  const std::string text = metrics_.Serialize();
  int expected = 1;
  for (const char* state :
       {"pending", "running", "completed", "stopped", "failed", "infeasible"}) {
    EXPECT_THAT(text, HasSubstr(absl::StrCat("assay_trials{id=\"7\",state=\"",
                                             state, "\",study=\"ann/mnist\"} ",
                                             expected++, "\n")));
  }
}

TEST_F(MetricsTest, BestValueIsTheNewest) {
  metrics_.AddStudy({7}, "ann/mnist");
  metrics_.SetBest({7}, "loss", 0.5);
  metrics_.SetBest({7}, "loss", 0.25);
  EXPECT_THAT(metrics_.Serialize(),
              HasSubstr("assay_study_best_value{id=\"7\",metric=\"loss\","
                        "study=\"ann/mnist\"} 0.25\n"));
}

TEST_F(MetricsTest, RemovedStudyLeavesNothingAndNeverComesBack) {
  metrics_.AddStudy({7}, "ann/mnist");
  metrics_.SetTrials({7}, Running(1));
  metrics_.SetBest({7}, "loss", 0.5);
  metrics_.SetStock({7}, 3);
  metrics_.SetSaved({7}, ServerMetrics::Saver::kEarlyStopping, 9);
  metrics_.SetWaiting({7}, "no_worker");
  metrics_.RemoveStudy({7});
  metrics_.RemoveStudy({7});
  metrics_.SetBest({7}, "loss", 0.25);
  EXPECT_THAT(metrics_.Serialize(), Not(HasSubstr("mnist")));
}

TEST_F(MetricsTest, StudyOfARemovedNameIsAnother) {
  metrics_.AddStudy({7}, "ann/mnist");
  metrics_.SetStock({7}, 3);
  metrics_.AddStudy({8}, "ann/mnist");
  metrics_.SetStock({8}, 4);
  metrics_.RemoveStudy({7});
  EXPECT_THAT(
      metrics_.Serialize(),
      HasSubstr("assay_stock_proposals{id=\"8\",study=\"ann/mnist\"} 4"));
}

TEST_F(MetricsTest, StudiesBeyondTheLimitAreCounted) {
  for (int id = 1; id <= ServerMetrics::kMaxStudies + 2; ++id) {
    metrics_.AddStudy({id}, absl::StrCat("local/s", id, "."));
    metrics_.SetStock({id}, id);
  }
  std::string text = metrics_.Serialize();
  EXPECT_THAT(text, HasSubstr("assay_studies 202\n"));
  EXPECT_THAT(text, HasSubstr("assay_studies_without_series 2\n"));
  EXPECT_THAT(text, HasSubstr("s200."));
  EXPECT_THAT(text, Not(HasSubstr("s201.")));

  // It moves up when a place becomes free.
  metrics_.RemoveStudy({3});
  metrics_.SetStock({202}, 5);
  text = metrics_.Serialize();
  EXPECT_THAT(text, HasSubstr("s202."));
  EXPECT_THAT(text, HasSubstr("assay_studies_without_series 1\n"));
}

TEST_F(MetricsTest, AStudyWaitsForOneReasonAtATime) {
  metrics_.AddStudy({7}, "ann/mnist");
  metrics_.SetWaiting({7}, "no_worker");
  metrics_.SetWaiting({7}, "busy");
  const std::string text = metrics_.Serialize();
  EXPECT_THAT(text, HasSubstr("assay_study_waiting{id=\"7\",reason=\"busy\","
                              "study=\"ann/mnist\"} 1\n"));
  EXPECT_THAT(text, Not(HasSubstr("no_worker\"")));
  metrics_.SetWaiting({7}, "");
  EXPECT_THAT(metrics_.Serialize(), Not(HasSubstr("assay_study_waiting{")));
}

TEST_F(MetricsTest, SavedTrainingByWhatSavedIt) {
  metrics_.AddStudy({7}, "ann/mnist");
  metrics_.SetSaved({7}, ServerMetrics::Saver::kEarlyStopping, 90);
  metrics_.SetSaved({7}, ServerMetrics::Saver::kSchedule, -2);
  const std::string text = metrics_.Serialize();
  EXPECT_THAT(text, HasSubstr("{by=\"early_stopping\",id=\"7\",study="
                              "\"ann/mnist\"} 90\n"));
  EXPECT_THAT(text, HasSubstr("{by=\"schedule\",id=\"7\",study="
                              "\"ann/mnist\"} -2\n"));
}

TEST_F(MetricsTest, ATotalThatIsCountedElsewhereNeverFalls) {
  metrics_.SetCommitFailures(3);
  metrics_.SetCommitFailures(2);
  EXPECT_THAT(metrics_.Serialize(),
              HasSubstr("assay_commit_failures_total 3\n"));
}

TEST_F(MetricsTest, RpcsByMethodAndCode) {
  metrics_.ObserveRpc("TrialService/Report", absl::StatusCode::kOk,
                      absl::Milliseconds(3));
  metrics_.ObserveRpc("TrialService/Report", absl::StatusCode::kNotFound,
                      absl::Milliseconds(3));
  const std::string text = metrics_.Serialize();
  EXPECT_THAT(text, HasSubstr("assay_rpcs_total{code=\"NOT_FOUND\",method="
                              "\"TrialService/Report\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("assay_rpc_seconds_bucket{method=\"TrialService/"
                              "Report\",le=\"0.005\"} 2\n"));
}

TEST_F(MetricsTest, TrainingSecondsByOutcome) {
  metrics_.AddTrainingSeconds(AttemptOutcome::kCompleted, 10);
  metrics_.AddTrainingSeconds(AttemptOutcome::kStopped, 20);
  metrics_.AddTrainingSeconds(AttemptOutcome::kFailed, 30);
  metrics_.AddTrainingSeconds(AttemptOutcome::kInfeasible, 1);
  metrics_.AddTrainingSeconds(AttemptOutcome::kLost, 40);
  metrics_.AddTrainingSeconds(AttemptOutcome::kPreempted, 2);
  const std::string text = metrics_.Serialize();
  for (const char* line : {"finished\"} 10\n", "stopped\"} 20\n",
                           "failed\"} 31\n", "lost\"} 42\n"}) {
    EXPECT_THAT(text, HasSubstr(absl::StrCat(
                          "assay_training_seconds_total{outcome=\"", line)));
  }
}

TEST_F(MetricsTest, ReportsCountTheirMeasurements) {
  metrics_.CountReport(1);
  metrics_.CountReport(20);
  EXPECT_THAT(metrics_.Serialize(), HasSubstr("assay_reports_total 2\n"));
  EXPECT_THAT(metrics_.Serialize(), HasSubstr("assay_measurements_total 21\n"));
}

TEST_F(MetricsTest, ManyThreadsLoseNoCount) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([this, t] {
      for (int i = 0; i < 1000; ++i) {
        metrics_.ObserveRpc("TrialService/Report", absl::StatusCode::kOk,
                            absl::Milliseconds(1));
        metrics_.AddStudy({t + 1}, "local/a");
        metrics_.SetStock({t + 1}, i);
        if (i % 100 == 0) metrics_.Serialize();
        metrics_.RemoveStudy({t + 1});
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(metrics_.Serialize(),
              HasSubstr("assay_rpcs_total{code=\"OK\",method="
                        "\"TrialService/Report\"} 4000\n"));
  EXPECT_THAT(metrics_.Serialize(), HasSubstr("assay_studies 0\n"));
}

}  // namespace
}  // namespace assay
