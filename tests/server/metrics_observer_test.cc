#include "server/metrics_observer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "absl/strings/str_cat.h"
#include "tests/server/server_fixture.h"

namespace assay {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class MetricsObserverTest : public CoreTest {
 protected:
  MetricsObserverTest() { core_->studies.AddObserver(observer_); }
  ~MetricsObserverTest() override { core_.reset(); }  // Before its observer.

  std::string Scrape() {
    core_->Settle();
    return metrics_.Serialize();
  }

  // The value of the first line that begins with `series` and has `label`.
  std::string ValueOf(const std::string& series, const std::string& label) {
    const std::string text = Scrape();
    for (size_t line = text.find("\n" + series); line != std::string::npos;
         line = text.find("\n" + series, line + 1)) {
      const std::string whole =
          text.substr(line + 1, text.find('\n', line + 1) - line - 1);
      if (whole.find(label) != std::string::npos) {
        return whole.substr(whole.rfind(' ') + 1);
      }
    }
    return "none";
  }

  Token Lease(const std::string& client = "c") {
    return TokenOf(core_->Lease(study_, client));
  }

  ServerMetrics metrics_{clock_.Now()};
  MetricsObserver observer_{
      {core_->studies, core_->storage, core_->workers, metrics_}};
  StudyId study_;
};

class ShownStudyTest : public MetricsObserverTest {
 protected:
  void SetUp() override { study_ = core_->Create(GridSpec("a", 100)); }
};

TEST_F(ShownStudyTest, CountsTrialsByState) {
  ASSERT_TRUE(core_->Complete(Lease(), 1).ok());
  Lease("c1");
  Lease("c2");
  EXPECT_EQ(ValueOf("assay_trials{", "state=\"completed\""), "1");
  EXPECT_EQ(ValueOf("assay_trials{", "state=\"running\""), "2");
  EXPECT_THAT(Scrape(), HasSubstr("study=\"local/a\""));
}

TEST_F(ShownStudyTest, ShowsTheBestValue) {
  EXPECT_EQ(ValueOf("assay_study_best_value{", "metric=\"loss\""), "none");
  ASSERT_TRUE(core_->Complete(Lease(), 0.5).ok());
  EXPECT_EQ(ValueOf("assay_study_best_value{", "metric=\"loss\""), "0.5");
  ASSERT_TRUE(core_->Complete(Lease(), 0.25).ok());
  ASSERT_TRUE(core_->Complete(Lease(), 0.75).ok());
  EXPECT_EQ(ValueOf("assay_study_best_value{", "metric=\"loss\""), "0.25");
}

TEST_F(MetricsObserverTest, TheBestOfAScheduleIsThatOfWholeTrainings) {
  StudySpec spec = GridSpec("a", 100);
  spec.algorithm.name = "random";
  spec.schedule = {.name = "asha", .max_steps = 9};
  study_ = core_->Create(spec);
  const auto best = [&] {
    return ValueOf("assay_study_best_value{", "metric=\"loss\"");
  };
  for (int64_t step = 0; step < 9;) {
    if (step > 0) {
      EXPECT_EQ(best(), "1");
    }
    const Trial run = core_->Lease(study_, "c").trial;
    step = run.to_step;
    ASSERT_TRUE(
        core_->Complete({run.id, 1}, static_cast<double>(run.to_step)).ok());
    core_->Settle();
  }
  EXPECT_EQ(best(), "9");
}

TEST_F(ShownStudyTest, AFailedOrStoppedTrialIsNotTheBest) {
  ASSERT_TRUE(core_->Complete(Lease(), 0.5).ok());
  ASSERT_TRUE(
      core_->Complete(Lease(), std::numeric_limits<double>::quiet_NaN()).ok());
  const Token stopped = Lease();
  ASSERT_TRUE(core_->StopTrial(stopped.trial).ok());
  ASSERT_TRUE(core_->Complete(stopped, 0.1).ok());
  EXPECT_EQ(ValueOf("assay_study_best_value{", "metric=\"loss\""), "0.5");
}

TEST_F(ShownStudyTest, AddsTheSecondsOfAttemptsByTheirEnd) {
  const Token completed = Lease();
  clock_.Advance(absl::Seconds(10));
  ASSERT_TRUE(core_->Complete(completed, 1).ok());
  const Token failed = Lease();
  clock_.Advance(absl::Seconds(5));
  ASSERT_TRUE(core_->Fail(failed).ok());
  EXPECT_EQ(ValueOf("assay_training_seconds_total{", "finished"), "10");
  EXPECT_EQ(ValueOf("assay_training_seconds_total{", "failed"), "5");
}

TEST_F(ShownStudyTest, CountsLeasesThatRanOut) {
  Lease();
  core_->Advance(absl::Minutes(10));
  core_->dispatcher.ExpireLeases();
  EXPECT_EQ(ValueOf("assay_lease_expiries_total", ""), "1");
}

TEST_F(ShownStudyTest, MeasuresTheStockOfReadyProposals) {
  Lease();
  core_->Settle();
  observer_.MeasureStock();
  EXPECT_EQ(ValueOf("assay_stock_proposals{", "local/a"),
            absl::StrCat(core_->studies.RunnerIfAny(study_)->stock()));
}

TEST_F(MetricsObserverTest, AStudyThatNoWorkerServesSaysWhy) {
  study_ = core_->Create(WorkerSpec("ann", "w"));
  observer_.MeasureWaiting();
  EXPECT_EQ(ValueOf("assay_study_waiting{", "reason=\"no_worker\""), "1");
  ASSERT_TRUE(core_->Pause(study_).ok());
  observer_.MeasureWaiting();
  EXPECT_EQ(ValueOf("assay_study_waiting{", ""), "none");
}

TEST_F(ShownStudyTest, AStudyThatIsOverIsShownNoMore) {
  const Token running = Lease();
  ASSERT_TRUE(core_->Stop(study_).ok());
  EXPECT_THAT(Scrape(), HasSubstr("local/a"));  // One still runs.
  ASSERT_TRUE(core_->Complete(running, 1).ok());
  EXPECT_THAT(Scrape(), Not(HasSubstr("local/a")));
}

TEST_F(ShownStudyTest, ADeletedStudyIsShownNoMore) {
  const Token running = Lease();
  ASSERT_TRUE(core_->Delete(study_).ok());
  EXPECT_THAT(Scrape(), Not(HasSubstr("local/a")));
  ASSERT_TRUE(core_->Complete(running, 1).ok());
  EXPECT_THAT(Scrape(), Not(HasSubstr("local/a")));
}

TEST_F(ShownStudyTest, AReopenedStudyIsShownAgainWithItsBest) {
  ASSERT_TRUE(core_->Complete(Lease(), 0.5).ok());
  ASSERT_TRUE(core_->SetBudget(study_, {.max_trials = 1}).ok());
  EXPECT_THAT(Scrape(), Not(HasSubstr("local/a")));
  ASSERT_TRUE(core_->SetBudget(study_, {.max_trials = 3}).ok());
  EXPECT_THAT(Scrape(), HasSubstr("local/a"));
  ASSERT_TRUE(core_->Complete(Lease(), 0.75).ok());
  EXPECT_EQ(ValueOf("assay_study_best_value{", "metric=\"loss\""), "0.5");
}

TEST_F(ShownStudyTest, LoadShowsWhatWasThereBefore) {
  ASSERT_TRUE(core_->Complete(Lease(), 0.5).ok());
  ServerMetrics fresh(clock_.Now());
  MetricsObserver observer(
      {core_->studies, core_->storage, core_->workers, fresh});
  ASSERT_TRUE(observer.Load().ok());
  EXPECT_THAT(fresh.Serialize(), HasSubstr("metric=\"loss\""));
  EXPECT_THAT(fresh.Serialize(), HasSubstr("study=\"local/a\""));
}

}  // namespace
}  // namespace assay
