#include "search/strategies/tpe/parzen_mixture.h"

#include <cmath>
#include <string>

#include "gtest/gtest.h"
#include "search/domain.h"

namespace assay {
namespace {

using Bandwidth = ParzenMixture::Bandwidth;

CategoricalDomain Letters(int count) {
  CategoricalDomain domain;
  for (int i = 0; i < count; ++i) {
    domain.values.push_back(std::string(1, static_cast<char>('a' + i)));
  }
  return domain;
}

std::vector<double> RandomPoint(const std::vector<Axis>& axes, Random& random) {
  std::vector<double> point;
  for (const Axis& axis : axes) point.push_back(axis.Snap(random.Uniform()));
  return point;
}

class ParzenMixtureTest : public testing::TestWithParam<Bandwidth> {
 protected:
  ParzenMixture Filled(const std::vector<Axis>& axes, int count) const {
    ParzenMixture mixture(axes, GetParam());
    Random random(count);
    for (int i = 0; i < count; ++i) {
      mixture.Insert(i, RandomPoint(axes, random));
    }
    mixture.Settle();
    return mixture;
  }

  const Domain real_ = DoubleDomain{};
  const Domain integer_ = IntegerDomain{.min = 1, .max = 7};
  const Domain logarithmic_ =
      IntegerDomain{.min = 1, .max = 200, .scale = Scale::kLog};
  const Domain letter_ = Letters(4);
};

INSTANTIATE_TEST_SUITE_P(Both, ParzenMixtureTest,
                         testing::Values(Bandwidth::kGaps, Bandwidth::kShared),
                         [](const auto& test) {
                           return test.param == Bandwidth::kGaps ? "Gaps"
                                                                 : "Shared";
                         });

TEST_P(ParzenMixtureTest, TheDensityOfARealNumberIntegratesToOne) {
  const std::vector<Axis> axes = {Axis(real_)};
  for (const int count : {0, 1, 5, 25, 300}) {
    const ParzenMixture mixture = Filled(axes, count);
    constexpr int kCells = 20'000;
    double sum = 0;
    for (int i = 0; i < kCells; ++i) {
      sum += std::exp(mixture.LogDensity({(i + 0.5) / kCells})) / kCells;
    }
    EXPECT_NEAR(sum, 1, 2e-3) << count;
  }
}

TEST_P(ParzenMixtureTest, TheProbabilitiesOfLevelsSumToNearlyOne) {
  const std::vector<Axis> axes = {Axis(integer_)};
  for (const int count : {0, 1, 5, 25, 300}) {
    const ParzenMixture mixture = Filled(axes, count);
    double sum = 0;
    for (int k = 0; k < 7; ++k) {
      sum += std::exp(mixture.LogDensity({(k + 0.5) / 7})) / 7;
    }
    EXPECT_NEAR(sum, 1, 0.05) << count;
  }
}

TEST_P(ParzenMixtureTest, TheProbabilitiesOfCategoriesSumToOne) {
  const std::vector<Axis> axes = {Axis(letter_)};
  for (const int count : {0, 1, 5, 25, 300}) {
    const ParzenMixture mixture = Filled(axes, count);
    double sum = 0;
    for (int k = 0; k < 4; ++k) {
      sum += std::exp(mixture.LogDensity({axes[0].Category(k)}));
    }
    EXPECT_NEAR(sum, 1, 1e-5) << count;
  }
}

TEST_P(ParzenMixtureTest, DrawsFollowTheDensity) {
  const std::vector<Axis> axes = {Axis(integer_), Axis(letter_)};
  const ParzenMixture mixture = Filled(axes, 6);
  constexpr int kDraws = 100'000;
  std::vector<int> counts(28);
  Random random(1);
  for (int i = 0; i < kDraws; ++i) {
    const std::vector<double> point = mixture.Draw(random);
    ++counts[static_cast<int>(point[0] * 7) * 4 +
             static_cast<int>(point[1] * 4)];
  }
  for (int cell = 0; cell < 28; ++cell) {
    const double u = (cell / 4 + 0.5) / 7;
    const double v = axes[1].Category(cell % 4);
    const double expected = std::exp(mixture.LogDensity({u, v})) / 7;
    EXPECT_NEAR(static_cast<double>(counts[cell]) / kDraws, expected,
                0.1 * expected + 0.003);
  }
}

TEST_P(ParzenMixtureTest, DrawsAreValuesOfTheirAxes) {
  const std::vector<Axis> axes = {Axis(integer_), Axis(logarithmic_)};
  const ParzenMixture mixture = Filled(axes, 10);
  Random random(1);
  for (int i = 0; i < 1000; ++i) {
    const std::vector<double> point = mixture.Draw(random);
    for (size_t j = 0; j < axes.size(); ++j) {
      EXPECT_EQ(point[j], axes[j].Snap(point[j]));
    }
  }
}

TEST_P(ParzenMixtureTest, AMixtureIsAFunctionOfItsPointsAlone) {
  const std::vector<Axis> axes = {Axis(real_), Axis(integer_), Axis(letter_)};
  Random random(3);
  std::vector<std::vector<double>> points;
  ParzenMixture changed(axes, GetParam());
  for (int i = 0; i < 400; ++i) {
    const size_t at = random.Below(points.size() + 1);
    if (random.Below(3) == 0 && at < points.size()) {
      changed.Erase(static_cast<int>(at));
      points.erase(points.begin() + static_cast<int64_t>(at));
    } else {
      const std::vector<double> point = RandomPoint(axes, random);
      changed.Insert(static_cast<int>(at), point);
      points.insert(points.begin() + static_cast<int64_t>(at), point);
    }
    if (random.Below(2) == 0) changed.Settle();
  }
  changed.Settle();
  ParzenMixture fresh(axes, GetParam());
  for (size_t i = 0; i < points.size(); ++i) {
    fresh.Insert(static_cast<int>(i), points[i]);
  }
  fresh.Settle();
  ASSERT_EQ(changed.size(), fresh.size());
  for (int i = 0; i < 100; ++i) {
    const std::vector<double> point = RandomPoint(axes, random);
    EXPECT_EQ(changed.LogDensity(point), fresh.LogDensity(point));
  }
}

TEST_P(ParzenMixtureTest, OldPointsWeighLess) {
  const std::vector<Axis> axes = {Axis(real_)};
  ParzenMixture mixture(axes, GetParam());
  for (int i = 0; i < 100; ++i) {
    mixture.Insert(i, std::vector<double>{i < 50 ? 0.2 : 0.8});
  }
  mixture.Settle();
  EXPECT_GT(mixture.LogDensity({0.8}), mixture.LogDensity({0.2}));
}

TEST_P(ParzenMixtureTest, ManyAxesDoNotUnderflow) {
  const std::vector<Axis> axes(1000, Axis(real_));
  const ParzenMixture mixture = Filled(axes, 30);
  Random random(9);
  EXPECT_TRUE(std::isfinite(mixture.LogDensity(RandomPoint(axes, random))));
  EXPECT_TRUE(std::isfinite(mixture.LogDensity(mixture.Draw(random))));
}

std::vector<PriorDensity> PriorsOf(const Domain& number, const Domain& list) {
  return {PriorDensity({.domain = number,
                        .prior = NormalPrior{.mean = 2, .deviation = 0.1}}),
          PriorDensity({.domain = list, .prior = WeightsPrior{{0, 5, 1, 0}}})};
}

TEST_P(ParzenMixtureTest, AUsersPriorsAreTheWideKernel) {
  const std::vector<Axis> axes = {Axis(integer_), Axis(letter_)};
  const std::vector<PriorDensity> priors = PriorsOf(integer_, letter_);
  ParzenMixture mixture(axes, GetParam(), priors);
  EXPECT_NEAR(mixture.LogDensity({1.5 / 7, axes[1].Category(1)}),
              priors[0].LogDensity(1.5 / 7) +
                  priors[1].LogDensity(axes[1].Category(1)) - std::log(4),
              1e-6);
}

TEST_P(ParzenMixtureTest, DrawsFollowTheDensityOfAUsersPriors) {
  const std::vector<Axis> axes = {Axis(integer_), Axis(letter_)};
  const std::vector<PriorDensity> priors = PriorsOf(integer_, letter_);
  const ParzenMixture mixture(axes, GetParam(), priors);
  constexpr int kDraws = 20'000;
  std::vector<int> letters(4);
  int near = 0;
  Random random(1);
  for (int i = 0; i < kDraws; ++i) {
    const std::vector<double> point = mixture.Draw(random);
    ++letters[static_cast<int>(point[1] * 4)];
    near += point[0] < 3.0 / 7;
  }
  EXPECT_NEAR(letters[1], kDraws * (0.9 * 5 / 6 + 0.1 / 4), 0.02 * kDraws);
  EXPECT_NEAR(letters[0], kDraws * 0.1 / 4, 0.01 * kDraws);
  EXPECT_GT(near, 0.85 * kDraws);
}

}  // namespace
}  // namespace assay
