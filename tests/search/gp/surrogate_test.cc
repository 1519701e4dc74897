#include "search/gp/surrogate.h"

#include <cmath>
#include <limits>

#include "gtest/gtest.h"

namespace assay {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

std::shared_ptr<StudySpec> Spec(int parameters = 2) {
  auto spec = std::make_shared<StudySpec>();
  std::vector<Parameter> all;
  for (int i = 0; i < parameters; ++i) {
    all.push_back({std::string(1, char('a' + i)), DoubleDomain{}, {}, {}});
  }
  spec->space = *SearchSpace::Create(all);
  spec->metrics = {{.name = "score", .goal = Goal::kMaximize}};
  return spec;
}

double Score(const std::vector<double>& point) {
  double sum = 0;
  for (const double u : point) sum -= (u - 0.4) * (u - 0.4);
  return sum;
}

Observation Completed(std::vector<double> point) {
  Observation observation;
  observation.values = {Score(point)};
  observation.point = std::move(point);
  return observation;
}

Observation Failed(std::vector<double> point) {
  Observation observation = Completed(std::move(point));
  observation.state = TrialState::kFailed;
  observation.values = {kNaN};
  return observation;
}

Observation Stopped(std::vector<double> point) {
  Observation observation = Completed(std::move(point));
  observation.state = TrialState::kStopped;
  return observation;
}

std::vector<double> Draw(Random& random, int parameters = 2) {
  std::vector<double> point(parameters);
  for (double& u : point) u = random.Uniform();
  return point;
}

Eigen::VectorXd MeansOf(const Surrogate& surrogate) {
  Random random(77);
  Eigen::MatrixXd points(20, surrogate.features().parameters());
  for (double& u : points.reshaped()) u = random.Uniform();
  return surrogate.objective(0).process().Mean(
      surrogate.features().EmbedRows(points));
}

TEST(SurrogateTest, HasNoModelBeforeAValue) {
  Surrogate surrogate(Spec());
  EXPECT_FALSE(surrogate.Update());
  surrogate.Learn(Failed({0.1, 0.2}));
  EXPECT_FALSE(surrogate.Update());
  surrogate.Learn(Completed({0.1, 0.3}));
  EXPECT_TRUE(surrogate.Update());
}

// Bit for bit, however often the models were asked for: trials of each kind.
TEST(SurrogateTest, IsAFunctionOfTheSequenceAlone) {
  Random random(1);
  Surrogate asked(Spec()), late(Spec());
  for (int i = 0; i < 160; ++i) {
    Observation observation = Completed(Draw(random));
    if (i % 7 == 3) observation = Failed(observation.point);
    if (i % 5 == 2) observation = Stopped(observation.point);
    asked.Learn(observation), late.Learn(observation);
    if (i % 3 == 0 || i > 150) {
      asked.Update();
      asked.SetPending({Draw(random), Draw(random)});
      asked.SetPending({});
    }
    if (i % 40 == 39 || i == 109) {
      Surrogate anew = late;
      ASSERT_TRUE(asked.Update());
      ASSERT_TRUE(anew.Update());
      EXPECT_EQ(MeansOf(asked), MeansOf(anew)) << i;
    }
  }
}

// A third of the trials is trained on to step 3, a ninth to the end.
TEST(SurrogateTest, LongerTrialsLeaveItAFunctionOfTheSequenceAlone) {
  Random random(1);
  Surrogate asked(Spec()), late(Spec());
  const auto at = [](int64_t id, std::vector<double> point, int64_t step) {
    Observation observation = step < 9 ? Stopped(point) : Completed(point);
    observation.id = {id};
    observation.last_step = step;
    observation.curve = {{step, observation.values}};
    return observation;
  };
  const auto learn = [&](const Observation& observation, bool longer) {
    for (Surrogate* surrogate : {&asked, &late}) {
      longer ? surrogate->LearnLonger(observation)
             : surrogate->Learn(observation);
    }
    asked.Update();
  };
  std::vector<std::vector<double>> points;
  for (int64_t i = 0; i < 150; ++i) {
    points.push_back(Draw(random));
    learn(at(i + 1, points.back(), 1), false);
    if (i % 3 == 2) learn(at(i - 1, points[i - 2], 3), true);
    if (i % 9 == 8) learn(at(i - 7, points[i - 8], 9), true);
  }
  late.Update();
  EXPECT_EQ(late.points(), 150);
  EXPECT_EQ(late.observations(), 150 + 50 + 16);
  EXPECT_EQ(late.rows(), asked.rows());
  EXPECT_EQ(late.step(), asked.step());
  EXPECT_EQ(MeansOf(late), MeansOf(asked));
}

// The gradient of Score(), with some noise reported and none there.
Observation WithGradient(Observation observation) {
  UnitGradient gradient;
  for (const double u : observation.point) {
    gradient.values.push_back(-2 * (u - 0.4));
    gradient.deviations.push_back(0.05);
  }
  observation.gradients = {gradient};
  return observation;
}

TEST(SurrogateTest, GradientsLeaveItAFunctionOfTheSequenceAlone) {
  Random random(1);
  Surrogate asked(Spec()), late(Spec());
  for (int i = 0; i < 130; ++i) {
    Observation observation = WithGradient(Completed(Draw(random)));
    if (i % 7 == 3) observation = Failed(observation.point);
    if (i % 5 == 2) observation = Stopped(observation.point);
    asked.Learn(observation), late.Learn(observation);
    if (i % 3 == 0 || i > 120) {
      asked.Update();
      asked.SetPending({Draw(random), Draw(random)});
    }
  }
  ASSERT_TRUE(asked.Update());
  ASSERT_TRUE(late.Update());
  EXPECT_GT(late.objective(0).process().derivatives().size(), 30);
  EXPECT_EQ(MeansOf(asked), MeansOf(late));
}

// Trials are compared at their end: gradients from there count, and those that
// were taken before they went on do not.
TEST(SurrogateTest, AGradientOfALongerRunBelongsToItsEnd) {
  const auto derivatives = [](int64_t step_with_gradient) {
    Random random(3);
    Surrogate surrogate(Spec());
    for (int64_t id = 1; id <= 24; ++id) {
      const std::vector<double> point = Draw(random);
      for (const int64_t step : {1, 9}) {
        Observation observation = Completed(point);
        if (step < 9) observation.state = TrialState::kStopped;
        if (step == step_with_gradient) observation = WithGradient(observation);
        observation.id = {id};
        observation.last_step = step;
        observation.values[0] -= 1.0 / static_cast<double>(step);
        observation.curve = {{step, observation.values}};
        step < 9 ? surrogate.Learn(observation)
                 : surrogate.LearnLonger(observation);
      }
    }
    EXPECT_TRUE(surrogate.Update());
    return surrogate.objective(0).process().derivatives().size();
  };
  EXPECT_GT(derivatives(9), 8);
  EXPECT_EQ(derivatives(1), 0);
}

TEST(SurrogateTest, AGradientCountsWhereItsValueDoes) {
  Random random(2);
  Surrogate surrogate(Spec());
  for (int i = 0; i < 12; ++i) {
    Observation observation = WithGradient(Completed(Draw(random)));
    observation.id = {i + 1};
    if (i == 5) observation.state = TrialState::kStopped;
    if (i == 6) {
      observation.state = TrialState::kFailed;
      observation.values = {kNaN};
    }
    surrogate.Learn(observation);
  }
  ASSERT_TRUE(surrogate.Update());
  const Derivatives& all = surrogate.objective(0).process().derivatives();
  EXPECT_GT(all.size(), 3);
  for (const int row : all.rows) {
    EXPECT_NE(row, 5);
    EXPECT_NE(row, 6);
  }
}

TEST(SurrogateTest, AppendsBetweenFits) {
  Random random(2);
  Surrogate surrogate(Spec());
  for (int i = 0; i < 106; ++i) surrogate.Learn(Completed(Draw(random)));
  ASSERT_TRUE(surrogate.Update());
  EXPECT_EQ(surrogate.fitted_at(), 104);
  EXPECT_EQ(surrogate.objective(0).process().size(), 106);
}

TEST(SurrogateTest, StoppedTrialsCountAsTheMedianOrWorse) {
  Surrogate surrogate(Spec());
  for (const double a : {0.0, 0.2, 0.4, 0.6, 0.8, 1.0}) {
    surrogate.Learn(Completed({a, 0.4}));
  }
  surrogate.Learn(Stopped({0.4, 0.42}));  // As good as the best, by its point.
  ASSERT_TRUE(surrogate.Update());
  const Eigen::VectorXd& y = surrogate.objective(0).process().y();
  EXPECT_LE(y[6], std::max(y[1], y[3]));
  EXPECT_LT(y[6], y[2]);
}

// Nine were stopped at step 1 or 2, one at step 3, two ran to the end.
TEST(SurrogateTest, FewCompletedTrialsAreComparedWhereManyGot) {
  Surrogate surrogate(Spec());
  for (int i = 0; i < 12; ++i) {
    Observation trial = Stopped({i / 12.0, 0.5});
    if (i > 9) trial.state = TrialState::kCompleted;
    const int steps = i < 4 ? 1 : i < 9 ? 2 : i < 10 ? 3 : 20;
    for (int step = 1; step <= steps; ++step) {
      trial.curve.push_back({step, {double(i) + step}});
    }
    trial.values = trial.curve.back().values;
    surrogate.Learn(trial);
  }
  EXPECT_TRUE(surrogate.WantsCurves());
  ASSERT_TRUE(surrogate.Update());
  EXPECT_EQ(surrogate.step(), 1);
  const Eigen::VectorXd& y = surrogate.objective(0).process().y();
  for (int i = 1; i < 12; ++i) EXPECT_GT(y[i], y[i - 1]) << i;
}

// Among noise, the mean of nine runs is trusted more than one run.
TEST(SurrogateTest, MeansOfManyRunsCountMore) {
  double trusted[2];
  for (const int runs : {1, 9}) {
    Random random(8);
    Surrogate surrogate(Spec());
    for (int i = 0; i < 20; ++i) {
      Observation trial = Completed({0.1 + 0.2 * (i % 5), 0.5});
      trial.values = {random.Uniform()};
      surrogate.Learn(trial);
    }
    Observation high = Completed({0.5, 0.5});
    high.values = {2};
    high.runs = runs;
    surrogate.Learn(high);
    ASSERT_TRUE(surrogate.Update());
    trusted[runs / 9] = surrogate.objective(0).Expect(
        surrogate.features().EmbedRows(Eigen::RowVector2d(0.5, 0.5)))[0];
  }
  EXPECT_GT(trusted[1], trusted[0] + 0.1);
}

TEST(SurrogateTest, AModelOfSuccessNeedsFiveOfEach) {
  Random random(3);
  Surrogate surrogate(Spec());
  for (int i = 0; i < 5; ++i) {
    surrogate.Learn(Completed({0.1, random.Uniform()}));
    if (i < 4) surrogate.Learn(Failed({0.9, random.Uniform()}));
  }
  ASSERT_TRUE(surrogate.Update());
  EXPECT_TRUE(surrogate.requirements().empty());
  surrogate.Learn(Failed({0.9, 0.5}));
  ASSERT_TRUE(surrogate.Update());
  ASSERT_EQ(surrogate.requirements().size(), 1u);
  EXPECT_EQ(surrogate.requirements()[0], Requirement::kSuccess);
  Eigen::MatrixXd points(2, 2);
  points << 0.1, 0.5, 0.9, 0.5;
  const Eigen::VectorXd mean =
      surrogate.processes()[1]->Mean(surrogate.features().EmbedRows(points));
  EXPECT_GT(mean[0], 0.3);
  EXPECT_LT(mean[1], -0.3);
}

TEST(SurrogateTest, BoundsAreModelledWhereTheyAreKnown) {
  auto spec = Spec();
  spec->metrics.push_back({.name = "memory", .bound = 10});
  Surrogate surrogate(spec);
  for (const double a : {0.0, 0.25, 0.5, 0.75, 1.0}) {
    Observation observation = Completed({a, 0.4});
    observation.violations = {a == 0.5 ? kNaN : 100 * (a - 0.6)};
    surrogate.Learn(observation);
  }
  ASSERT_TRUE(surrogate.Update());
  ASSERT_EQ(surrogate.requirements().size(), 1u);
  const GaussianProcess& bound = *surrogate.processes()[1];
  EXPECT_EQ(bound.size(), 4);
  EXPECT_LT(bound.y()[1], 0);  // Never centred: kept below 0.6 alone.
  EXPECT_GT(bound.y()[2], 0);
}

TEST(SurrogateTest, BeyondAThousandResultsTheBestAndTheNewestAreKept) {
  Random random(4);
  Surrogate surrogate(Spec());
  for (int i = 0; i < 1100; ++i) surrogate.Learn(Completed(Draw(random)));
  ASSERT_TRUE(surrogate.Update());
  const int appended = 1100 - surrogate.fitted_at();
  EXPECT_EQ(surrogate.objective(0).process().size(), 512 + appended);
}

TEST(SurrogateTest, PendingPointsShrinkTheDeviationThere) {
  Random random(5);
  Surrogate surrogate(Spec());
  for (int i = 0; i < 8; ++i) surrogate.Learn(Completed(Draw(random)));
  ASSERT_TRUE(surrogate.Update());
  Eigen::MatrixXd point(1, 2);
  point << 0.9, 0.9;
  const Eigen::MatrixXd x = surrogate.features().EmbedRows(point);
  surrogate.SetPending({{0.9, 0.9}});
  const Posterior with = surrogate.objective(0).process().Predict(x);
  EXPECT_LT(with.variance_all[0], with.variance[0]);
  surrogate.SetPending({});
  const Posterior without = surrogate.objective(0).process().Predict(x);
  EXPECT_EQ(without.variance_all[0], without.variance[0]);
}

// Bit for bit, whatever was pending before: around the sizes at which rows are
// added together, with rows that left at either end or in the middle.
TEST(SurrogateTest, PendingPointsLeaveNoTraceOfThoseBefore) {
  Random random(6);
  Surrogate walked(Spec());
  for (int i = 0; i < 20; ++i) walked.Learn(Completed(Draw(random)));
  ASSERT_TRUE(walked.Update());
  const Surrogate fresh = walked;
  Eigen::MatrixXd points(3, 2);
  points << 0.9, 0.9, 0.2, 0.4, 0.5, 0.1;
  const Eigen::MatrixXd x = walked.features().EmbedRows(points);
  std::vector<std::vector<double>> pending;
  const auto check = [&] {
    walked.SetPending(pending);
    Surrogate anew = fresh;
    anew.SetPending(pending);
    const auto said = walked.objective(0).process().PredictWithGradients(x);
    const auto expected = anew.objective(0).process().PredictWithGradients(x);
    EXPECT_EQ(said.variance_all, expected.variance_all) << pending.size();
    EXPECT_EQ(said.variance_all_gradient, expected.variance_all_gradient);
  };
  for (int i = 0; i < 200; ++i) {
    pending.push_back(Draw(random));
    if (i % 16 < 2 || i > 190) check();
  }
  for (const int at : {199, 150, 128, 127, 100, 64, 63, 20, 0}) {
    pending.erase(pending.begin() + at);
    check();
  }
  while (pending.size() > 60) pending.pop_back();
  check();
}

}  // namespace
}  // namespace assay
