#include "search/gp/transfer_fit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "search/gp/metric_model.h"
#include "search/gp/transfer_mean.h"
#include "search/gp/transfer_sources.h"
#include "tests/search/gp/transfer_studies.h"

namespace assay {
namespace {

class TransferFitTest : public testing::Test {
 protected:
  TransferFitTest() : sources_(SquareSpec()) {
    sources_.Add(RandomStudy("good", Trust::kSimilar, 60, Bowl(0.3, 0.4)));
    sources_.Add(RandomStudy(
        "other", Trust::kSimilar, 61,
        [](double x, double y) { return std::sin(9 * x) * std::cos(7 * y); }));
    sources_.Fit();
  }

  // Of a metric to be maximised, at `n` random points.
  MetricModel::Data DataOf(int n, const Function& value) const {
    Random random(11);
    MetricModel::Data data{Eigen::MatrixXd(n, 2), Eigen::VectorXd(n),
                           Eigen::VectorXd::Ones(n)};
    for (int i = 0; i < n; ++i) {
      const std::vector<double> point = {random.Uniform(), random.Uniform()};
      data.x.row(i) = sources_.features().Embed(point);
      data.values[i] = value(point[0], point[1]);
    }
    return data;
  }

  // Of y that is sum of weights times the sources.
  Eigen::VectorXd WeightsFor(double good, double other) const {
    MetricModel::Data data = DataOf(15, [](double, double) { return 0; });
    const Eigen::MatrixXd basis =
        TransferMean::Basis(sources_.processes(0), data.x);
    const Eigen::VectorXd y = basis * Eigen::Vector3d(0.2, good, other);
    Random random(1);
    return FitTransfer(sources_.features(), data.x, basis, y, data.multipliers,
                       1, {}, random)
        .weights;
  }

  // Of a model that was told `results` of a bowl, over the whole square.
  double ErrorAfter(int results,
                    const std::vector<const GaussianProcess*>& sources) const {
    const Function value = [](double x, double y) {
      return 5 - 3 * Bowl(0.3, 0.4)(x, y);
    };
    MetricModel model(MetricModel::Role::kObjective, sources_.features(),
                      {.transform = BayesianOptions::Transform::kStandardize},
                      1);
    model.SetSources(sources);
    model.Fit(DataOf(results, value), /*anchor=*/true);
    const MetricModel::Data test = DataOf(200, value);
    return (model.Expect(test.x) - test.values).norm();
  }

  TransferSources sources_;
};

TEST_F(TransferFitTest, FindsTheWeightsThatExplainTheTargets) {
  const Eigen::VectorXd weights = WeightsFor(0.9, 0);
  EXPECT_NEAR(weights[1], 0.9, 0.1);
  EXPECT_NEAR(weights[2], 0, 0.1);
}

TEST_F(TransferFitTest, ASourceThatIsWrongThroughoutGetsANegativeWeight) {
  EXPECT_LT(WeightsFor(-0.9, 0)[1], -0.4);
}

// Two results say little of the whole square; a source of the same shape says
// the rest.
TEST_F(TransferFitTest, AModelWithSourcesKnowsWhereItHasNoResults) {
  EXPECT_LT(ErrorAfter(6, sources_.processes(0)), 0.5 * ErrorAfter(6, {}));
}

// After some results the model is as it would be without the source.
TEST_F(TransferFitTest, AMisleadingSourceIsLeftOut) {
  EXPECT_LT(ErrorAfter(25, {&sources_.process(1, 0)}),
            1.3 * ErrorAfter(25, {}));
}

}  // namespace
}  // namespace assay
