#include "search/gp/prior_pull.h"

#include <algorithm>
#include <cmath>

#include "gtest/gtest.h"
#include "search/math/random.h"

namespace assay {
namespace {

std::vector<double> Rising(int count) {
  std::vector<double> values;
  for (int i = 0; i < count; ++i) values.push_back(i);
  return values;
}

TEST(PriorPullTest, FadesWithTheResults) {
  std::vector<double> agreeing = Rising(40);
  std::reverse(agreeing.begin(), agreeing.end());  // The best first.
  EXPECT_DOUBLE_EQ(PriorWeight(agreeing), 2.0 / 40);
  EXPECT_EQ(PriorWeight({}), 0);
}

TEST(PriorPullTest, IsSilentWhenTheResultsContradict) {
  EXPECT_EQ(PriorWeight(Rising(10)), 0);
}

TEST(PriorPullTest, StandsWhileTheResultsSayNothing) {
  EXPECT_DOUBLE_EQ(PriorWeight({-1.5}), 2);
  EXPECT_DOUBLE_EQ(PriorWeight({-0.1, -0.1, -0.1, -0.1}), 0.5);
}

// Which ranks the densities have is chance: seldom more than half is lost.
TEST(PriorPullTest, ChanceRarelySilencesIt) {
  Random random(1);
  int silent = 0;
  for (int i = 0; i < 1000; ++i) {
    std::vector<double> values(20);
    for (double& value : values) value = random.Uniform();
    silent += PriorWeight(values) == 0;
  }
  EXPECT_NEAR(silent, 309, 60);  // Phi(-1/2).
}

}  // namespace
}  // namespace assay
