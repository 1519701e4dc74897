#include "search/strategies/tpe/parameter_groups.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace assay {
namespace {

using ::testing::ElementsAre;

ParameterValue Text(const char* text) { return std::string(text); }

Parameter Real(const char* name, std::optional<Condition> when = {}) {
  return {name, DoubleDomain{}, {}, std::move(when)};
}

TEST(ParameterGroupsTest, WithoutConditionsThereIsOne) {
  const auto space = *SearchSpace::Create({Real("a"), Real("b")});
  const auto groups = GroupParameters(space);
  ASSERT_EQ(groups.size(), 1u);
  EXPECT_THAT(groups[0].parameters, ElementsAre(0, 1));
  EXPECT_EQ(groups[0].parent, -1);
}

TEST(ParameterGroupsTest, ThoseWithOneConditionInCommonAreTogether) {
  const Condition sgd{"optimizer", {Text("sgd")}};
  const Condition adam{"optimizer", {Text("adam")}};
  const auto space = *SearchSpace::Create(
      {Real("momentum", sgd),
       Real("beta", adam),
       Real("nesterov", sgd),
       {"optimizer", CategoricalDomain{{Text("sgd"), Text("adam")}}, {}, {}}});
  const auto groups = GroupParameters(space);
  ASSERT_EQ(groups.size(), 3u);
  EXPECT_THAT(groups[0].parameters, ElementsAre(3));
  EXPECT_THAT(groups[1].parameters, ElementsAre(0, 2));
  EXPECT_EQ(groups[1].parent, 3);
  EXPECT_THAT(groups[1].levels, ElementsAre(0));
  EXPECT_THAT(groups[2].parameters, ElementsAre(1));
  EXPECT_THAT(groups[2].levels, ElementsAre(1));
}

TEST(ParameterGroupsTest, AConditionThatAlwaysHoldsIsNone) {
  const auto space = *SearchSpace::Create(
      {{"kind", CategoricalDomain{{Text("x"), Text("y")}}, {}, {}},
       Real("always", Condition{"kind", {Text("x"), Text("y")}})});
  const auto groups = GroupParameters(space);
  ASSERT_EQ(groups.size(), 1u);
  EXPECT_THAT(groups[0].parameters, ElementsAre(0, 1));
}

TEST(ParameterGroupsTest, TheParentsGroupComesFirst) {
  const auto space = *SearchSpace::Create(
      {Real("leaf", Condition{"inner", {Text("on")}}),
       {"inner",
        CategoricalDomain{{Text("on"), Text("off")}},
        {},
        Condition{"root", {Text("on")}}},
       {"root", CategoricalDomain{{Text("on"), Text("off")}}, {}, {}}});
  const auto groups = GroupParameters(space);
  ASSERT_EQ(groups.size(), 3u);
  EXPECT_THAT(groups[0].parameters, ElementsAre(2));
  EXPECT_THAT(groups[1].parameters, ElementsAre(1));
  EXPECT_THAT(groups[2].parameters, ElementsAre(0));
}

}  // namespace
}  // namespace assay
