#include "search/schedules/increment_model.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/search/schedules/schedule_run.h"

namespace assay {
namespace {

std::shared_ptr<const StudySpec> Spec() {
  StudySpec spec = ScheduleStudy("pb2", "random", 100);
  spec.space =
      *SearchSpace::Create({{"x", DoubleDomain{.min = 0, .max = 1}, {}, {}}});
  return std::make_shared<const StudySpec>(spec);
}

std::vector<IncrementModel::Point> Candidates(int64_t step) {
  std::vector<IncrementModel::Point> candidates;
  for (int i = 0; i <= 20; ++i) candidates.push_back({{{"x", i / 20.0}}, step});
  return candidates;
}

TEST(IncrementModelTest, NamesNothingBeforeThreeGains) {
  IncrementModel model(Spec());
  EXPECT_EQ(model.Best(Candidates(0), {}), std::nullopt);
  model.Learn({{"x", 0.5}}, 0, 1);
  model.Learn({{"x", 0.6}}, 0, 1);
  EXPECT_EQ(model.Best(Candidates(0), {}), std::nullopt);
  model.Learn({{"x", 0.7}}, 0, 1);
  EXPECT_TRUE(model.Best(Candidates(0), {}).has_value());
}

// Early on large values gain most, later small ones.
TEST(IncrementModelTest, WhatIsHopedForDependsOnTheStep) {
  IncrementModel model(Spec());
  Random random(1);
  for (int i = 0; i < 80; ++i) {
    const double x = random.Uniform();
    const auto step = static_cast<int64_t>(random.Below(100));
    const double best = step < 50 ? 0.85 : 0.15;
    model.Learn({{"x", x}}, step, -std::abs(x - best));
  }
  const auto early = Candidates(10)[*model.Best(Candidates(10), {})];
  const auto late = Candidates(90)[*model.Best(Candidates(90), {})];
  EXPECT_GT(std::get<double>(early.parameters.at("x")), 0.6);
  EXPECT_LT(std::get<double>(late.parameters.at("x")), 0.4);
}

TEST(IncrementModelTest, IsAFunctionOfTheGainsAlone) {
  IncrementModel asked(Spec()), late(Spec());
  Random random(2);
  for (int i = 0; i < 30; ++i) {
    const double x = random.Uniform();
    for (IncrementModel* model : {&asked, &late}) {
      model->Learn({{"x", x}}, i, std::sin(9 * x));
    }
    asked.Best(Candidates(i), {});
  }
  const std::vector<IncrementModel::Point> running = {{{{"x", 0.3}}, 30}};
  EXPECT_EQ(asked.Best(Candidates(30), running),
            late.Best(Candidates(30), running));
}

}  // namespace
}  // namespace assay
