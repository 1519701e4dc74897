#include "worker/argv_template.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace assay {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const Parameters kParameters = {{"lr", 0.001},
                                {"units", int64_t{3}},
                                {"name", std::string("a b; rm -rf $HOME")},
                                {"flag", true}};

TEST(ArgvTemplateTest, ReplacesEachKindAsPeopleWriteIt) {
  EXPECT_THAT(*ExpandArgv({"--lr={lr}", "{units}", "{flag}"}, kParameters),
              ElementsAre("--lr=0.001", "3", "true"));
}

TEST(ArgvTemplateTest, OneArgumentStaysOneWhateverTheValueHolds) {
  EXPECT_THAT(*ExpandArgv({"sh", "x={name}"}, kParameters),
              ElementsAre("sh", "x=a b; rm -rf $HOME"));
}

TEST(ArgvTemplateTest, AValueIsNotExpandedAgain) {
  EXPECT_THAT(*ExpandArgv({"{a}"}, {{"a", std::string("{b}")}}),
              ElementsAre("{b}"));
}

TEST(ArgvTemplateTest, DoubledBracesAreBraces) {
  EXPECT_THAT(*ExpandArgv({"{{lr}}", "{{{lr}}}"}, kParameters),
              ElementsAre("{lr}", "{0.001}"));
}

TEST(ArgvTemplateTest, AnUnknownNameIsAnErrorThatNamesTheKnown) {
  const auto argv = ExpandArgv({"--x={x}"}, kParameters);
  EXPECT_EQ(argv.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(argv.status().message()),
              HasSubstr("no parameter \"x\"; it has flag, lr, name, units"));
}

TEST(ArgvTemplateTest, ABraceWithoutItsPartnerIsAnError) {
  EXPECT_FALSE(ExpandArgv({"{lr"}, kParameters).ok());
  EXPECT_FALSE(ExpandArgv({"lr}"}, kParameters).ok());
}

}  // namespace
}  // namespace assay
