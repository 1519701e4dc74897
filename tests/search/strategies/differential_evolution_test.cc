#include "search/strategies/differential_evolution.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/search/strategies/learned.h"

namespace assay {
namespace {

using ::testing::HasSubstr;

constexpr int kMembers = 30;  // Ten for each parameter.

StudySpec Spec() {
  return SpecWith("differential_evolution", {{"same", DoubleDomain{}, {}, {}},
                                             {"two", DoubleDomain{}, {}, {}},
                                             {"own", DoubleDomain{}, {}, {}}});
}

Parameters Point(double same, double two, double own) {
  return {{"same", same}, {"two", two}, {"own", own}};
}

// All have the same value of one parameter, and one of two of another.
std::vector<Trial> Members() {
  std::vector<Trial> members;
  for (int i = 0; i < kMembers; ++i) {
    members.push_back(
        Completed(Point(0.5, i % 2 == 0 ? 0.4 : 0.6, 0.3 + 0.01 * i),
                  {{"loss", 10 + i}}));
  }
  return members;
}

TEST(DifferentialEvolutionTest, WhereAllMembersAgreeAChildDoesToo) {
  const auto strategy = Learned(Spec(), Members());
  for (const Proposal& child : Propose(*strategy, 2 * kMembers)) {
    EXPECT_DOUBLE_EQ(Number(child.parameters, "same"), 0.5);
  }
}

// base + F (a - b), each of them 0.4 or 0.6.
TEST(DifferentialEvolutionTest, AChildIsABaseAndTheScaledDifferenceOfTwo) {
  const auto strategy = Learned(Spec(), Members());
  int checked = 0, mutated = 0;
  for (const Proposal& child : Propose(*strategy, 2 * kMembers)) {
    if (child.origin.why.find("F 0.50") == std::string::npos) continue;
    const double tenths = 10 * Number(child.parameters, "two");
    EXPECT_NEAR(tenths, std::round(tenths), 1e-9);
    EXPECT_GE(tenths, 3 - 1e-9);
    EXPECT_LE(tenths, 7 + 1e-9);
    mutated += std::lround(tenths) % 2;  // 0.3, 0.5, 0.7.
    ++checked;
  }
  EXPECT_GE(checked, kMembers);  // A tenth of them renew F.
  EXPECT_GE(mutated, 5);
}

TEST(DifferentialEvolutionTest, MembersAreChallengedInTurnByRandAndBest) {
  const auto strategy = Learned(Spec(), Members());
  const std::vector<Proposal> children = Propose(*strategy, 2 * kMembers);
  int best = 0;
  for (int i = 0; i < 2 * kMembers; ++i) {
    EXPECT_EQ(children[i].origin.ordinal, i);
    EXPECT_THAT(children[i].origin.why,
                HasSubstr(absl::StrCat("member ", i % kMembers + 1, " of 30")));
    best += children[i].origin.why.starts_with("best/1/bin");
  }
  EXPECT_NEAR(best, kMembers, 15);
}

// What is proposed once a child at `point` ended with this loss.
std::vector<Proposal> ProposedAfter(Parameters point, double loss) {
  const auto strategy = Learned(Spec(), Members());
  Proposal child = Propose(*strategy, 1)[0];
  child.parameters = std::move(point);
  strategy->Observe(Completed(child, {{"loss", loss}}));
  return Propose(*strategy, kMembers);
}

bool AreEqual(const std::vector<Proposal>& a, const std::vector<Proposal>& b) {
  for (size_t i = 0; i < a.size(); ++i) {
    if (Identity(a[i].parameters) != Identity(b[i].parameters)) return false;
  }
  return true;
}

TEST(DifferentialEvolutionTest, AChildTakesThePlaceOnlyIfItIsNotWorse) {
  const Parameters here = Point(0.1, 0.2, 0.3), there = Point(0.9, 0.8, 0.7);
  EXPECT_TRUE(AreEqual(ProposedAfter(here, 99), ProposedAfter(there, 99)));
  EXPECT_FALSE(AreEqual(ProposedAfter(here, 0), ProposedAfter(there, 0)));
}

}  // namespace
}  // namespace assay
