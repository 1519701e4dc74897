#include "search/gp/transfer_sources.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/search/gp/transfer_studies.h"

namespace assay {
namespace {

TEST(TransferSourcesTest, ModelsEachStudyWhereLargerIsBetter) {
  TransferSources sources(SquareSpec());
  sources.Add(RandomStudy("local/a", Trust::kSimilar, 40, Bowl(0.2, 0.3)));
  sources.Add(RandomStudy("local/b", Trust::kSimilar, 50, Bowl(0.8, 0.7)));
  sources.Fit();
  ASSERT_EQ(sources.size(), 2);
  EXPECT_EQ(sources.name(1), "local/b");
  const Eigen::MatrixXd x = sources.features().EmbedRows(
      (Eigen::MatrixXd(2, 2) << 0.2, 0.3, 0.8, 0.7).finished());
  const Eigen::VectorXd a = sources.process(0, 0).Mean(x);
  const Eigen::VectorXd b = sources.process(1, 0).Mean(x);
  EXPECT_GT(a[0], a[1] + 1);
  EXPECT_GT(b[1], b[0] + 1);
}

TEST(TransferSourcesTest, OfALongStudyTheBestAndSomeOfItsWholeCourseAreKept) {
  TransferSources sources(SquareSpec());
  sources.Add(RandomStudy("local/a", Trust::kSimilar, 900, Bowl(0.5, 0.5)));
  const auto& trials = sources.trials(0);
  ASSERT_EQ(static_cast<int>(trials.size()), TransferSources::kMaxRows);
  int good = 0;
  double worst = 0;
  for (const Observation& trial : trials) {
    good += trial.values[0] > -0.05;
    worst = std::min(worst, trial.values[0]);
  }
  EXPECT_GT(good, TransferSources::kMaxRows / 2 - 50);
  EXPECT_LT(worst, -0.3) << "the bad ones tell where not to look";
}

TEST(TransferSourcesTest, AStudyWithoutResultsIsLeftOut) {
  TransferSources sources(SquareSpec());
  EarlierStudy empty = RandomStudy("a", Trust::kSimilar, 3, Bowl(0, 0));
  for (Trial& trial : empty.trials) trial.state = TrialState::kStopped;
  sources.Add(empty);
  EXPECT_TRUE(sources.empty());
}

}  // namespace
}  // namespace assay
