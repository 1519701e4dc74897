#include "search/search_space.h"

#include <cmath>
#include <limits>
#include <set>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "search/domain.h"
#include "search/math/random.h"

namespace assay {
namespace {

using ::testing::HasSubstr;

ParameterValue Text(const char* text) { return std::string(text); }

Parameter Double(std::string name, DoubleDomain domain = {}) {
  return {std::move(name), domain, {}, {}};
}
Parameter Integer(std::string name, int64_t min = 0, int64_t max = 9) {
  return {std::move(name), IntegerDomain{.min = min, .max = max}, {}, {}};
}
Parameter Choice(std::string name, std::vector<ParameterValue> values) {
  return {std::move(name), CategoricalDomain{std::move(values)}, {}, {}};
}
Parameter When(Parameter parameter, std::string parent,
               std::vector<ParameterValue> values) {
  parameter.when = Condition{std::move(parent), std::move(values)};
  return parameter;
}
Parameter WithDefault(Parameter parameter, ParameterValue value) {
  parameter.default_value = std::move(value);
  return parameter;
}

Parameter WithPrior(Parameter parameter, Prior prior) {
  parameter.prior = std::move(prior);
  return parameter;
}

SearchSpace Space(std::vector<Parameter> parameters,
                  std::vector<std::string> constraints = {}) {
  auto space =
      SearchSpace::Create(std::move(parameters), std::move(constraints));
  EXPECT_TRUE(space.ok()) << space.status();
  return *std::move(space);
}

SearchSpace Optimizers() {
  return Space(
      {Double("lr", {.min = 1e-4, .max = 1, .scale = Scale::kLog}),
       Choice("optimizer", {Text("sgd"), Text("adam")}),
       When(Double("momentum", {.max = 0.99}), "optimizer", {Text("sgd")}),
       When(Choice("nesterov", {true, false}), "momentum_on", {true}),
       When(Choice("momentum_on", {true, false}), "optimizer", {Text("sgd")})});
}

struct BadSpace {
  std::vector<Parameter> parameters;
  std::vector<std::string> constraints;
  std::string message;
};

TEST(SearchSpaceTest, BadSpacesAreRefusedByName) {
  const BadSpace cases[] = {
      {{Double("")}, {}, "a parameter has no name"},
      {{Double("\xFF")}, {}, "the name of a parameter is not valid UTF-8"},
      {{Double(std::string(257, 'x'))},
       {},
       "a name of 257 bytes, allowed are 256"},
      {{Double("a"), Integer("a")}, {}, "parameter \"a\": declared twice"},
      {{Double("lr", {.min = 0.1, .max = 0.01})},
       {},
       "parameter \"lr\": min 0.1 is above max 0.01"},
      {{WithDefault(Double("lr", {.max = 0.1}), 0.5)},
       {},
       "parameter \"lr\": default 0.5 is above max 0.1"},
      {{WithDefault(Choice("o", {Text("a")}), Text("b"))},
       {},
       "parameter \"o\": default b is not allowed, allowed: a"},
      {{When(Double("a"), "b", {int64_t{1}})},
       {},
       "parameter \"a\": parent \"b\" is unknown"},
      {{When(Integer("a"), "a", {int64_t{1}})},
       {},
       "parameter \"a\": its condition lies on a cycle: a -> a"},
      {{Integer("x"), When(Integer("a"), "b", {int64_t{1}}),
        When(Integer("b"), "c", {int64_t{1}}),
        When(Integer("c"), "b", {int64_t{1}})},
       {},
       "its condition lies on a cycle: c -> b -> c"},
      {{Double("p"), When(Double("a"), "p", {0.5})},
       {},
       "parameter \"a\": parent \"p\" is continuous"},
      {{Integer("p"), When(Double("a"), "p", {})},
       {},
       "parameter \"a\": no values of \"p\" given"},
      {{Integer("p"), When(Double("a"), "p", {int64_t{10}})},
       {},
       "parameter \"a\": parent \"p\" is never 10, allowed: integers from 0 "
       "to 9"},
      {{WithPrior(Double("lr"), NormalPrior{.mean = 2})},
       {},
       "parameter \"lr\": prior: mean 2, allowed are 0 to 1"},
      {{Double("a")},
       {"a >"},
       "constraint \"a >\": column 4: expected a value"},
      {{Double("a")},
       {"b > 1"},
       "constraint \"b > 1\": unknown parameter \"b\", the space has a"},
      {{Double("a")},
       {"a > 2"},
       "none of 1000 random points passes all 1, the first is \"a > 2\""},
      {{Double("a")},
       {std::string(65537, ' ')},
       "constraints of 65537 bytes, allowed are 65536"},
  };
  for (const BadSpace& c : cases) {
    const absl::Status status =
        SearchSpace::Create(c.parameters, c.constraints).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << c.message;
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.message));
  }
}

TEST(SearchSpaceTest, TooManyParametersAreRefused) {
  std::vector<Parameter> parameters;
  for (int i = 0; i < 10'000; ++i) {
    parameters.push_back(Double(absl::StrCat("p", i)));
  }
  EXPECT_EQ(SearchSpace::Create(parameters).status().message(),
            "10000 parameters, allowed are 1000");
}

TEST(SearchSpaceTest, AChainOfAThousandConditionsWorks) {
  std::vector<Parameter> parameters = {Integer("p0", 0, 1)};
  for (int i = 1; i < 1000; ++i) {
    parameters.push_back(When(Integer(absl::StrCat("p", i), 0, 1),
                              absl::StrCat("p", i - 1), {int64_t{1}}));
  }
  const SearchSpace space = Space(parameters);
  EXPECT_EQ(space.Size(), 1001);
  EXPECT_EQ(space.At(1000).size(), 1000u);
  EXPECT_EQ(space.At(0).size(), 1u);
  EXPECT_TRUE(space.Check(space.At(500)).ok());
}

TEST(SearchSpaceTest, CheckNamesWhatIsWrong) {
  const SearchSpace space = Optimizers();
  struct Case {
    Parameters parameters;
    const char* message;
  };
  const Case cases[] = {
      {{}, "parameter \"lr\": missing, allowed: from 0.0001 to 1"},
      {{{"lr", 0.1}}, "parameter \"optimizer\": missing, allowed: sgd, adam"},
      {{{"lr", 2.0}, {"optimizer", Text("adam")}},
       "parameter \"lr\": 2 is above max 1"},
      {{{"lr", Text("x")}, {"optimizer", Text("adam")}},
       "parameter \"lr\": \"x\" is no number"},
      {{{"lr", 0.1}, {"optimizer", Text("rms")}},
       "parameter \"optimizer\": rms is not allowed, allowed: sgd, adam"},
      {{{"lr", 0.1}, {"optimizer", Text("adam")}, {"momentum", 0.5}},
       "parameter \"momentum\": not active here, only when \"optimizer\" is "
       "sgd"},
      {{{"lr", 0.1}, {"optimizer", Text("adam")}, {"wd", 0.5}},
       "parameter \"wd\": unknown, the space has lr, optimizer, momentum"},
      {{{"lr", 0.1},
        {"optimizer", Text("sgd")},
        {"momentum", 0.5},
        {"momentum_on", true}},
       "parameter \"nesterov\": missing"},
  };
  for (const Case& c : cases) {
    const absl::Status status = space.Check(c.parameters);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << c.message;
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.message));
  }
  EXPECT_TRUE(space.Check({{"lr", 0.1}, {"optimizer", Text("adam")}}).ok());
}

TEST(SearchSpaceTest, CanonicalSnapsAndConverts) {
  const SearchSpace space =
      Space({Double("x", {.max = 1, .step = 0.1}), Double("y"), Integer("n")});
  const auto canonical =
      space.Canonical({{"x", 0.1 + 0.2}, {"y", int64_t{1}}, {"n", 3.0}});
  ASSERT_TRUE(canonical.ok());
  EXPECT_EQ(*canonical,
            (Parameters{{"x", 0.3}, {"y", 1.0}, {"n", int64_t{3}}}));
}

TEST(SearchSpaceTest, ConstraintsAreCheckedOnlyWhereTheyApply) {
  const SearchSpace space =
      Space({Integer("width", 1, 100), Choice("on", {true, false}),
             When(Integer("depth", 1, 100), "on", {true})},
            {"width * depth <= 4096"});
  EXPECT_TRUE(
      space
          .Check({{"width", int64_t{64}}, {"on", true}, {"depth", int64_t{64}}})
          .ok());
  EXPECT_TRUE(space.Check({{"width", int64_t{100}}, {"on", false}}).ok());
  EXPECT_THAT(std::string(space
                              .Check({{"width", int64_t{100}},
                                      {"on", true},
                                      {"depth", int64_t{100}}})
                              .message()),
              HasSubstr("violates the constraint \"width * depth <= 4096\""));
}

TEST(SearchSpaceTest, EmptySpaceTakesAnythingFinite) {
  const SearchSpace space;
  EXPECT_TRUE(space.empty());
  EXPECT_TRUE(space.Check({{"a", 1.5}, {"b", Text("x")}}).ok());
  EXPECT_FALSE(
      space.Check({{"a", std::numeric_limits<double>::infinity()}}).ok());
  EXPECT_FALSE(space.Check({{"", 1.0}}).ok());
}

TEST(SearchSpaceTest, InactiveParametersAreNanInTheEncoding) {
  const SearchSpace space = Optimizers();
  const std::vector<double> point =
      space.Encode({{"lr", 0.01}, {"optimizer", Text("adam")}});
  ASSERT_EQ(point.size(), 5u);
  EXPECT_NEAR(point[0], 0.5, 1e-12);
  EXPECT_EQ(point[1], 0.75);
  for (int i = 2; i < 5; ++i) EXPECT_TRUE(std::isnan(point[i]));
}

TEST(SearchSpaceTest, DecodeIgnoresWhatTurnsOutInactive) {
  const SearchSpace space = Optimizers();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(ToText(space.Decode({0, 0.9, 0.3, nan, 7})),
            "{lr: 0.0001, optimizer: adam}");
  EXPECT_EQ(space.Decode({0.5, 0.1, 0.3, 0.9, 0.9}).size(), 4u);
}

// --- Properties over random spaces -------------------------------------------

Scale RandomScale(Random& random, uint64_t kinds) {
  constexpr Scale kScales[] = {Scale::kLinear, Scale::kLog, Scale::kReverseLog,
                               Scale::kLogit};
  return kScales[random.Below(kinds)];
}

DoubleDomain RandomDouble(Random& random) {
  DoubleDomain domain;
  domain.scale = RandomScale(random, 4);
  const bool logit = domain.scale == Scale::kLogit;
  domain.min = logit ? 0.01 + 0.4 * random.Uniform()
                     : std::exp(10 * random.Uniform() - 8);
  domain.max = logit ? 0.5 + 0.49 * random.Uniform()
                     : domain.min * (1 + 100 * random.Uniform());
  if (domain.scale == Scale::kLinear && random.Below(2)) domain.min *= -1;
  if (random.Below(2)) {
    domain.step = (domain.max - domain.min) * (0.01 + 0.9 * random.Uniform());
  }
  return domain;
}

IntegerDomain RandomInteger(Random& random) {
  IntegerDomain domain;
  domain.scale = RandomScale(random, 3);
  domain.min = 1 + static_cast<int64_t>(random.Below(50));
  domain.max = domain.min + static_cast<int64_t>(random.Below(300));
  if (domain.scale == Scale::kLinear) domain.min -= 60;
  if (domain.max > domain.min && random.Below(2)) {
    domain.step = 1 + static_cast<int64_t>(random.Below(std::min<uint64_t>(
                          7, static_cast<uint64_t>(domain.max - domain.min))));
  }
  return domain;
}

Domain RandomDomain(Random& random) {
  switch (random.Below(4)) {
    case 0:
      return RandomDouble(random);
    case 1:
      return RandomInteger(random);
    case 2:
      return CategoricalDomain{{Text("a"), int64_t{7}, true, 2.5}};
    default:
      return DiscreteDomain{{-3, 0, 0.1, 8, 1e6}};
  }
}

SearchSpace RandomSpace(Random& random) {
  std::vector<Parameter> parameters;
  const uint64_t count = 1 + random.Below(12);
  for (uint64_t i = 0; i < count; ++i) {
    Parameter parameter;
    parameter.name = absl::StrCat("p", i);
    parameter.domain = RandomDomain(random);
    if (i > 0 && random.Below(2)) {
      const Parameter& parent = parameters[random.Below(i)];
      if (const auto levels = Levels(parent.domain)) {
        const auto level =
            static_cast<int64_t>(random.Below(static_cast<uint64_t>(*levels)));
        parameter.when =
            Condition{parent.name, {LevelValue(parent.domain, level)}};
      }
    }
    parameters.push_back(std::move(parameter));
  }
  return Space(std::move(parameters));
}

std::vector<double> RandomPoint(const SearchSpace& space, Random& random) {
  std::vector<double> point(space.encoded_size());
  for (double& u : point) u = random.Uniform();
  return point;
}

bool AreClose(const ParameterValue& a, const ParameterValue& b) {
  const auto* x = std::get_if<double>(&a);
  const auto* y = std::get_if<double>(&b);
  if (!x || !y) return a == b;
  return std::fabs(*x - *y) <= 1e-9 * std::max(std::fabs(*x), std::fabs(*y));
}

TEST(SearchSpaceTest, DecodedPointsAreValidAndRoundTrip) {
  Random random(21);
  for (int round = 0; round < 300; ++round) {
    const SearchSpace space = RandomSpace(random);
    for (int i = 0; i < 20; ++i) {
      const Parameters parameters = space.Decode(RandomPoint(space, random));
      ASSERT_TRUE(space.Check(parameters).ok())
          << space.Check(parameters) << " " << ToText(parameters);
      ASSERT_EQ(*space.Canonical(parameters), parameters);
      const std::vector<double> point = space.Encode(parameters);
      const Parameters again = space.Decode(point);
      ASSERT_EQ(again.size(), parameters.size());
      for (const auto& [name, value] : parameters) {
        ASSERT_TRUE(AreClose(again.at(name), value))
            << name << " " << ToText(value) << " " << ToText(again.at(name));
      }
      for (const double u : point) {
        ASSERT_TRUE(std::isnan(u) || (u >= 0 && u <= 1)) << u;
      }
    }
  }
}

TEST(SearchSpaceTest, SizeCountsWhatAtEnumerates) {
  Random random(22);
  int counted = 0;
  for (int round = 0; round < 300; ++round) {
    const SearchSpace space = RandomSpace(random);
    const auto size = space.Size(3);
    if (!size || *size > 500) continue;
    ++counted;
    std::set<std::string> seen;
    for (int64_t i = 0; i < *size; ++i) {
      const Parameters parameters = space.At(i, 3);
      ASSERT_TRUE(space.Check(parameters).ok());
      ASSERT_TRUE(seen.insert(Identity(parameters)).second);
    }
  }
  EXPECT_GT(counted, 50);
}

}  // namespace
}  // namespace assay
