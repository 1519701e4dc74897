#include "search/gp/transfer_portfolio.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/search/gp/transfer_studies.h"

namespace assay {
namespace {

std::vector<TransferPortfolio::Point> Portfolio(
    const std::vector<EarlierStudy>& studies, int count) {
  TransferSources sources(SquareSpec());
  for (const EarlierStudy& study : studies) sources.Add(study);
  sources.Fit();
  return TransferPortfolio::Make(sources, 1, count);
}

double Distance(const TransferPortfolio::Point& point, double x, double y) {
  return std::hypot(point.point[0] - x, point.point[1] - y);
}

TEST(TransferPortfolioTest, BeginsWhereMostStudiesAreGood) {
  const auto portfolio =
      Portfolio({RandomStudy("a", Trust::kSimilar, 60, Bowl(0.3, 0.3)),
                 RandomStudy("b", Trust::kSimilar, 61, Bowl(0.35, 0.3)),
                 RandomStudy("c", Trust::kSimilar, 62, Bowl(0.9, 0.9))},
                2);
  ASSERT_EQ(portfolio.size(), 2u);
  EXPECT_LT(Distance(portfolio[0], 0.4, 0.4), 0.2);
  EXPECT_LT(Distance(portfolio[1], 0.9, 0.9), 0.2)
      << "then what the first leaves worst";
}

TEST(TransferPortfolioTest, PointsAreDifferentTrialsOfTheStudies) {
  const EarlierStudy study =
      RandomStudy("a", Trust::kSimilar, 4, Bowl(0.3, 0.3));
  const auto portfolio = Portfolio({study, study}, 9);
  ASSERT_EQ(portfolio.size(), 4u) << "no more than there are";
  for (size_t i = 0; i < 4; ++i) {
    int same = 0;
    for (const Trial& trial : study.trials) {
      same +=
          SquareSpec()->space.Encode(trial.parameters) == portfolio[i].point;
    }
    EXPECT_EQ(same, 1);
    for (size_t k = 0; k < i; ++k) {
      EXPECT_NE(portfolio[i].point, portfolio[k].point);
    }
  }
}

}  // namespace
}  // namespace assay
