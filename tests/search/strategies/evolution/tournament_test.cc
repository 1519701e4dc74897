#include "search/strategies/evolution/tournament.h"

#include <functional>
#include <vector>

#include "gtest/gtest.h"

namespace assay {
namespace {

// With replacement the k-th best of n wins with ((n-k)^s - (n-k-1)^s) / n^s.
TEST(TournamentTest, TheBestOfThoseDrawnWins) {
  constexpr int kDraws = 50000;
  Random random(2);
  std::vector<int> wins(4, 0);
  for (int i = 0; i < kDraws; ++i)
    ++wins[Tournament(4, 3, std::less(), random)];
  EXPECT_NEAR(wins[0] / double{kDraws}, 37 / 64.0, 0.01);
  EXPECT_NEAR(wins[1] / double{kDraws}, 19 / 64.0, 0.01);
  EXPECT_NEAR(wins[2] / double{kDraws}, 7 / 64.0, 0.01);
  EXPECT_NEAR(wins[3] / double{kDraws}, 1 / 64.0, 0.01);
}

TEST(TournamentTest, OfOneTheOnlyOneWins) {
  Random random(2);
  EXPECT_EQ(Tournament(1, 10, std::less(), random), 0);
}

}  // namespace
}  // namespace assay
