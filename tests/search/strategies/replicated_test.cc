#include "search/strategies/replicated.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "search/factory.h"
#include "search/replicates.h"

namespace assay {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// Remembers what it is told.
class Spy : public SearchStrategy {
 public:
  struct Seen {
    std::vector<Trial> observed;
    std::vector<Measurement> reports;
    std::vector<Trial> unfinished;
  };
  explicit Spy(Seen& seen) : seen_(seen) {}

  bool WantsReports() const override { return true; }
  void ObserveReport(const Trial&, const Measurement& report) override {
    seen_.reports.push_back(report);
  }
  void Observe(const Trial& trial) override { seen_.observed.push_back(trial); }
  absl::StatusOr<std::vector<Proposal>> Suggest(
      absl::Span<const Trial> unfinished, int, Random&) override {
    seen_.unfinished.assign(unfinished.begin(), unfinished.end());
    return std::vector<Proposal>();
  }
  bool Learns() const override { return true; }

 private:
  Seen& seen_;
};

Trial RunOf(int64_t number, double x, int32_t replicate) {
  Trial trial;
  trial.id = TrialId{100 + number};
  trial.number = number;
  trial.parameters = {{"x", x}};
  trial.replicate = replicate;
  trial.origin.strategy = "random";
  return trial;
}

Trial Ended(Trial trial, double loss) {
  trial.state = TrialState::kCompleted;
  trial.final_metrics = {{"loss", loss}};
  return trial;
}

class ReplicatedTest : public testing::Test {
 protected:
  std::vector<Trial> Unfinished(const std::vector<Trial>& trials) {
    Random random(1, 1);
    EXPECT_TRUE(strategy_.Suggest(trials, 1, random).ok());
    return seen_.unfinished;
  }

  Spy::Seen seen_;
  StudySpec spec_{.replicates = 3, .gradients = {.metric = "loss"}};
  ReplicatedStrategy strategy_{std::make_unique<Spy>(seen_), spec_};
};

TEST_F(ReplicatedTest, AConfigurationIsObservedOnceWhenAllOfItEnded) {
  strategy_.Observe(Ended(RunOf(0, 0.5, 0), 1));
  strategy_.Observe(Ended(RunOf(3, 0.7, 0), 9));
  strategy_.Observe(Ended(RunOf(2, 0.5, 2), 3));
  EXPECT_THAT(seen_.observed, IsEmpty());
  strategy_.Observe(Ended(RunOf(1, 0.5, 1), 2));
  ASSERT_THAT(seen_.observed, SizeIs(1));
  EXPECT_EQ(seen_.observed[0].number, 0);
  EXPECT_EQ(seen_.observed[0].replicate, 0);
  EXPECT_EQ(seen_.observed[0].final_metrics.at("loss"), 2);
}

TEST_F(ReplicatedTest, OfReportsTheMeanGradientIsHeard) {
  const auto end = [&](int32_t replicate, double slope) {
    const Trial trial = Ended(RunOf(replicate, 0.5, replicate), replicate);
    for (const double loss : {7.0, double(replicate)}) {
      Measurement report{.metrics = {{"loss", loss}}};
      report.gradients["loss"]["x"] = slope;
      strategy_.ObserveReport(trial, report);
    }
    strategy_.Observe(trial);
  };
  end(0, 1), end(1, 2);
  EXPECT_THAT(seen_.reports, IsEmpty());
  end(2, 6);
  ASSERT_THAT(seen_.reports, SizeIs(1));
  EXPECT_EQ(seen_.reports[0].metrics.at("loss"), 1);
  EXPECT_EQ(seen_.reports[0].gradients.at("loss").at("x"), 3);
}

TEST_F(ReplicatedTest, WithoutGradientsNoReportIsHeard) {
  for (int32_t replicate = 0; replicate < 3; ++replicate) {
    const Trial trial = Ended(RunOf(replicate, 0.5, replicate), 1);
    strategy_.ObserveReport(trial, {.metrics = {{"loss", 1}}});
    strategy_.Observe(trial);
  }
  EXPECT_THAT(seen_.observed, SizeIs(1));
  EXPECT_THAT(seen_.reports, IsEmpty());
}

TEST_F(ReplicatedTest, AConfigurationIsUnfinishedUntilAllOfItEnded) {
  const auto first = Unfinished(
      {RunOf(0, 0.5, 0), RunOf(1, 0.5, 1), RunOf(2, 0.5, 2), RunOf(3, 0.7, 0)});
  ASSERT_THAT(first, SizeIs(2));
  EXPECT_EQ(first[0].number, 0);
  EXPECT_EQ(first[1].number, 3);
  strategy_.Observe(Ended(RunOf(0, 0.5, 0), 1));
  strategy_.Observe(Ended(RunOf(1, 0.5, 1), 1));
  const auto later = Unfinished({RunOf(2, 0.5, 2), RunOf(3, 0.7, 0)});
  ASSERT_THAT(later, SizeIs(2));
  EXPECT_EQ(later[0].replicate, 0);
}

TEST_F(ReplicatedTest, WhatWasImportedOrIsRunAgainIsPassedOnAsItIs) {
  Trial imported = Ended(RunOf(0, 0.5, 0), 1);
  imported.origin.strategy = "import";
  strategy_.Observe(imported);
  EXPECT_THAT(seen_.observed, SizeIs(1));
  Trial again = RunOf(1, 0.5, 1);
  again.origin.strategy = "retry";
  again.retry_of = TrialId{7};
  const auto unfinished = Unfinished({again});
  ASSERT_THAT(unfinished, SizeIs(1));
  EXPECT_EQ(unfinished[0].replicate, 1);
}

TEST_F(ReplicatedTest, AConfigurationThatIsRunTwiceIsObservedTwice) {
  for (int64_t number = 0; number < 6; ++number) {
    strategy_.Observe(
        Ended(RunOf(number, 0.5, static_cast<int32_t>(number / 2)), 1));
  }
  EXPECT_THAT(seen_.observed, SizeIs(2));
}

TEST(ReplicatedFactoryTest, EachConfigurationIsProposedOnce) {
  StudySpec spec;
  spec.metrics = {{.name = "loss"}};
  spec.space = *SearchSpace::Create(
      {{.name = "x", .domain = IntegerDomain{.min = 0, .max = 3}}});
  spec.algorithm.name = "grid";
  spec.replicates = 2;
  const auto strategy = MakeSearchStrategy(spec).value();
  std::vector<Trial> unfinished;
  std::vector<int64_t> proposed;
  for (int64_t i = 0;; ++i) {
    Random random(1, static_cast<uint64_t>(i));
    const auto proposals = strategy->Suggest(unfinished, 1, random);
    if (!proposals.ok()) {
      EXPECT_EQ(proposals.status().code(), absl::StatusCode::kOutOfRange);
      break;
    }
    Trial first = AsTrial(proposals->at(0));
    proposed.push_back(std::get<int64_t>(first.parameters.at("x")));
    unfinished.push_back(ReplicateOf(first, 1));
    // The first ends before the second: the configuration goes on.
    first.state = TrialState::kCompleted;
    first.final_metrics = {{"loss", 1}};
    strategy->Observe(first);
    if (i % 2 == 0) continue;
    Trial second = unfinished.front();
    unfinished.erase(unfinished.begin());
    second.state = TrialState::kFailed;
    strategy->Observe(second);
  }
  EXPECT_THAT(proposed, ElementsAre(0, 1, 2, 3));
}

}  // namespace
}  // namespace assay
