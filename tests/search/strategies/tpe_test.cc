#include "search/strategies/tpe.h"

#include <cmath>
#include <limits>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "search/factory.h"

namespace assay {
namespace {

ParameterValue Text(const char* text) { return std::string(text); }

Parameter Real(std::string name, std::optional<Condition> when = {}) {
  return {std::move(name), DoubleDomain{}, {}, std::move(when)};
}

// A study of which each trial ends before the next one starts.
class Study {
 public:
  explicit Study(SearchSpace space,
                 std::vector<MetricSpec> metrics = {{.name = "loss"}}) {
    spec_.algorithm.name = "tpe";
    spec_.metrics = std::move(metrics);
    spec_.space = std::move(space);
    strategy_ = MakeSearchStrategy(spec_).value();
  }

  Proposal Suggest(const std::vector<Trial>& unfinished = {}) {
    Random random(1, next_id_);
    return strategy_->Suggest(unfinished, 1, random).value()[0];
  }

  void End(Trial trial, TrialState state, Metrics metrics) {
    trial.id = {next_id_++};
    trial.state = state;
    trial.final_metrics = std::move(metrics);
    strategy_->Observe(trial);
  }

  void Complete(const Parameters& parameters, Metrics metrics) {
    Trial trial;
    trial.parameters = parameters;
    End(std::move(trial), TrialState::kCompleted, std::move(metrics));
  }

 private:
  StudySpec spec_;
  std::unique_ptr<SearchStrategy> strategy_;
  int64_t next_id_ = 1;
};

double Number(const Proposal& proposal, const std::string& name) {
  return *AsNumber(proposal.parameters.at(name));
}

// The share of the last half of `trials` proposals for which `is_good`.
template <typename Run, typename IsGood>
double ShareOfLaterOnes(Study& study, int trials, const Run& run,
                        const IsGood& is_good) {
  int good = 0;
  for (int i = 0; i < trials; ++i) {
    const Proposal proposal = study.Suggest();
    if (i >= trials / 2) good += is_good(proposal);
    run(proposal);
  }
  return good / (trials / 2.0);
}

TEST(TpeTest, CandidatesMustBeFromOneToTenThousand) {
  StudySpec spec;
  spec.metrics = {{.name = "loss"}};
  spec.space = *SearchSpace::Create({Real("x")});
  spec.algorithm.name = "tpe";
  for (const int candidates : {0, -1, 10'001}) {
    spec.algorithm.candidates = candidates;
    const absl::Status status = MakeSearchStrategy(spec).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(status.message(),
              absl::StrCat("algorithm \"tpe\": candidates ", candidates,
                           ", must be from 1 to 10000"));
  }
}

TEST(TpeTest, GathersWhereResultsAreGood) {
  Study study(*SearchSpace::Create({Real("x"), Real("y")}));
  const double share = ShareOfLaterOnes(
      study, 60,
      [&](const Proposal& p) {
        study.Complete(p.parameters,
                       {{"loss", std::pow(Number(p, "x") - 0.8, 2) +
                                     std::pow(Number(p, "y") - 0.2, 2)}});
      },
      [](const Proposal& p) {
        return Number(p, "x") > 0.6 && Number(p, "y") < 0.4;
      });
  EXPECT_GE(share, 0.5);  // By chance: 0.16.
}

TEST(TpeTest, PendingTrialsKeepOthersAway) {
  Study study(*SearchSpace::Create({Real("x")}));
  for (int i = 0; i <= 20; ++i) {
    const double x = i / 20.0;
    study.Complete({{"x", x}}, {{"loss", std::pow(x - 0.5, 2)}});
  }
  Trial pending;
  double without = 0, with = 0;
  std::vector<Trial> unfinished;
  for (int i = 0; i < 5; ++i) {
    pending.parameters = {{"x", 0.47 + 0.01 * i}};
    unfinished.push_back(pending);
  }
  without = std::fabs(Number(study.Suggest(), "x") - 0.5);
  with = std::fabs(Number(study.Suggest(unfinished), "x") - 0.5);
  EXPECT_GT(with, without);
}

TEST(TpeTest, LeavesARegionThatFails) {
  Study study(*SearchSpace::Create({Real("x"), Real("y")}));
  const auto fails = [](const Proposal& p) { return Number(p, "x") < 0.5; };
  const double share = ShareOfLaterOnes(
      study, 60,
      [&](const Proposal& p) {
        if (!fails(p)) return study.Complete(p.parameters, {{"loss", 1.0}});
        study.End(AsTrial(p), TrialState::kFailed, {});
      },
      fails);
  EXPECT_LE(share, 0.4);  // By chance: 0.5.
}

TEST(TpeTest, KeepsBounds) {
  Study study(*SearchSpace::Create({Real("x")}),
              {{.name = "loss"}, {.name = "memory", .bound = 0.3}});
  const double share = ShareOfLaterOnes(
      study, 60,
      [&](const Proposal& p) {
        const double x = Number(p, "x");
        study.Complete(p.parameters, {{"loss", -x}, {"memory", x}});
      },
      [](const Proposal& p) { return Number(p, "x") <= 0.3; });
  EXPECT_GE(share, 0.5);
}

TEST(TpeTest, SeveralObjectivesGatherOnTheFront) {
  Study study(*SearchSpace::Create({Real("x"), Real("y")}),
              {{.name = "a"}, {.name = "b"}});
  const double share = ShareOfLaterOnes(
      study, 80,
      [&](const Proposal& p) {
        const double x = Number(p, "x"), y = Number(p, "y");
        study.Complete(p.parameters, {{"a", x + y}, {"b", 1 - x + y}});
      },
      [](const Proposal& p) { return Number(p, "y") < 0.25; });
  EXPECT_GE(share, 0.6);
}

TEST(TpeTest, EachBranchOfAConditionLearnsOnItsOwn) {
  const Condition left{"side", {Text("left")}};
  const Condition right{"side", {Text("right")}};
  Study study(*SearchSpace::Create(
      {{"side", CategoricalDomain{{Text("left"), Text("right")}}, {}, {}},
       Real("l", left),
       Real("r", right)}));
  const double share = ShareOfLaterOnes(
      study, 80,
      [&](const Proposal& p) {
        const bool is_left = p.parameters.count("l") > 0;
        const double loss = is_left ? 1 + std::fabs(Number(p, "l") - 0.9)
                                    : std::fabs(Number(p, "r") - 0.1);
        study.Complete(p.parameters, {{"loss", loss}});
      },
      [](const Proposal& p) {
        return p.parameters.count("r") > 0 && Number(p, "r") < 0.3;
      });
  EXPECT_GE(share, 0.5);  // By chance: 0.15.
}

// Whose results are worse than all of the leading branch's.
TEST(TpeTest, NoBranchIsForgotten) {
  Study study(*SearchSpace::Create(
      {{.name = "branch",
        .domain = CategoricalDomain{{Text("good"), Text("bad")}}},
       Real("g", Condition{"branch", {Text("good")}}),
       Real("b", Condition{"branch", {Text("bad")}})}));
  const double share = ShareOfLaterOnes(
      study, 120,
      [&](const Proposal& p) {
        const bool good = p.parameters.contains("g");
        study.Complete(p.parameters, {{"loss", good ? 0 : 1}});
      },
      [](const Proposal& p) { return p.parameters.contains("b"); });
  EXPECT_GT(share, 0.02);
  EXPECT_LT(share, 0.3);
}

TEST(TpeTest, LearnsFromStoppedTrialsToo) {
  Study study(*SearchSpace::Create({Real("x")}));
  const double share = ShareOfLaterOnes(
      study, 60,
      [&](const Proposal& p) {
        Trial trial = AsTrial(p);
        trial.last_step = static_cast<int64_t>(10 * Number(p, "x"));
        study.End(std::move(trial), TrialState::kStopped, {{"loss", 1.0}});
      },
      [](const Proposal& p) { return Number(p, "x") > 0.7; });
  EXPECT_GE(share, 0.5);
}

// Every second number of 0 to 48, the best at 20: 20 itself is as new to this
// study as its neighbours.
TEST(TpeTest, AConfigurationOfAnEarlierStudyMayComeAgain) {
  StudySpec spec;
  spec.algorithm.name = "tpe";
  spec.metrics = {{.name = "loss"}};
  spec.space =
      *SearchSpace::Create({{.name = "x", .domain = IntegerDomain{0, 48}}});
  EarlierStudy earlier{.name = "local/earlier"};
  for (int64_t x = 0; x <= 48; x += 2) {
    Trial trial;
    trial.state = TrialState::kCompleted;
    trial.parameters = {{"x", x}};
    trial.final_metrics = {{"loss", std::abs(double(x) - 20)}};
    AddEarlier(trial, spec, earlier);
  }
  const auto strategy = MakeSearchStrategy(spec).value();
  strategy->ObserveEarlier(earlier);
  int again = 0;
  for (uint64_t stream = 0; stream < 20; ++stream) {
    Random random(1, stream);
    const double x = Number(strategy->Suggest({}, 1, random).value()[0], "x");
    again += std::fmod(x, 2) == 0;
  }
  EXPECT_GE(again, 4);
  EXPECT_LE(again, 16);
}

}  // namespace
}  // namespace assay
