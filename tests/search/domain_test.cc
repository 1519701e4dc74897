#include "search/domain.h"

#include <cmath>
#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace assay {
namespace {

using ::testing::HasSubstr;

const double kInfinity = std::numeric_limits<double>::infinity();
const double kNan = std::numeric_limits<double>::quiet_NaN();

TEST(DomainTest, BadDomainsAreRefusedWithValueAndAllowed) {
  struct Case {
    Domain domain;
    const char* message;
  };
  const Case cases[] = {
      {DoubleDomain{.min = 0.1, .max = 0.01}, "min 0.1 is above max 0.01"},
      {DoubleDomain{.min = kNan}, "min nan, must be finite"},
      {DoubleDomain{.max = kInfinity}, "max inf, must be finite"},
      {DoubleDomain{.min = -1e308, .max = 1e308}, "too wide for a double"},
      {DoubleDomain{.scale = Scale::kLog},
       "min 0 on a log scale, must be above 0"},
      {DoubleDomain{.min = -1, .scale = Scale::kReverseLog},
       "min -1 on a reverse-log scale, must be above 0"},
      {DoubleDomain{.min = 0.1, .scale = Scale::kLogit},
       "max 1 on a logit scale, must be below 1"},
      {DoubleDomain{.step = 0}, "step 0, must be above 0"},
      {DoubleDomain{.step = kNan}, "step nan, must be above 0"},
      {DoubleDomain{.step = 1.5}, "step 1.5 is longer than the range"},
      {DoubleDomain{.step = 1e-300}, "step 1e-300 is too fine"},
      {IntegerDomain{.min = 3, .max = 2}, "min 3 is above max 2"},
      {IntegerDomain{.scale = Scale::kLogit}, "scale logit on an integer"},
      {IntegerDomain{.scale = Scale::kLog}, "min 0 on a log scale"},
      {IntegerDomain{.step = 0}, "step 0, must be above 0"},
      {IntegerDomain{.min = 0, .max = 4, .step = 5}, "step 5 is longer than"},
      {IntegerDomain{.min = std::numeric_limits<int64_t>::min(),
                     .max = std::numeric_limits<int64_t>::max()},
       "allowed are -9007199254740992 to 9007199254740992"},
      {CategoricalDomain{}, "no values, at least one is needed"},
      {CategoricalDomain{{std::string("a"), std::string("a")}},
       "value a is there twice"},
      {CategoricalDomain{{int64_t{1}, 1.0}}, "value 1 is there twice"},
      {CategoricalDomain{{kNan}}, "value nan, must be finite"},
      {CategoricalDomain{{std::string("\xFF")}}, "not valid UTF-8"},
      {CategoricalDomain{std::vector<ParameterValue>(1001)},
       "1001 values, allowed are 1000"},
      {DiscreteDomain{}, "no values"},
      {DiscreteDomain{{1, 3, 2}}, "value 2 after 3, must rise"},
      {DiscreteDomain{{1, 1}}, "value 1 after 1, must rise"},
      {DiscreteDomain{{1, kInfinity}}, "value inf, must be finite"},
  };
  for (const Case& c : cases) {
    const absl::Status status = CheckDomain(c.domain, 1000);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << c.message;
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.message));
  }
}

TEST(DomainTest, ARangeOfOnePointIsFine) {
  for (const Domain& domain :
       {Domain(DoubleDomain{.min = 2, .max = 2}),
        Domain(IntegerDomain{.min = 2, .max = 2}),
        Domain(DoubleDomain{.min = 2, .max = 2, .scale = Scale::kLog})}) {
    ASSERT_TRUE(CheckDomain(domain, 10).ok());
    EXPECT_EQ(Levels(domain), 1);
    for (const double u : {0.0, 0.3, 1.0}) {
      EXPECT_TRUE(SameValue(FromUnit(domain, u), int64_t{2}));
    }
    EXPECT_EQ(ToUnit(domain, LevelValue(domain, 0)), 0.5);
  }
}

TEST(DomainTest, SteppedDoublesEndAtTheLastStepWithinTheRange) {
  const Domain tenths = DoubleDomain{.min = 0, .max = 0.3, .step = 0.1};
  EXPECT_EQ(Levels(tenths), 4);
  EXPECT_EQ(LevelValue(tenths, 3), ParameterValue(0.3));
  const Domain uneven = DoubleDomain{.min = 1, .max = 2, .step = 0.3};
  EXPECT_EQ(Levels(uneven), 4);
  EXPECT_EQ(LevelValue(uneven, 3), ParameterValue(1.9));
}

TEST(DomainTest, SteppedValuesMayBeOffByARoundingError) {
  const Domain domain = DoubleDomain{.min = 0, .max = 1, .step = 0.1};
  EXPECT_EQ(*CanonicalValue(domain, 0.1 + 0.2), ParameterValue(0.3));
  EXPECT_EQ(*CanonicalValue(domain, int64_t{1}), ParameterValue(1.0));
  EXPECT_THAT(std::string(CanonicalValue(domain, 0.35).status().message()),
              HasSubstr("0.35 is not allowed, allowed: from 0 to 1 in steps "
                        "of 0.1"));
}

TEST(DomainTest, CanonicalValuesHaveTheDomainsType) {
  EXPECT_EQ(*CanonicalValue(DoubleDomain{.max = 3}, int64_t{2}),
            ParameterValue(2.0));
  EXPECT_EQ(*CanonicalValue(IntegerDomain{.max = 3}, 2.0),
            ParameterValue(int64_t{2}));
  EXPECT_EQ(*CanonicalValue(CategoricalDomain{{int64_t{1}, true}}, 1.0),
            ParameterValue(int64_t{1}));
  EXPECT_FALSE(CanonicalValue(IntegerDomain{.max = 3}, 2.5).ok());
  EXPECT_FALSE(CanonicalValue(IntegerDomain{.max = 3}, true).ok());
  EXPECT_FALSE(CanonicalValue(DoubleDomain{}, std::string("0.5")).ok());
  EXPECT_FALSE(CanonicalValue(DoubleDomain{}, kNan).ok());
  EXPECT_EQ(CanonicalValue(DoubleDomain{.max = 0.1}, 0.5).status().message(),
            "0.5 is above max 0.1");
}

double PlaceOf(const Domain& domain, ParameterValue value) {
  return ToUnit(domain, value);
}

TEST(DomainTest, ContinuousValuesFollowTheirScale) {
  const Domain log = DoubleDomain{.min = 1e-4, .max = 1, .scale = Scale::kLog};
  EXPECT_NEAR(PlaceOf(log, 0.01), 0.5, 1e-12);
  EXPECT_NEAR(std::get<double>(FromUnit(log, 0.25)), 1e-3, 1e-15);
  const Domain reverse =
      DoubleDomain{.min = 1, .max = 100, .scale = Scale::kReverseLog};
  EXPECT_NEAR(std::get<double>(FromUnit(reverse, 0.5)), 91, 1e-9);
  EXPECT_NEAR(PlaceOf(reverse, 91.0), 0.5, 1e-12);
  const Domain logit =
      DoubleDomain{.min = 0.01, .max = 0.99, .scale = Scale::kLogit};
  EXPECT_NEAR(PlaceOf(logit, 0.5), 0.5, 1e-12);
  for (const Domain& domain : {log, reverse, logit}) {
    const auto& range = std::get<DoubleDomain>(domain);
    EXPECT_EQ(FromUnit(domain, 0), ParameterValue(range.min));
    EXPECT_EQ(FromUnit(domain, 1), ParameterValue(range.max));
    EXPECT_EQ(FromUnit(domain, -3), ParameterValue(range.min));
    EXPECT_EQ(FromUnit(domain, kNan), ParameterValue(range.min));
  }
}

TEST(DomainTest, ExtremeRangesDoNotOverflow) {
  const Domain wide =
      DoubleDomain{.min = 1e-300, .max = 1e300, .scale = Scale::kLog};
  EXPECT_NEAR(std::get<double>(FromUnit(wide, 0.5)), 1, 1e-9);
  const Domain reverse =
      DoubleDomain{.min = 1, .max = 1.7e308, .scale = Scale::kReverseLog};
  EXPECT_TRUE(std::isfinite(std::get<double>(FromUnit(reverse, 0.9))));
  const Domain integers =
      IntegerDomain{.min = -kMaxInteger, .max = kMaxInteger};
  EXPECT_EQ(FromUnit(integers, 1), ParameterValue(kMaxInteger));
  EXPECT_EQ(FromUnit(integers, 0), ParameterValue(-kMaxInteger));
}

TEST(DomainTest, LinearLevelsAreTheCentresOfTheirCells) {
  const Domain integers = IntegerDomain{.min = 1, .max = 4};
  EXPECT_EQ(PlaceOf(integers, int64_t{1}), 0.125);
  EXPECT_EQ(PlaceOf(integers, int64_t{4}), 0.875);
  const Domain names = CategoricalDomain{{std::string("a"), std::string("b")}};
  EXPECT_EQ(PlaceOf(names, std::string("b")), 0.75);
  EXPECT_EQ(FromUnit(names, 1), ParameterValue(std::string("b")));
  const Domain numbers = DiscreteDomain{{1, 10, 100, 1000}};
  EXPECT_EQ(PlaceOf(numbers, 10.0), 0.375);
}

TEST(DomainTest, LogIntegersFollowTheBordersOfTheirCells) {
  const Domain domain =
      IntegerDomain{.min = 8, .max = 64, .scale = Scale::kLog};
  const double width = std::log(64.5) - std::log(7.5);
  EXPECT_NEAR(PlaceOf(domain, int64_t{8}),
              (std::log(8) - std::log(7.5)) / width, 1e-12);
  EXPECT_NEAR(PlaceOf(domain, int64_t{64}),
              (std::log(64) - std::log(7.5)) / width, 1e-12);
}

TEST(DomainTest, EachLevelDecodesToItself) {
  const Domain domains[] = {
      IntegerDomain{.min = 1, .max = 200, .scale = Scale::kLog},
      IntegerDomain{.min = 1, .max = 41, .scale = Scale::kLog, .step = 5},
      IntegerDomain{.min = 2, .max = 99, .scale = Scale::kReverseLog},
      IntegerDomain{.min = -7, .max = 20, .step = 3},
      DoubleDomain{.min = 0.1, .max = 0.9, .scale = Scale::kLogit, .step = 0.1},
      DoubleDomain{.min = 1e-3, .max = 1, .scale = Scale::kLog, .step = 1e-3},
      DoubleDomain{
          .min = 0.5, .max = 7, .scale = Scale::kReverseLog, .step = 0.25},
      DoubleDomain{.min = -1, .max = 1, .step = 0.01},
      DiscreteDomain{{-1, 0, 2.5, 1e9}},
      CategoricalDomain{{std::string("1"), int64_t{1}, true, 2.5}},
  };
  for (const Domain& domain : domains) {
    ASSERT_TRUE(CheckDomain(domain, 1000).ok()) << ToText(domain);
    double last = -1;
    for (int64_t k = 0; k < *Levels(domain); ++k) {
      const ParameterValue value = LevelValue(domain, k);
      EXPECT_EQ(LevelOf(domain, value), k) << ToText(domain);
      const double u = ToUnit(domain, value);
      EXPECT_GT(u, last);
      EXPECT_EQ(FromUnit(domain, u), value) << ToText(domain) << " " << k;
      last = u;
    }
    EXPECT_LT(last, 1);
  }
}

}  // namespace
}  // namespace assay
