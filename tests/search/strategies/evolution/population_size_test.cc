#include "search/strategies/evolution/population_size.h"

#include "gtest/gtest.h"

namespace assay {
namespace {

int SizeAt(std::optional<int64_t> max_trials) {
  StudySpec spec;
  spec.budget.max_trials = max_trials;
  return PopulationSize(spec, 50, 10);
}

TEST(PopulationSizeTest, IsATenthOfTheTrialsBetweenTheLeastAndTheWanted) {
  EXPECT_EQ(SizeAt(1), 10);
  EXPECT_EQ(SizeAt(100), 10);
  EXPECT_EQ(SizeAt(300), 30);
  EXPECT_EQ(SizeAt(500), 50);
  EXPECT_EQ(SizeAt(100000), 50);
  EXPECT_EQ(SizeAt(std::nullopt), 50);
}

}  // namespace
}  // namespace assay
