#include "server/savings_meter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "server/recorded_trials.h"
#include "tests/server/server_fixture.h"

namespace assay {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class SavingsMeterTest : public CoreTest {
 protected:
  SavingsMeterTest() { core_->studies.AddObserver(meter_); }
  ~SavingsMeterTest() override { core_.reset(); }  // Before its observer.

  StudyId Create(StudySpec spec) {
    spec.max_wait = absl::InfiniteDuration();
    const StudyId study = core_->Create(std::move(spec));
    metrics_.AddStudy(study, "local/s");
    return study;
  }
  StudyId CreateWithRule(int points = 100) {
    StudySpec spec = GridSpec("s", points);
    spec.stopping.rules = {{.name = "threshold", .upper = 5}};
    return Create(spec);
  }

  // A trial that reports these at 2 s a step, until it is told to stop.
  Token Train(StudyId study, const std::vector<double>& losses) {
    const Token token = TokenOf(core_->Lease(study, "c"));
    int64_t step = 0;
    for (const double loss : losses) {
      Measurement measurement{.step = ++step};
      measurement.elapsed_seconds = 2.0 * static_cast<double>(step);
      measurement.metrics = {{"loss", loss}};
      const auto advice = core_->Report(token, measurement);
      EXPECT_TRUE(advice.ok()) << advice.status();
      if (advice->should_stop) break;
    }
    EXPECT_TRUE(core_->Complete(token, losses.back()).ok());
    return token;
  }

  std::string Scrape() {
    core_->Settle();
    meter_.Measure();
    core_->Settle();
    return metrics_.Serialize();
  }

  ServerMetrics metrics_{clock_.Now()};
  SavingsMeter meter_{{core_->studies, core_->storage, metrics_, core_->pool}};
};

std::string Saved(const char* by, double seconds) {
  return absl::StrCat("assay_study_saved_training_seconds{by=\"", by,
                      "\",id=\"1\",study=\"local/s\"} ", seconds, "\n");
}

TEST_F(SavingsMeterTest, FollowsWhatTheRuleSaves) {
  const StudyId study = CreateWithRule();
  Train(study, {4, 3, 2, 1});
  EXPECT_THAT(Scrape(), HasSubstr(Saved("early_stopping", 0)));
  Train(study, {9});
  EXPECT_THAT(Scrape(), HasSubstr(Saved("early_stopping", 6)));
  Train(study, {4, 9});
  EXPECT_THAT(Scrape(), HasSubstr(Saved("early_stopping", 10)));
  Train(study, {4, 3, 2, 1, 1, 1});  // They might have gone further.
  EXPECT_THAT(Scrape(), HasSubstr(Saved("early_stopping", 18)));
}

TEST_F(SavingsMeterTest, FollowsWhatTheScheduleSaves) {
  StudySpec spec = GridSpec("s", 100);
  spec.algorithm.name = "random";
  spec.schedule = {.name = "asha", .max_steps = 9};
  const StudyId study = Create(spec);
  Train(study, {4});
  Train(study, {3});
  EXPECT_THAT(Scrape(), HasSubstr(Saved("schedule", 2 * 8 * 2)));
  EXPECT_THAT(Scrape(), Not(HasSubstr("by=\"early_stopping\"")));
}

TEST_F(SavingsMeterTest, AStudyWithoutEitherHasNoSeries) {
  Train(Create(GridSpec("s", 100)), {4});
  EXPECT_THAT(Scrape(), Not(HasSubstr("saved_training_seconds{")));
}

TEST_F(SavingsMeterTest, LoadReadsWhatWasThereBefore) {
  const StudyId study = CreateWithRule();
  Train(study, {4, 3, 2, 1});
  Train(study, {9});
  core_->Settle();
  ServerMetrics fresh(clock_.Now());
  fresh.AddStudy(study, "local/s");
  SavingsMeter meter({core_->studies, core_->storage, fresh, core_->pool});
  ASSERT_TRUE(meter.Load().ok());
  meter.Measure();
  core_->Settle();
  EXPECT_THAT(fresh.Serialize(), HasSubstr(Saved("early_stopping", 6)));
}

TEST_F(SavingsMeterTest, AReopenedStudyIsReadAnew) {
  const StudyId study = CreateWithRule();
  Train(study, {4, 3, 2, 1});
  Train(study, {9});
  ASSERT_TRUE(core_->SetBudget(study, {.max_trials = 2}).ok());
  metrics_.RemoveStudy(study);
  EXPECT_THAT(Scrape(), Not(HasSubstr("saved_training_seconds{")));
  ASSERT_TRUE(core_->SetBudget(study, {.max_trials = 5}).ok());
  metrics_.AddStudy(study, "local/s");
  EXPECT_THAT(Scrape(), HasSubstr(Saved("early_stopping", 6)));
}

// A scrape of a long log costs nothing, and the log is read once.
TEST_F(SavingsMeterTest, SaysWhatTheWholeRecordSaysAfterManyPages) {
  const StudyId study = CreateWithRule(1000);
  std::vector<double> losses(30, 4.0);
  for (int i = 0; i < 80; ++i) {
    losses.back() = i % 3 == 0 ? 9 : 4;
    Train(study, losses);
    if (i % 20 == 0) Scrape();
  }
  Train(study, {9});
  core_->Settle();
  const auto view = core_->studies.Get(study);
  ASSERT_TRUE(view.ok());
  const auto recorded = ReadRecordedTrials(core_->storage, *view,
                                           [] { return absl::OkStatus(); });
  ASSERT_TRUE(recorded.ok()) << recorded.status();
  const auto savings = SavingsOf(*view->spec, *recorded);
  EXPECT_EQ(savings->seconds, 29 * 2);
  EXPECT_THAT(Scrape(), HasSubstr(Saved("early_stopping", savings->seconds)));
}

}  // namespace
}  // namespace assay
