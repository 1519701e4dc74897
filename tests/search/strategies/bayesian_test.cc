#include "search/strategies/bayesian.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "search/factory.h"
#include "search/math/normal.h"
#include "tests/search/strategies/hypervolume.h"
#include "tests/support/hartmann6.h"

namespace assay {
namespace {

using ::testing::Contains;
using ::testing::ContainsRegex;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

StudySpec Spec(std::vector<Parameter> parameters) {
  StudySpec spec;
  spec.algorithm.name = "bayesian";
  spec.metrics = {{.name = "loss"}};
  spec.space = *SearchSpace::Create(std::move(parameters));
  return spec;
}

std::vector<Parameter> Numbers(int count) {
  std::vector<Parameter> parameters;
  for (int i = 0; i < count; ++i) {
    parameters.push_back(
        {std::string(1, char('a' + i)), DoubleDomain{}, {}, {}});
  }
  return parameters;
}

using Train = std::function<void(const Parameters&, Trial&)>;

// Runs a study, one trial at a time.
std::vector<Trial> RunStudy(const StudySpec& spec, int trials,
                            const Train& train) {
  const auto strategy = *MakeSearchStrategy(spec);
  std::vector<Trial> finished;
  for (int i = 1; i <= trials; ++i) {
    Random random(spec.seed, i);
    const Proposal proposal = strategy->Suggest({}, 1, random).value()[0];
    Trial trial = AsTrial(proposal);
    trial.id = {i};
    trial.state = TrialState::kCompleted;
    train(trial.parameters, trial);
    strategy->Observe(trial);
    finished.push_back(trial);
  }
  return finished;
}

double At(const Parameters& parameters, const char* name) {
  return std::get<double>(parameters.at(name));
}

double Best(const std::vector<Trial>& trials, const char* metric = "loss") {
  double best = std::numeric_limits<double>::infinity();
  for (const Trial& trial : trials) {
    if (trial.state != TrialState::kCompleted) continue;
    best = std::min(best, trial.final_metrics.at(metric));
  }
  return best;
}

double Bowl(const Parameters& parameters) {
  double sum = 0;
  for (const auto& [name, value] : parameters) {
    sum += std::pow(std::get<double>(value) - 0.73, 2);
  }
  return sum;
}

// How many of 60 trials of 9 steps the median rule ends at its first look.
// Curves cross nowhere.
int StoppedAtOnce(const StudySpec& spec) {
  const auto strategy = *MakeSearchStrategy(spec);
  const auto rule = *MakeEarlyStoppingRule(spec);
  int stopped = 0;
  for (int i = 1; i <= 60; ++i) {
    Random random(spec.seed, i);
    Trial trial = AsTrial(strategy->Suggest({}, 1, random).value()[0]);
    trial.id = {i};
    trial.state = TrialState::kCompleted;
    std::vector<Measurement> curve;
    for (int64_t step = 1; step <= 9; ++step) {
      Measurement measurement{.sequence = step, .step = step};
      measurement.metrics["loss"] =
          Bowl(trial.parameters) + 1.0 / static_cast<double>(step);
      rule->ObserveReport(trial.id, 1, measurement);
      curve.push_back(measurement);
      trial.last_step = step;
      if (!rule->ReasonToStop(trial.id)) continue;
      trial.state = TrialState::kStopped;
      break;
    }
    trial.final_metrics = curve.back().metrics;
    rule->ObserveEnd(trial);
    if (strategy->WantsReports()) {
      for (const Measurement& m : curve) strategy->ObserveReport(trial, m);
    }
    strategy->Observe(trial);
    stopped += trial.last_step == 1;
  }
  return stopped;
}

TEST(BayesianTest, LearnsFromWhatIsStopped) {
  int bayesian = 0, random = 0;
  for (const uint64_t seed : {1, 2, 3}) {
    StudySpec spec = Spec(Numbers(10));
    spec.seed = seed;
    spec.stopping.rules = {{.name = "median"}};
    bayesian += StoppedAtOnce(spec);
    spec.algorithm.name = "random";
    random += StoppedAtOnce(spec);
  }
  EXPECT_GT(random, 60);
  EXPECT_LT(bayesian, random / 2);
}

TEST(BayesianTest, FindsTheBottomOfABowl) {
  const auto trials =
      RunStudy(Spec(Numbers(4)), 40, [](const Parameters& at, Trial& trial) {
        trial.final_metrics = {{"loss", Bowl(at)}};
      });
  EXPECT_LT(Best(trials), 1e-4);
}

// Hartmann's function of 6 numbers, whose least value is -3.322, and its
// slopes.
double Hartmann(const Parameters& parameters,
                std::map<std::string, double>& slopes) {
  double sum = 0;
  for (int k = 0; k < 4; ++k) {
    double distance = 0;
    std::map<std::string, double> by;
    for (const auto& [name, value] : parameters) {
      const int i = name[0] - 'a';
      const double x = std::get<double>(value) - hartmann6::kCentres[k][i];
      distance += hartmann6::kWidths[k][i] * x * x;
      by[name] = 2 * hartmann6::kWidths[k][i] * x;
    }
    const double hill = hartmann6::kHeights[k] * std::exp(-distance);
    sum -= hill;
    for (const auto& [name, slope] : by) slopes[name] += hill * slope;
  }
  return sum;
}

// How many trials it takes to come below -3.1, at most 60. Gradients are `sign`
// times right but for noise of 0.1 each, as reported; 0: none are asked for.
int TrialsToTheTop(double sign, uint64_t seed, std::string* why = nullptr) {
  StudySpec spec = Spec(Numbers(6));
  spec.seed = seed;
  if (sign != 0) spec.gradients.metric = "loss";
  const auto strategy = *MakeSearchStrategy(spec);
  Random errors(seed, 1 << 20);
  for (int i = 1; i <= 60; ++i) {
    Random random(seed, i);
    Trial trial = AsTrial(strategy->Suggest({}, 1, random).value()[0]);
    trial.id = {i};
    trial.state = TrialState::kCompleted;
    Measurement report{.sequence = 1, .step = 1};
    auto& slopes = report.gradients["loss"];
    report.metrics["loss"] = Hartmann(trial.parameters, slopes);
    for (auto& [name, slope] : slopes) {
      slope = sign * slope + 0.1 * NormalQuantile(errors.Uniform());
      report.gradient_deviations["loss"][name] = 0.1;
    }
    trial.last_step = 1;
    trial.final_metrics = report.metrics;
    if (strategy->WantsReports()) strategy->ObserveReport(trial, report);
    strategy->Observe(trial);
    if (why != nullptr) *why = trial.origin.why;
    if (report.metrics["loss"] < -3.1) return i;
  }
  return 60;
}

TEST(BayesianTest, GradientsSaveTrials) {
  int with = 0, without = 0;
  for (const uint64_t seed : {1, 2, 3, 4, 5}) {
    with += TrialsToTheTop(1, seed);
    without += TrialsToTheTop(0, seed);
  }
  EXPECT_LT(with, 0.75 * without) << with << " of " << without;
}

TEST(BayesianTest, GradientsOfTheWrongSignCostFewTrials) {
  int wrong = 0, without = 0;
  for (const uint64_t seed : {1, 2, 3, 4, 5}) {
    wrong += TrialsToTheTop(-1, seed);
    without += TrialsToTheTop(0, seed);
  }
  EXPECT_LT(wrong, 1.4 * without) << wrong << " of " << without;
}

TEST(BayesianTest, SaysWhetherGradientsCount) {
  std::string why;
  TrialsToTheTop(1, 1, &why);
  EXPECT_THAT(why, ContainsRegex("results with [0-9]+ gradients, fitted at"));
  TrialsToTheTop(-1, 1, &why);
  EXPECT_THAT(why, HasSubstr("; gradients left out: "));
  TrialsToTheTop(0, 1, &why);
  EXPECT_THAT(why, Not(HasSubstr("gradient")));
}

TEST(BayesianTest, WantsReportsForGradientsOfAnObjectiveToTheEnd) {
  StudySpec spec = Spec(Numbers(2));
  EXPECT_FALSE((*MakeSearchStrategy(spec))->WantsReports());
  spec.gradients.metric = "other";
  EXPECT_FALSE((*MakeSearchStrategy(spec))->WantsReports());
  spec.gradients.metric = "loss";
  const auto strategy = *MakeSearchStrategy(spec);
  for (int i = 1; i <= 30; ++i) {
    EXPECT_TRUE(strategy->WantsReports());
    Trial trial;
    trial.id = {i};
    trial.state = TrialState::kCompleted;
    trial.parameters = {{"a", i / 31.0}, {"b", 0.5}};
    trial.final_metrics["loss"] = i;
    strategy->Observe(trial);
  }
  EXPECT_TRUE(strategy->WantsReports());
}

TEST(BayesianTest, MaximisesWhatIsToBeMaximised) {
  StudySpec spec = Spec(Numbers(2));
  spec.metrics[0].goal = Goal::kMaximize;
  const auto trials =
      RunStudy(spec, 25, [](const Parameters& at, Trial& trial) {
        trial.final_metrics = {{"loss", -Bowl(at)}};
      });
  double best = -1;
  for (const Trial& trial : trials) {
    best = std::max(best, trial.final_metrics.at("loss"));
  }
  EXPECT_GT(best, -1e-3);
}

TEST(BayesianTest, BeginsAtTheCentreThenAsksTheModel) {
  const auto trials =
      RunStudy(Spec(Numbers(3)), 8, [](const Parameters& at, Trial& trial) {
        trial.final_metrics = {{"loss", Bowl(at)}};
      });
  EXPECT_THAT(trials[0].origin.why, HasSubstr("start: the centre"));
  for (size_t i = 1; i < trials.size(); ++i) {
    EXPECT_THAT(trials[i].origin.why, HasSubstr("upper confidence bound")) << i;
  }
}

TEST(BayesianTest, TakesTurnsIfAskedTo) {
  StudySpec spec = Spec(Numbers(3));
  spec.algorithm.bayesian.arms = BayesianOptions::Arms::kAlternate;
  const auto trials = RunStudy(spec, 8, [](const Parameters& at, Trial& trial) {
    trial.final_metrics = {{"loss", Bowl(at)}};
  });
  for (size_t i = 1; i < trials.size(); ++i) {
    const char* expected =
        i % 2 == 0 ? "upper confidence bound" : "expected improvement";
    EXPECT_THAT(trials[i].origin.why, HasSubstr(expected)) << i;
  }
}

// The share of the proposals after the start, up to trial `trials`, that lie in
// the lower tenth of the only parameter.
double ShareBelow(std::optional<Prior> prior, int trials, double bottom) {
  std::vector<Parameter> parameters = Numbers(1);
  parameters[0].prior = std::move(prior);
  const StudySpec spec = Spec(std::move(parameters));
  const auto all =
      RunStudy(spec, trials, [&](const Parameters& at, Trial& trial) {
        trial.final_metrics = {{"loss", std::pow(At(at, "a") - bottom, 2)}};
      });
  int below = 0;
  for (size_t i = 1; i < all.size(); ++i) {
    below += At(all[i].parameters, "a") < 0.1;
  }
  return below / static_cast<double>(all.size() - 1);
}

TEST(BayesianTest, ForgetsAPriorThatTheResultsContradict) {
  const NormalPrior wrong{.mean = 0, .deviation = 0.05};
  EXPECT_LE(ShareBelow(wrong, 20, 0.73), 0.2);
}

TEST(BayesianTest, SaysWithWhatWeightThePriorsCount) {
  const auto whys = [](double bottom, std::optional<Prior> prior) {
    std::vector<Parameter> parameters = Numbers(1);
    parameters[0].prior = std::move(prior);
    const auto trials = RunStudy(
        Spec(std::move(parameters)), 12, [&](const Parameters& at, Trial& t) {
          t.final_metrics = {{"loss", std::pow(At(at, "a") - bottom, 2)}};
        });
    std::vector<std::string> all;
    for (const Trial& trial : trials) all.push_back(trial.origin.why);
    return all;
  };
  constexpr char kSaid[] = "; the priors with a weight of";
  const NormalPrior prior{.mean = 0.25, .deviation = 0.1};
  EXPECT_THAT(whys(0.25, prior), Contains(HasSubstr(kSaid)));
  EXPECT_THAT(whys(1, prior).back(), Not(HasSubstr(kSaid)));
  EXPECT_THAT(whys(0.25, std::nullopt), Each(Not(HasSubstr(kSaid))));
}

TEST(BayesianTest, APriorCountsBesideSeveralObjectivesAndBounds) {
  std::vector<Parameter> parameters = Numbers(3);
  for (Parameter& parameter : parameters) {
    parameter.prior = NormalPrior{.mean = 0.7};
  }
  for (const int objectives : {2, 3}) {
    StudySpec spec = Spec(parameters);
    spec.metrics = {{.name = "loss"}, {.name = "other"}};
    if (objectives == 3) spec.metrics.push_back({.name = "third"});
    spec.metrics.push_back({.name = "bound", .bound = 0.9});
    const auto trials =
        RunStudy(spec, 20, [](const Parameters& at, Trial& trial) {
          trial.final_metrics = {{"loss", Bowl(at)},
                                 {"other", At(at, "a")},
                                 {"third", At(at, "b")},
                                 {"bound", At(at, "c")}};
        });
    EXPECT_LT(Best(trials), 0.1);
  }
}

TEST(BayesianTest, SpreadsStartPointsUntilThereIsAResult) {
  const auto strategy = *MakeSearchStrategy(Spec(Numbers(3)));
  Random random(1, 1);
  auto batch = strategy->Suggest({}, 20, random).value();
  for (const Proposal& proposal : batch) {
    EXPECT_THAT(proposal.origin.why, HasSubstr("start"));
  }
  Trial trial = AsTrial(batch[0]);
  trial.id = {1};
  trial.state = TrialState::kCompleted;
  trial.final_metrics = {{"loss", 1}};
  strategy->Observe(trial);
  batch = strategy->Suggest({}, 1, random).value();
  EXPECT_THAT(batch[0].origin.why, HasSubstr("from 1 results"));
}

TEST(BayesianTest, SaysWhatItExpectsInTheMetricsOwnUnit) {
  const auto trials =
      RunStudy(Spec(Numbers(1)), 15, [](const Parameters& at, Trial& trial) {
        trial.final_metrics = {{"loss", 1000 + Bowl(at)}};
      });
  EXPECT_THAT(trials.back().origin.why, HasSubstr("expects loss 1000"));
  EXPECT_THAT(trials.back().origin.why,
              HasSubstr("from 14 results, fitted at 14"));
}

// The better half of the space fails.
TEST(BayesianTest, AvoidsWhereTrialsFail) {
  const auto trials =
      RunStudy(Spec(Numbers(2)), 50, [](const Parameters& at, Trial& trial) {
        if (At(at, "a") > 0.5) trial.state = TrialState::kFailed;
        trial.final_metrics = {{"loss", 1 - At(at, "a") + Bowl(at) / 10}};
      });
  int failed = 0;
  for (size_t i = 25; i < trials.size(); ++i) {
    failed += trials[i].state == TrialState::kFailed;
  }
  EXPECT_LE(failed, 12);
  EXPECT_LT(Best(trials), 0.56);
}

TEST(BayesianTest, KeepsABound) {
  StudySpec spec = Spec(Numbers(2));
  spec.metrics.push_back({.name = "memory", .bound = 0.5});
  double best = 1;
  RunStudy(spec, 40, [&](const Parameters& at, Trial& trial) {
    const double loss = 1 - (At(at, "a") + At(at, "b")) / 2;
    const double memory = At(at, "a") * At(at, "b") + At(at, "a") / 2;
    trial.final_metrics = {{"loss", loss}, {"memory", memory}};
    if (memory <= 0.5) best = std::min(best, loss);
  });
  // Memory is 1/2 on b = 1/2 (1/a - 1): the best is a = 1/3, b = 1.
  EXPECT_LT(best, 1.0 / 3 + 0.02);
}

TEST(BayesianTest, SpreadsOverAFrontOfTwoObjectives) {
  StudySpec spec = Spec(Numbers(3));
  spec.metrics = {{.name = "f"}, {.name = "g"}};
  const auto trials =
      RunStudy(spec, 40, [](const Parameters& at, Trial& trial) {
        const double rest =
            std::pow(At(at, "b") - 0.5, 2) + std::pow(At(at, "c") - 0.5, 2);
        trial.final_metrics = {{"f", std::pow(At(at, "a"), 2) + rest},
                               {"g", std::pow(1 - At(at, "a"), 2) + rest}};
      });
  // The area within (1.1, 1.1) of the front sqrt(f) + sqrt(g) = 1: 1.21 - 1/6.
  std::vector<std::pair<double, double>> front;
  for (const Trial& trial : trials) {
    front.push_back({trial.final_metrics.at("f"), trial.final_metrics.at("g")});
  }
  std::sort(front.begin(), front.end());
  double area = 0, height = 1.1;
  for (const auto& [f, g] : front) {
    if (f >= 1.1 || g >= height) continue;
    area += (1.1 - f) * (height - g);
    height = g;
  }
  EXPECT_GT(area, 0.94 * (1.21 - 1.0 / 6));
}

// DTLZ2 (Deb et al. 2002): nearly all of its space lies far from the front, and
// so would a reference point behind the worst trial.
TEST(BayesianTest, FindsTheMiddleOfAFrontThatMostTrialsAreFarFrom) {
  StudySpec spec = Spec(Numbers(8));
  spec.metrics = {{.name = "f"}, {.name = "g"}};
  std::vector<Point> points;
  RunStudy(spec, 80, [&](const Parameters& at, Trial& trial) {
    double distance = 1;
    for (const char* name : {"b", "c", "d", "e", "f", "g", "h"}) {
      distance += std::pow(At(at, name) - 0.3, 2);
    }
    const double angle = At(at, "a") * M_PI / 2;
    trial.final_metrics = {{"f", distance * std::cos(angle)},
                           {"g", distance * std::sin(angle)}};
    points.push_back(
        {trial.final_metrics.at("f"), trial.final_metrics.at("g")});
  });
  const double all = 1.21 - M_PI / 4;
  EXPECT_GT(Hypervolume(points, {1.1, 1.1}) / all, 0.7);
}

TEST(BayesianTest, WorksWithThreeObjectives) {
  StudySpec spec = Spec(Numbers(2));
  spec.metrics = {{.name = "f"}, {.name = "g"}, {.name = "h"}};
  RunStudy(spec, 20, [](const Parameters& at, Trial& trial) {
    trial.final_metrics = {{"f", At(at, "a")},
                           {"g", At(at, "b")},
                           {"h", -At(at, "a") * At(at, "b")}};
  });
}

TEST(BayesianTest, ABatchIsSpreadOut) {
  const StudySpec spec = Spec(Numbers(2));
  const auto strategy = *MakeSearchStrategy(spec);
  int id = 1;
  for (; id <= 12; ++id) {
    Random random(1, id);
    Trial trial = AsTrial(strategy->Suggest({}, 1, random).value()[0]);
    trial.id = {id};
    trial.state = TrialState::kCompleted;
    trial.final_metrics = {{"loss", Bowl(trial.parameters)}};
    strategy->Observe(trial);
  }
  Random random(1, 99);
  const auto batch = strategy->Suggest({}, 8, random).value();
  for (size_t i = 0; i < batch.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      const Parameters& a = batch[i].parameters;
      const Parameters& b = batch[j].parameters;
      EXPECT_GT(std::fabs(At(a, "a") - At(b, "a")) +
                    std::fabs(At(a, "b") - At(b, "b")),
                0.003);
    }
  }
}

// As the median rule does: stopped at their first check, with a bad value. On
// the way to the bottom; once it is found, exploring is right. Random search
// has 24 stopped.
TEST(BayesianTest, LearnsOfTrialsThatWereStopped) {
  int stopped = 0;
  RunStudy(Spec(Numbers(4)), 34, [&](const Parameters& at, Trial& trial) {
    const double loss = Bowl(at);
    trial.final_metrics = {{"loss", loss}};
    if (trial.id.value > 8 && loss > 0.15) {
      trial.state = TrialState::kStopped;
      trial.last_step = 1;
      trial.final_metrics["loss"] = 5;  // Of an early step.
      ++stopped;
    }
  });
  EXPECT_LE(stopped, 13);  // Of 26.
}

TEST(BayesianTest, SearchesManyParametersWithinABox) {
  const auto trials =
      RunStudy(Spec(Numbers(24)), 60, [](const Parameters& at, Trial& trial) {
        trial.final_metrics = {{"loss", Bowl(at)}};
      });
  EXPECT_LT(Best(trials), trials[0].final_metrics.at("loss") / 1.8);
}

TEST(BayesianTest, EachOptionWorks) {
  using Options = BayesianOptions;
  for (const Options& options :
       {Options{.transform = Options::Transform::kStandardize},
        Options{.transform = Options::Transform::kAuto},
        Options{.arms = Options::Arms::kAlternate},
        Options{.arms = Options::Arms::kImprovement},
        Options{.prior = Options::Prior::kLogSquared},
        Options{.prior = Options::Prior::kDimensionScaled},
        Options{.trust_region = false}, Options{.start_trials = 7}}) {
    StudySpec spec = Spec(Numbers(2));
    spec.algorithm.bayesian = options;
    const auto trials =
        RunStudy(spec, 25, [](const Parameters& at, Trial& trial) {
          trial.final_metrics = {{"loss", Bowl(at)}};
        });
    EXPECT_LT(Best(trials), 0.01);
  }
}

TEST(BayesianTest, NothingButFailuresIsSpreadOut) {
  const auto trials =
      RunStudy(Spec(Numbers(2)), 12, [](const Parameters&, Trial& trial) {
        trial.state = TrialState::kFailed;
        trial.final_metrics = {{"loss", kNaN}};
      });
  EXPECT_THAT(trials.back().origin.why, HasSubstr("scrambled Sobol sequence"));
}

// --- After earlier studies --------------------------------------------------

// `trials` random ones of a study of what `train` gives.
EarlierStudy EarlierOf(const StudySpec& spec, Trust trust, int trials,
                       const Train& train) {
  StudySpec random = spec;
  random.algorithm.name = "random";
  EarlierStudy earlier{.name = "local/earlier", .trust = trust};
  for (const Trial& trial : RunStudy(random, trials, train)) {
    AddEarlier(trial, spec, earlier);
  }
  return earlier;
}

// The losses of a new study that learns from `earlier`.
std::vector<double> LossesAfter(const StudySpec& spec,
                                const std::vector<EarlierStudy>& earlier,
                                int trials, const Train& train) {
  const auto strategy = *MakeSearchStrategy(spec);
  for (const EarlierStudy& study : earlier) strategy->ObserveEarlier(study);
  std::vector<double> losses;
  for (int i = 1; i <= trials; ++i) {
    Random random(spec.seed, i);
    Trial trial = AsTrial(strategy->Suggest({}, 1, random).value()[0]);
    trial.id = {i};
    trial.state = TrialState::kCompleted;
    train(trial.parameters, trial);
    strategy->Observe(trial);
    losses.push_back(trial.final_metrics.at("loss"));
  }
  return losses;
}

double Least(const std::vector<double>& losses) {
  return *std::min_element(losses.begin(), losses.end());
}

Train TrainOn(double (*loss)(const Parameters&)) {
  return [loss](const Parameters& parameters, Trial& trial) {
    trial.final_metrics = {{"loss", loss(parameters)}};
  };
}

double Narrow(const Parameters& parameters) {
  double sum = 0;
  for (const char* name : {"a", "b", "c", "d"}) {
    sum += std::pow(At(parameters, name) - 0.8, 2);
  }
  return 1 - std::exp(-8 * sum);
}

// Elsewhere a little, on another scale.
double NarrowBeside(const Parameters& parameters) {
  double sum = 0;
  for (const char* name : {"a", "b", "c", "d"}) {
    sum += std::pow(At(parameters, name) - 0.75, 2);
  }
  return 40 - 30 * std::exp(-6 * sum);
}

double NarrowTurned(const Parameters& parameters) {
  return -Narrow(parameters);
}

TEST(BayesianTransferTest, ASimilarStudySavesMostOfTheSearch) {
  StudySpec spec = Spec(Numbers(4));
  double with = 0, without = 0;
  for (spec.seed = 1; spec.seed <= 5; ++spec.seed) {
    const EarlierStudy earlier =
        EarlierOf(spec, Trust::kSimilar, 60, TrainOn(NarrowBeside));
    with += Least(LossesAfter(spec, {earlier}, 8, TrainOn(Narrow)));
    without += Least(LossesAfter(spec, {}, 8, TrainOn(Narrow)));
  }
  EXPECT_LT(with, without / 2);
}

TEST(BayesianTransferTest, AMisleadingStudyIsSeenThrough) {
  StudySpec spec = Spec(Numbers(4));
  double with = 0, without = 0;
  for (spec.seed = 1; spec.seed <= 5; ++spec.seed) {
    const EarlierStudy earlier =
        EarlierOf(spec, Trust::kSimilar, 60, TrainOn(NarrowTurned));
    with += Least(LossesAfter(spec, {earlier}, 20, TrainOn(Narrow)));
    without += Least(LossesAfter(spec, {}, 20, TrainOn(Narrow)));
  }
  EXPECT_LT(with, 1.2 * without + 0.01);
}

TEST(BayesianTransferTest, TrialsOfTheSameObjectiveCountAsOwnOnes) {
  StudySpec spec = Spec(Numbers(4));
  spec.seed = 1;
  const EarlierStudy earlier =
      EarlierOf(spec, Trust::kSame, 60, TrainOn(Narrow));
  double best = 1;
  for (const Trial& trial : earlier.trials) {
    best = std::min(best, trial.final_metrics.at("loss"));
  }
  EXPECT_LT(Least(LossesAfter(spec, {earlier}, 6, TrainOn(Narrow))), best / 2);
}

TEST(BayesianTransferTest, AConfigurationOfAnEarlierStudyMayComeAgain) {
  StudySpec spec = Spec({});
  spec.space =
      *SearchSpace::Create({{"a", IntegerDomain{.min = 0, .max = 9}, {}, {}}});
  const Train train = [](const Parameters& parameters, Trial& trial) {
    const auto a = std::get<int64_t>(parameters.at("a"));
    trial.final_metrics = {{"loss", std::fabs(static_cast<double>(a) - 6)}};
  };
  for (const Trust trust : {Trust::kSame, Trust::kSimilar}) {
    const EarlierStudy earlier = EarlierOf(spec, trust, 10, train);
    EXPECT_EQ(LossesAfter(spec, {earlier}, 1, train)[0], 0);
    EXPECT_EQ(LossesAfter(spec, {earlier}, 10, train).size(), 10u);
  }
}

TEST(BayesianTransferTest, SeveralObjectivesEachHaveTheirSources) {
  StudySpec spec = Spec(Numbers(2));
  spec.metrics.push_back({.name = "time"});
  const Train train = [](const Parameters& parameters, Trial& trial) {
    const double a = At(parameters, "a");
    trial.final_metrics = {{"loss", a * a}, {"time", (1 - a) * (1 - a)}};
  };
  const EarlierStudy earlier = EarlierOf(spec, Trust::kSimilar, 30, train);
  const auto strategy = *MakeSearchStrategy(spec);
  strategy->ObserveEarlier(earlier);
  bool low = false, high = false;
  for (int i = 1; i <= 12; ++i) {
    Random random(1, i);
    Trial trial = AsTrial(strategy->Suggest({}, 1, random).value()[0]);
    trial.id = {i};
    trial.state = TrialState::kCompleted;
    train(trial.parameters, trial);
    strategy->Observe(trial);
    low |= At(trial.parameters, "a") < 0.2;
    high |= At(trial.parameters, "a") > 0.8;
  }
  EXPECT_TRUE(low && high);
}

}  // namespace
}  // namespace assay
