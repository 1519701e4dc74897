#include "search/parameter.h"

#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace assay {
namespace {

TEST(ParameterTest, TextIsAsPeopleWriteIt) {
  EXPECT_EQ(ToText(ParameterValue(0.001)), "0.001");
  EXPECT_EQ(ToText(ParameterValue(1e-4)), "0.0001");
  EXPECT_EQ(ToText(ParameterValue(1e-5)), "1e-5");
  EXPECT_EQ(ToText(ParameterValue(-2.5e-300)), "-2.5e-300");
  EXPECT_EQ(ToText(ParameterValue(1e20)), "1e+20");
  EXPECT_EQ(ToText(ParameterValue(123456.0)), "123456");
  EXPECT_EQ(ToText(ParameterValue(0.1 + 0.2)), "0.30000000000000004");
  EXPECT_EQ(ToText(ParameterValue(int64_t{3})), "3");
  EXPECT_EQ(ToText(ParameterValue(std::string("adam"))), "adam");
  EXPECT_EQ(ToText(ParameterValue(true)), "true");
  EXPECT_EQ(ToText(Parameters{{"units", int64_t{3}}, {"lr", 0.001}}),
            "{lr: 0.001, units: 3}");
}

TEST(ParameterTest, NumbersAreTheSameWhateverTheirType) {
  EXPECT_TRUE(SameValue(int64_t{1}, 1.0));
  EXPECT_TRUE(SameValue(0.0, -0.0));
  EXPECT_FALSE(SameValue(int64_t{1}, 1.5));
  EXPECT_FALSE(SameValue(int64_t{1}, true));
  EXPECT_FALSE(SameValue(int64_t{1}, std::string("1")));
  EXPECT_FALSE(SameValue((int64_t{1} << 53) + 1, 0x1p53));
}

TEST(ParameterTest, IdentityIgnoresOnlyHowANumberIsWritten) {
  const auto identity = [](ParameterValue value) {
    return Identity({{"x", std::move(value)}});
  };
  EXPECT_EQ(identity(0.0), identity(-0.0));
  EXPECT_EQ(identity(2.0), identity(int64_t{2}));
  EXPECT_NE(identity(0.3), identity(0.1 + 0.2));
  EXPECT_NE(identity(int64_t{1}), identity(true));
  EXPECT_NE(identity(int64_t{1}), identity(std::string("1")));
  EXPECT_NE(identity(1e300), identity(std::numeric_limits<double>::infinity()));
}

TEST(ParameterTest, IdentityCannotBeForgedByNamesOrTexts) {
  const std::string tricky = "n1;1:bs0:";
  EXPECT_NE(Identity({{"a", tricky}}),
            Identity({{"a", int64_t{1}}, {"b", std::string()}}));
  EXPECT_NE(Identity({{"ab", int64_t{1}}}), Identity({{"a", int64_t{1}}}));
  EXPECT_NE(Identity({}), Identity({{"", std::string()}}));
}

}  // namespace
}  // namespace assay
