#include "client/cli/table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace assay {
namespace {

using ::testing::ElementsAre;

constexpr Look kPlain{.color = false, .unicode = false, .width = 0};

TEST(TableTest, NumbersStandRight) {
  Table table({{"id", true}, {"name"}});
  table.AddRow({{"1"}, {"one"}});
  table.AddRow({{"100"}, {"hundred"}});
  EXPECT_THAT(table.Lines(kPlain),
              ElementsAre(" id  name", "  1  one", "100  hundred"));
}

TEST(TableTest, FlexibleColumnsAreCutToTheWidth) {
  Table table({{"id", true}, {"name", false, true}});
  table.AddRow({{"1"}, {"a very long name that does not fit"}});
  Look narrow = kPlain;
  narrow.width = 20;
  EXPECT_THAT(table.Lines(narrow),
              ElementsAre("id  name", " 1  a very long n..."));
}

TEST(TableTest, WhatCouldSteerATerminalIsShownAsSpaces) {
  Table table({{"name"}});
  table.AddRow({{"\033[31mred\nline"}});
  EXPECT_THAT(table.Lines(kPlain), ElementsAre("name", " [31mred line"));
}

TEST(TerminalTest, ColoursOnlyWhereWanted) {
  EXPECT_EQ(Paint("x", Style::kRed, kPlain), "x");
  Look look = kPlain;
  look.color = true;
  EXPECT_EQ(Paint("x", Style::kRed, look), "\033[31mx\033[0m");
}

TEST(TerminalTest, WideCharactersTakeTwoColumns) {
  EXPECT_EQ(DisplayWidth("漢字"), 4);
  EXPECT_EQ(DisplayWidth("e\xCC\x81"), 1);
  const Look look{.color = false, .unicode = true, .width = 80};
  EXPECT_EQ(Fit("漢字漢字", 5, look), "漢字…");
  EXPECT_EQ(PadRight("漢", 4, look), "漢  ");
}

TEST(TerminalTest, TheBarFillsWithTheFraction) {
  EXPECT_EQ(Bar(0, 4, kPlain), "....");
  EXPECT_EQ(Bar(0.5, 4, kPlain), "##..");
  EXPECT_EQ(Bar(7, 4, kPlain), "####");
  EXPECT_EQ(Bar(std::numeric_limits<double>::quiet_NaN(), 4, kPlain), "....");
}

TEST(TerminalTest, ThePlotHasItsCornersInTheCorners) {
  EXPECT_THAT(Plot({{0, 0}, {1, 1}}, 5, 3, kPlain),
              ElementsAre("    *", "     ", "*    "));
}

}  // namespace
}  // namespace assay
