#include "search/gp/candidate_space.h"

#include <cmath>
#include <set>

#include "gtest/gtest.h"

namespace assay {
namespace {

ParameterValue Text(const char* text) { return std::string(text); }

SearchSpace Conditional() {
  return *SearchSpace::Create(
      {{"optimizer", CategoricalDomain{{Text("sgd"), Text("adam")}}, {}, {}},
       {"momentum", DoubleDomain{}, {}, Condition{"optimizer", {Text("sgd")}}},
       {"layers", IntegerDomain{.min = 1, .max = 4}, {}, {}},
       {"width",
        IntegerDomain{.min = 1, .max = 4096, .scale = Scale::kLog},
        {},
        Condition{"layers", {int64_t{2}, int64_t{3}}}}},
      {"layers < 4"});
}

TEST(CandidateSpaceTest, ResolvesToWhatTheEncodingGives) {
  const SearchSpace space = Conditional();
  const CandidateSpace candidates(space);
  Random random(1);
  for (int i = 0; i < 200; ++i) {
    Eigen::VectorXd point = candidates.Resolve(candidates.Draw(random));
    const std::vector<double> encoded = space.Encode(
        space.Decode(absl::MakeConstSpan(point.data(), point.size())));
    for (int j = 0; j < 4; ++j) {
      EXPECT_EQ(std::isnan(point[j]), std::isnan(encoded[j]));
      if (j == 1 || j == 3 || std::isnan(point[j])) continue;
      EXPECT_EQ(point[j], encoded[j]);
    }
  }
}

TEST(CandidateSpaceTest, NumbersOfManyValuesMoveAsContinuousOnes) {
  const SearchSpace space = Conditional();
  const CandidateSpace candidates(space);
  EXPECT_FALSE(candidates.IsContinuous(0));
  EXPECT_TRUE(candidates.IsContinuous(1));
  EXPECT_FALSE(candidates.IsContinuous(2));
  EXPECT_TRUE(candidates.IsContinuous(3));
}

TEST(CandidateSpaceTest, KeysTellConfigurationsApart) {
  const SearchSpace space = Conditional();
  const CandidateSpace candidates(space);
  Eigen::VectorXd whole(4);
  whole << 0.75, 0.3, 0.4, 0.5;
  const uint64_t key = candidates.Key(candidates.Resolve(whole));
  whole[3] += 1e-9;  // The same integer.
  whole[1] = 0.9;    // Inactive.
  EXPECT_EQ(candidates.Key(candidates.Resolve(whole)), key);
  whole[3] = 0.6;
  EXPECT_NE(candidates.Key(candidates.Resolve(whole)), key);
}

TEST(CandidateSpaceTest, ListsSmallSpacesWithoutWhatTheConstraintsForbid) {
  const SearchSpace space =
      *SearchSpace::Create({{"a", IntegerDomain{.min = 0, .max = 4}, {}, {}},
                            {"b", IntegerDomain{.min = 0, .max = 6}, {}, {}}},
                           {"a + b != 3"});
  const CandidateSpace candidates(space);
  ASSERT_TRUE(candidates.IsListed());
  EXPECT_EQ(candidates.listed().size(), 31u);
  std::set<uint64_t> keys;
  for (const auto& point : candidates.listed()) {
    EXPECT_TRUE(keys.insert(candidates.Key(point)).second);
  }
  const SearchSpace infinite = Conditional();
  EXPECT_FALSE(CandidateSpace(infinite).IsListed());
}

}  // namespace
}  // namespace assay
