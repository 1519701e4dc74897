#include "search/gradient/gradient_chain.h"

#include <gtest/gtest.h>

#include <limits>

namespace assay {
namespace {

Trial RunTo(int64_t step) {
  Trial run;
  run.id = {step};
  run.from_step = step - 1;
  run.to_step = step;
  return run;
}

const UnitGradient kUp = {{1}, {0}};

// Accepted at 1, 2, 3 with values 1, 2, 3: smoothed 2.25, changes of 1 and 1.5.
GradientChain ThreeRuns() {
  GradientChain chain(1, 0.1);
  for (int64_t step = 1; step <= 3; ++step) {
    EXPECT_TRUE(chain.Bring(RunTo(step), static_cast<double>(step), kUp));
  }
  return chain;
}

TEST(GradientChainTest, GoesOnFromWhatIsNotMuchWorse) {
  GradientChain chain = ThreeRuns();
  EXPECT_TRUE(chain.Bring(RunTo(4), 0, kUp));
  EXPECT_EQ(chain.step(), 4);
  EXPECT_EQ(chain.losses(), 0);
}

TEST(GradientChainTest, ARunThatIsMuchWorseHalvesTheMoveFromTheOneBefore) {
  GradientChain chain = ThreeRuns();
  const double move = chain.Move()[0];
  EXPECT_FALSE(chain.Bring(RunTo(4), -1, kUp));
  EXPECT_EQ(chain.step(), 3);
  EXPECT_DOUBLE_EQ(chain.Move()[0], move / 2);
  chain.Lose();
  EXPECT_DOUBLE_EQ(chain.Move()[0], move / 4);
}

TEST(GradientChainTest, AfterThreeLossesItTakesWhatComesOrIsLost) {
  GradientChain chain = ThreeRuns();
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(chain.Bring(RunTo(4), -9, kUp));
  EXPECT_TRUE(chain.Move().empty());
  EXPECT_FALSE(chain.is_lost());
  GradientChain other = chain;
  EXPECT_TRUE(chain.Bring(RunTo(4), -9, kUp));
  EXPECT_EQ(chain.losses(), 0);
  other.Lose();
  EXPECT_TRUE(other.is_lost());
}

TEST(GradientChainTest, ABrokenBoundIsTakenBackAndComparesWithNothing) {
  GradientChain chain = ThreeRuns();
  EXPECT_FALSE(
      chain.Bring(RunTo(4), -std::numeric_limits<double>::infinity(), kUp));
  GradientChain broken(1, 0.1);
  EXPECT_TRUE(
      broken.Bring(RunTo(1), -std::numeric_limits<double>::infinity(), kUp));
  for (int64_t step = 2; step <= 5; ++step) {
    EXPECT_TRUE(broken.Bring(RunTo(step), static_cast<double>(step), kUp));
  }
  EXPECT_FALSE(broken.Bring(RunTo(6), -99, kUp));
}

TEST(GradientChainTest, WithoutAGradientThereIsNoMove) {
  GradientChain chain = ThreeRuns();
  EXPECT_TRUE(chain.Bring(RunTo(4), 4, std::nullopt));
  EXPECT_TRUE(chain.Move().empty());
}

TEST(GradientChainTest, ItsValueAtAStepIsTheLastUpToThere) {
  const GradientChain chain = ThreeRuns();
  EXPECT_EQ(chain.ValueAt(0), 1);
  EXPECT_EQ(chain.ValueAt(2), 2);
  EXPECT_EQ(chain.ValueAt(9), 3);
}

}  // namespace
}  // namespace assay
