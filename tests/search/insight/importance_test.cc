#include "search/insight/importance.h"

#include <cmath>
#include <map>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/search/insight/studies.h"

namespace assay {
namespace {

using ::testing::HasSubstr;

bool Always() { return true; }

absl::StatusOr<Importance> ImportanceOf(const StudySpec& spec,
                                        const std::vector<Trial>& trials) {
  const auto model = StudyModel::Fit(Shared(spec), 0, trials);
  if (!model.ok()) return model.status();
  return AssessImportance(*model, Always);
}

std::map<std::string, ParameterImportance> ByName(
    const absl::StatusOr<Importance>& importance) {
  EXPECT_TRUE(importance.ok()) << importance.status();
  std::map<std::string, ParameterImportance> by_name;
  if (!importance.ok()) return by_name;
  for (const ParameterImportance& parameter : importance->parameters) {
    by_name[parameter.name] = parameter;
  }
  return by_name;
}

TEST(ImportanceTest, IshigamiFrom500RandomTrials) {
  const StudySpec spec = IshigamiSpec();
  const auto importance =
      ImportanceOf(spec, RandomTrials(spec, 500, 1, MeasureIshigami));
  auto found = ByName(importance);
  EXPECT_GT(importance->r_squared, 0.95);
  EXPECT_EQ(importance->rows, 500);
  EXPECT_NEAR(found["x0"].first_order.value, 0.314, 0.05);
  EXPECT_NEAR(found["x1"].first_order.value, 0.442, 0.05);
  EXPECT_NEAR(found["x2"].first_order.value, 0, 0.05);
  EXPECT_NEAR(found["x0"].total.value, 0.558, 0.05);
  EXPECT_NEAR(found["x1"].total.value, 0.442, 0.05);
  EXPECT_NEAR(found["x2"].total.value, 0.244, 0.05);
  EXPECT_EQ(importance->parameters[0].name, "x0");  // By falling total.
  EXPECT_EQ(importance->parameters[2].name, "x2");
}

TEST(ImportanceTest, EveryKindOfParameterAndNoneThatIsIrrelevant) {
  const StudySpec spec =
      SpecOf({{.name = "rate", .domain = DoubleDomain{1e-5, 1, Scale::kLog}},
              {.name = "units", .domain = IntegerDomain{1, 8}},
              {.name = "kind", .domain = CategoricalDomain{{"a", "b", "c"}}},
              {.name = "level", .domain = DiscreteDomain{{1, 10, 100}}},
              {.name = "nothing", .domain = DoubleDomain{0, 1}}});
  // Of variance 1/12 each in its encoding, but for `kind`, 1/4 of that.
  const auto measure = [](const Parameters& p) {
    const double rate = std::log10(Get(p, "rate")) / 5;
    const double units = Get(p, "units") / std::sqrt(63.0);
    const double kind = std::get<std::string>(p.at("kind")) == "b" ? 0.3062 : 0;
    const double level = std::log10(Get(p, "level")) * 0.3536;
    return Metrics{{"loss", rate + units + kind + level}};
  };
  auto found = ByName(ImportanceOf(spec, RandomTrials(spec, 200, 2, measure)));
  for (const char* name : {"rate", "units", "level"}) {
    EXPECT_NEAR(found[name].first_order.value, 4.0 / 13, 0.05) << name;
    EXPECT_NEAR(found[name].total.value, 4.0 / 13, 0.05) << name;
  }
  EXPECT_NEAR(found["kind"].total.value, 1.0 / 13, 0.05);
  EXPECT_LT(found["nothing"].total.value, 0.01);
  EXPECT_LT(found["nothing"].within_best->value, 0.05);
}

// The switch decides between 0 and momentum: Var = 1/4 Var(momentum) + 1/4
// (mean)^2 parts.
TEST(ImportanceTest, AnInactiveParameterChangesNothing) {
  const StudySpec spec =
      SpecOf({{.name = "on", .domain = CategoricalDomain{{false, true}}},
              {.name = "momentum",
               .domain = DoubleDomain{0, 1},
               .when = Condition{"on", {true}}}});
  const auto measure = [](const Parameters& p) {
    return Metrics{{"loss", p.contains("momentum") ? Get(p, "momentum") : 0.0}};
  };
  auto found = ByName(ImportanceOf(spec, RandomTrials(spec, 150, 3, measure)));
  // Var(f) = E[f^2] - E[f]^2 = 1/6 - 1/16 = 5/48; E[f | on] = 0 or 1/2: 1/16;
  // E[f | momentum] = momentum / 2: 1/48.
  EXPECT_NEAR(found["on"].first_order.value, 0.6, 0.05);
  EXPECT_NEAR(found["momentum"].first_order.value, 0.2, 0.05);
  EXPECT_NEAR(found["momentum"].total.value, 0.4, 0.05);
  EXPECT_NEAR(found["on"].total.value, 0.8, 0.05);
}

TEST(ImportanceTest, WithinTheBestOtherParametersMayMatter) {
  const StudySpec spec =
      SpecOf({{.name = "kind", .domain = CategoricalDomain{{"bad", "good"}}},
              {.name = "fine", .domain = DoubleDomain{0, 1}}});
  const auto measure = [](const Parameters& p) {
    const bool good = std::get<std::string>(p.at("kind")) == "good";
    return Metrics{{"loss", (good ? 0 : 10) + Get(p, "fine")}};
  };
  auto found = ByName(ImportanceOf(spec, RandomTrials(spec, 80, 4, measure)));
  EXPECT_GT(found["kind"].total.value, 0.95);
  EXPECT_LT(found["kind"].within_best->value, 0.05);
  EXPECT_LT(found["fine"].total.value, 0.05);
  EXPECT_GT(found["fine"].within_best->value, 0.9);
}

TEST(ImportanceTest, AModelThatExplainsNothingIsRefusedWithItsFigure) {
  const StudySpec spec = SpecOf(Numbers(2, 0, 1));
  Random random(5);
  const auto importance =
      ImportanceOf(spec, RandomTrials(spec, 60, 6, [&](const Parameters&) {
                     return Metrics{{"loss", random.Uniform()}};
                   }));
  EXPECT_TRUE(absl::IsFailedPrecondition(importance.status()));
  EXPECT_THAT(std::string(importance.status().message()),
              HasSubstr("leave-one-out R^2 is"));
  EXPECT_THAT(std::string(importance.status().message()),
              HasSubstr("unless the metric is mostly noise"));
}

TEST(ImportanceTest, AFewExtremeValuesDoNotDecide) {
  for (const Goal goal : {Goal::kMinimize, Goal::kMaximize}) {
    StudySpec spec = SpecOf(Numbers(2, 0, 1));
    spec.metrics[0].goal = goal;
    const double sign = goal == Goal::kMinimize ? 1 : -1;
    std::vector<Trial> trials =
        RandomTrials(spec, 60, 11, [&](const Parameters& p) {
          const double loss = Get(p, "x0") + 0.3 * Get(p, "x1");
          return Metrics{{"loss", sign * loss}};
        });
    trials[7].final_metrics["loss"] = sign * 1e6;
    const auto importance = ImportanceOf(spec, trials);
    auto found = ByName(importance);
    EXPECT_TRUE(importance->transformed);
    EXPECT_GT(importance->r_squared, 0.5);
    EXPECT_GT(found["x0"].total.value, 0.7);
    EXPECT_LT(found["x1"].total.value, 0.3);
    ASSERT_TRUE(found["x0"].within_best);
    EXPECT_GT(found["x0"].within_best->value, found["x1"].within_best->value);
  }
}

TEST(ImportanceTest, SharesAreTheSameOfTinyAndOfHugeValues) {
  const StudySpec spec = IshigamiSpec();
  auto plain =
      ByName(ImportanceOf(spec, RandomTrials(spec, 200, 1, MeasureIshigami)));
  for (const double scale : {1e-200, 1e140}) {
    const auto scaled = RandomTrials(spec, 200, 1, [&](const Parameters& p) {
      return Metrics{{"loss", scale * MeasureIshigami(p).at("loss")}};
    });
    auto found = ByName(ImportanceOf(spec, scaled));
    for (const auto& [name, parameter] : plain) {
      EXPECT_NEAR(found[name].total.value, parameter.total.value, 0.05)
          << scale << " " << name;
      EXPECT_NEAR(found[name].total.error, parameter.total.error, 0.02);
      EXPECT_NEAR(found[name].within_best->value, parameter.within_best->value,
                  0.1);
    }
  }
}

TEST(ImportanceTest, NineConfigurationsAreTooFew) {
  const StudySpec spec = IshigamiSpec();
  const auto importance =
      ImportanceOf(spec, RandomTrials(spec, 9, 7, MeasureIshigami));
  EXPECT_TRUE(absl::IsFailedPrecondition(importance.status()));
  EXPECT_THAT(std::string(importance.status().message()),
              HasSubstr("9 configurations"));
}

TEST(ImportanceTest, ConstraintsHoldWithinTheBest) {
  const StudySpec spec = SpecOf(Numbers(2, 0, 1), {"x0 + x1 >= 1"});
  const auto measure = [](const Parameters& p) {
    return Metrics{{"loss", Get(p, "x0") + 0.2 * Get(p, "x1")}};
  };
  auto found = ByName(ImportanceOf(spec, RandomTrials(spec, 100, 8, measure)));
  EXPECT_GT(found["x0"].total.value, 0.9);
  EXPECT_TRUE(found["x0"].within_best.has_value());
}

// What a parameter's share would have been with other trials lies within a few
// standard errors.
TEST(ImportanceTest, StandardErrorsAreOfTheRightSize) {
  const StudySpec spec = SpecOf(Numbers(3, 0, 1));
  Random random(9);
  const auto measure = [&](const Parameters& p) {
    return Metrics{{"loss", std::sin(4 * Get(p, "x0")) + Get(p, "x1") +
                                0.3 * random.Uniform()}};
  };
  std::vector<double> shares;
  double error = 0;
  constexpr int kStudies = 12;
  for (int i = 0; i < kStudies; ++i) {
    auto found =
        ByName(ImportanceOf(spec, RandomTrials(spec, 60, 20 + i, measure)));
    shares.push_back(found["x0"].total.value);
    error += found["x0"].total.error / kStudies;
  }
  double mean = 0, square = 0;
  for (const double share : shares) mean += share / kStudies;
  for (const double share : shares) {
    square += std::pow(share - mean, 2) / (kStudies - 1);
  }
  EXPECT_GT(error, 0.4 * std::sqrt(square));
  EXPECT_LT(error, 4 * std::sqrt(square));
}

TEST(ImportanceTest, EndsOnceNobodyWaits) {
  const StudySpec spec = IshigamiSpec();
  const auto model = StudyModel::Fit(
      Shared(spec), 0, RandomTrials(spec, 200, 10, MeasureIshigami));
  EXPECT_TRUE(absl::IsCancelled(
      AssessImportance(*model, [] { return false; }).status()));
}

}  // namespace
}  // namespace assay
