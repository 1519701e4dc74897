#include "search/schedules/explore.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

namespace assay {
namespace {

ParameterValue Text(const char* text) { return std::string(text); }

SearchSpace MixedSpace() {
  return *SearchSpace::Create(
      {{"lr",
        DoubleDomain{.min = 1e-5, .max = 0.1, .scale = Scale::kLog},
        {},
        {}},
       {"offset", DoubleDomain{.min = -1, .max = 1}, {}, {}},
       {"rate", DoubleDomain{.min = 0.1, .max = 0.5, .step = 0.05}, {}, {}},
       {"depth", IntegerDomain{.min = 1, .max = 50}, {}, {}},
       {"batch", DiscreteDomain{{16, 32, 64, 128}}, {}, {}},
       {"optimizer", CategoricalDomain{{Text("sgd"), Text("adam")}}, {}, {}},
       {"momentum",
        DoubleDomain{.min = 0.5, .max = 0.99},
        {},
        Condition{"optimizer", {Text("sgd")}}}},
      {"depth * rate <= 20"});
}

Parameters Of(const SearchSpace& space) {
  return *space.Canonical({{"lr", 1e-3},
                           {"offset", 0.0},
                           {"rate", 0.2},
                           {"depth", int64_t{2}},
                           {"batch", 32.0},
                           {"optimizer", Text("adam")}});
}

double Number(const Parameters& parameters, const char* name) {
  return *AsNumber(parameters.at(name));
}

TEST(ExploreTest, NumbersMoveByAFifth) {
  const SearchSpace space = MixedSpace();
  Random random(1);
  std::set<int64_t> rates, offsets, depths, batches;
  for (int i = 0; i < 100; ++i) {
    const Parameters to = Explore(space, Of(space), 0, random);
    ASSERT_TRUE(space.Check(to).ok());
    rates.insert(std::llround(Number(to, "lr") * 1e6));
    offsets.insert(std::llround(Number(to, "offset") * 1000));
    depths.insert(std::llround(Number(to, "depth")));
    batches.insert(std::llround(Number(to, "batch")));
    EXPECT_EQ(to.at("optimizer"), Text("adam"));
  }
  EXPECT_THAT(rates, testing::ElementsAre(800, 1200));
  EXPECT_THAT(offsets, testing::ElementsAre(-200, 200)) << "a tenth of 2";
  EXPECT_THAT(depths, testing::ElementsAre(1, 3)) << "by 1 at least";
  EXPECT_THAT(batches, testing::ElementsAre(16, 64));
}

TEST(ExploreTest, ItStaysInTheRange) {
  const SearchSpace space = MixedSpace();
  Parameters at_the_end = Of(space);
  at_the_end["lr"] = 0.1;
  Random random(1);
  for (int i = 0; i < 50; ++i) {
    const Parameters to = Explore(space, at_the_end, 0, random);
    const double rate = Number(to, "lr");
    EXPECT_TRUE(rate == 0.1 || std::abs(rate - 0.08) < 1e-12) << rate;
  }
}

TEST(ExploreTest, ByTheChanceAParameterIsDrawnAnew) {
  const SearchSpace space = MixedSpace();
  Random random(1);
  int others = 0;
  int sgd = 0;
  for (int i = 0; i < 1000; ++i) {
    const Parameters to = Explore(space, Of(space), 0.25, random);
    ASSERT_TRUE(space.Check(to).ok()) << space.Check(to);
    const int64_t rate = std::llround(Number(to, "lr") * 1e6);
    others += rate != 800 && rate != 1200;
    sgd += to.at("optimizer") == Text("sgd");
    EXPECT_EQ(to.contains("momentum"), to.at("optimizer") == Text("sgd"));
  }
  EXPECT_NEAR(others, 250, 50);
  EXPECT_NEAR(sgd, 125, 40) << "half of those that are drawn anew";
}

}  // namespace
}  // namespace assay
