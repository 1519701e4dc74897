// What every strategy promises. A new one is one more line in kAll.

#include <cmath>
#include <limits>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "search/factory.h"

namespace assay {
namespace {

ParameterValue Text(const char* text) { return std::string(text); }

Parameter Integer(std::string name, int64_t min, int64_t max) {
  return {std::move(name), IntegerDomain{.min = min, .max = max}, {}, {}};
}

SearchSpace Space(std::vector<Parameter> parameters,
                  std::vector<std::string> constraints = {}) {
  return *SearchSpace::Create(std::move(parameters), std::move(constraints));
}

// One of each kind, with scales, steps, conditions and a constraint.
SearchSpace MixedSpace() {
  return Space(
      {{"lr",
        DoubleDomain{.min = 1e-5, .max = 0.1, .scale = Scale::kLog},
        {},
        {}},
       {"width",
        IntegerDomain{.min = 8, .max = 64, .scale = Scale::kLog},
        {},
        {}},
       {"dropout", DoubleDomain{.min = 0, .max = 0.5, .step = 0.05}, {}, {}},
       {"batch", DiscreteDomain{{16, 32, 64, 128}}, {}, {}},
       {"optimizer", CategoricalDomain{{Text("sgd"), Text("adam")}}, {}, {}},
       {"momentum",
        DoubleDomain{.min = 0, .max = 0.99},
        {},
        Condition{"optimizer", {Text("sgd")}}},
       {"nesterov",
        CategoricalDomain{{true, false}},
        {},
        Condition{"optimizer", {Text("sgd")}}}},
      {"width * batch <= 4096"});
}

SearchSpace MixedSpaceWithPriors() {
  const SearchSpace mixed = MixedSpace();
  std::vector<Parameter> parameters(mixed.parameters().begin(),
                                    mixed.parameters().end());
  parameters[0].prior = NormalPrior{.mean = 3e-5, .deviation = 0.1};
  parameters[1].prior = NormalPrior{.mean = 16};
  parameters[2].prior = NormalPrior{.mean = 0.1};
  parameters[3].prior = WeightsPrior{{0, 1, 0, 0}};
  parameters[4].prior = WeightsPrior{{9, 1}};
  parameters[5].prior = NormalPrior{.mean = 0.9, .deviation = 0.05};
  return Space(std::move(parameters), {"width * batch <= 4096"});
}

SearchSpace SmallSpace(std::vector<std::string> constraints = {}) {
  return Space({Integer("a", 0, 4), Integer("b", 0, 6)},
               std::move(constraints));
}

SearchSpace ManyParameters(int count) {
  std::vector<Parameter> parameters;
  for (int i = 0; i < count; ++i) {
    parameters.push_back({absl::StrCat("p", i), DoubleDomain{}, {}, {}});
  }
  return Space(std::move(parameters));
}

// A study as the coordinator sees it: trials start, run beside each other and
// end as they like.
class Study {
 public:
  Study(absl::string_view algorithm, SearchSpace space, uint64_t seed = 1) {
    // "random_twice": each configuration is run twice.
    spec_.replicates = absl::ConsumeSuffix(&algorithm, "_twice") ? 2 : 1;
    spec_.algorithm.name = std::string(algorithm);
    spec_.algorithm.points_per_continuous = 2;
    spec_.metrics = {{.name = "loss"}};
    spec_.space = std::move(space);
    spec_.seed = seed;
    strategy_ = Make();
  }

  std::unique_ptr<SearchStrategy> Make() const {
    auto strategy = MakeSearchStrategy(spec_);
    EXPECT_TRUE(strategy.ok()) << strategy.status();
    for (const EarlierStudy& study : earlier_) {
      (*strategy)->ObserveEarlier(study);
    }
    return *std::move(strategy);
  }

  const SearchSpace& space() const { return spec_.space; }
  SearchStrategy& strategy() { return *strategy_; }
  const std::vector<Trial>& unfinished() const { return unfinished_; }

  absl::StatusOr<std::vector<Proposal>> Suggest(int count) {
    Random random(spec_.seed, 99);
    return strategy_->Suggest(unfinished_, count, random);
  }

  Trial& Add(const Proposal& proposal) {
    Trial trial;
    trial.id = {next_id_++};
    trial.parameters = proposal.parameters;
    trial.from_step = proposal.from_step;
    trial.to_step = proposal.to_step;
    trial.continues = proposal.continues;
    trial.replicate = proposal.replicate;
    trial.origin = proposal.origin;
    trial.state = TrialState::kRunning;
    unfinished_.push_back(trial);
    return unfinished_.back();
  }

  // Ends the i-th unfinished trial: completed, failed, stopped, with a NaN.
  void End(size_t i) {
    Trial trial = unfinished_[i];
    unfinished_.erase(unfinished_.begin() + static_cast<int64_t>(i));
    constexpr TrialState kEnds[] = {TrialState::kCompleted, TrialState::kFailed,
                                    TrialState::kStopped,
                                    TrialState::kInfeasible};
    trial.state = kEnds[trial.id.value % 4];
    const double value = trial.id.value % 5 == 0
                             ? std::numeric_limits<double>::quiet_NaN()
                             : static_cast<double>(trial.id.value % 17);
    trial.final_metrics = {{"loss", value}};
    strategy_->Observe(trial);
    finished_.push_back(trial);
  }

  // Starts from other studies, with all that can happen to their trials.
  void StartFrom(std::vector<Trust> trusts) {
    for (const Trust trust : trusts) {
      earlier_.push_back(Earlier(trust, 3 + earlier_.size()));
    }
    strategy_ = Make();
  }

  // A new process: the strategy learns of the log again.
  void Restart() {
    strategy_ = Make();
    for (const Trial& trial : finished_) strategy_->Observe(trial);
  }

 private:
  EarlierStudy Earlier(Trust trust, uint64_t seed) const {
    EarlierStudy earlier{.name = "local/earlier", .trust = trust};
    StudySpec random = spec_;
    random.algorithm.name = "random";
    random.replicates = 1;
    random.seed = seed;
    const auto strategy = MakeSearchStrategy(random).value();
    Random unused(seed);
    const int wanted = trust == Trust::kSame ? 40 : 30;
    const auto proposals = strategy->Suggest({}, wanted, unused).value();
    for (size_t i = 0; i < proposals.size(); ++i) {
      Trial trial = AsTrial(proposals[i]);
      trial.number = static_cast<int64_t>(i);
      constexpr TrialState kEnds[] = {
          TrialState::kCompleted, TrialState::kCompleted, TrialState::kFailed,
          TrialState::kStopped, TrialState::kInfeasible};
      trial.state = kEnds[i % 5];
      trial.final_metrics = {{"loss", static_cast<double>((7 * i) % 23)}};
      AddEarlier(trial, spec_, earlier);
    }
    return earlier;
  }

  StudySpec spec_;
  std::vector<EarlierStudy> earlier_;
  std::unique_ptr<SearchStrategy> strategy_;
  std::vector<Trial> unfinished_;
  std::vector<Trial> finished_;
  int64_t next_id_ = 1;
};

bool Same(const Proposal& a, const Proposal& b) {
  return Identity(a.parameters) == Identity(b.parameters) &&
         a.from_step == b.from_step && a.to_step == b.to_step &&
         a.continues == b.continues && a.replicate == b.replicate &&
         a.origin.ordinal == b.origin.ordinal;
}

class StrategyConformanceTest : public testing::TestWithParam<const char*> {
 protected:
  Study Make(SearchSpace space, uint64_t seed = 1) const {
    return Study(GetParam(), std::move(space), seed);
  }
};

constexpr const char* kAll[] = {"auto",
                                "bayesian",
                                "cma_es",
                                "differential_evolution",
                                "genetic",
                                "grid",
                                "grid_twice",
                                "nsga2",
                                "particle_swarm",
                                "quasi_random",
                                "random",
                                "random_twice",
                                "regularized_evolution",
                                "simulated_annealing",
                                "tpe"};

INSTANTIATE_TEST_SUITE_P(All, StrategyConformanceTest, testing::ValuesIn(kAll),
                         [](const auto& test) { return test.param; });

TEST_P(StrategyConformanceTest, ProposalsAreExactlyInTheSpace) {
  Study study = Make(MixedSpace());
  for (int i = 0; i < 300; ++i) {
    const auto proposals = study.Suggest(1);
    ASSERT_TRUE(proposals.ok()) << proposals.status();
    ASSERT_EQ(proposals->size(), 1u);
    const Proposal& proposal = (*proposals)[0];
    const auto canonical = study.space().Canonical(proposal.parameters);
    ASSERT_TRUE(canonical.ok()) << canonical.status();
    EXPECT_EQ(*canonical, proposal.parameters);
    study.Add(proposal);
    study.End(0);
  }
}

// How many of the first proposals have a rate within a fifth of the range of
// 3e-5, momentum on, and nothing that is not in the space. Before any result:
// these may contradict a prior.
int CountNearPriors(Study& study) {
  int near = 0;
  std::set<std::string> seen;
  for (int i = 0; i < 40; ++i) {
    const Proposal proposal = study.Suggest(1).value()[0];
    EXPECT_TRUE(study.space().Check(proposal.parameters).ok());
    EXPECT_TRUE(seen.insert(Identity(proposal.parameters)).second);
    near += std::get<double>(proposal.parameters.at("lr")) < 2e-4 &&
            proposal.parameters.contains("momentum");
    study.Add(proposal);
  }
  return near;
}

TEST_P(StrategyConformanceTest, PriorsLeadAllButTheGrid) {
  if (std::string(GetParam()).ends_with("_twice")) GTEST_SKIP();
  Study without = Make(MixedSpace());
  Study with = Make(MixedSpaceWithPriors());
  const int near = CountNearPriors(without);
  if (std::string(GetParam()) == "grid") {
    EXPECT_EQ(CountNearPriors(with), near);
  } else {
    EXPECT_GT(CountNearPriors(with), near);
  }
}

TEST_P(StrategyConformanceTest, ReplayWithPriorsGivesTheSameProposals) {
  Study study = Make(MixedSpaceWithPriors());
  for (int i = 0; i < 30; ++i) {
    const auto proposals = study.Suggest(2).value();
    study.Restart();
    const auto again = study.Suggest(2).value();
    ASSERT_TRUE(Same(again[0], proposals[0])) << i;
    ASSERT_TRUE(Same(again[1], proposals[1])) << i;
    study.Add(again[0]), study.Add(again[1]);
    study.End(i % 2);
  }
}

TEST_P(StrategyConformanceTest, ProposalsSayWhereTheyComeFrom) {
  Study study = Make(MixedSpace());
  const auto proposals = study.Suggest(3).value();
  for (const Proposal& proposal : proposals) {
    EXPECT_NE(proposal.origin.strategy, "");
    EXPECT_NE(proposal.origin.why, "");
  }
}

TEST_P(StrategyConformanceTest, SameSeedSamePoints) {
  Study a = Make(MixedSpace(), 5);
  Study b = Make(MixedSpace(), 5);
  for (int i = 0; i < 50; ++i) {
    const Proposal proposal = a.Suggest(1).value()[0];
    ASSERT_TRUE(Same(proposal, b.Suggest(1).value()[0]));
    a.Add(proposal), b.Add(proposal);
    if (i % 3 == 0) a.End(0), b.End(0);
  }
}

TEST_P(StrategyConformanceTest, FirstOfManyAreThoseOfFewer) {
  for (const bool small : {false, true}) {
    Study study = Make(small ? SmallSpace() : MixedSpace());
    for (int i = 0; i < 10; ++i) study.Add(study.Suggest(1).value()[0]);
    for (int i = 0; i < 5; ++i) study.End(i % 3);
    const auto many = study.Suggest(20).value();
    ASSERT_EQ(many.size(), 20u);
    for (int count = 1; count <= 20; ++count) {
      const auto few = study.Suggest(count).value();
      ASSERT_EQ(few.size(), static_cast<size_t>(count));
      for (int i = 0; i < count; ++i) ASSERT_TRUE(Same(few[i], many[i]));
    }
  }
}

// Trials end in a random order; some proposals are lost before they are trials.
TEST_P(StrategyConformanceTest, ReplayOfTheLogGivesTheSameProposals) {
  for (const bool small : {false, true}) {
    Study study = Make(small ? SmallSpace({"a + b != 3"}) : MixedSpace());
    Random random(7);
    for (int i = 0; i < 80; ++i) {
      const int count = 1 + static_cast<int>(random.Below(4));
      const auto proposals = study.Suggest(count);
      if (!proposals.ok()) break;
      study.Restart();
      const auto again = study.Suggest(count).value();
      ASSERT_EQ(again.size(), proposals->size());
      for (size_t k = 0; k < again.size(); ++k) {
        ASSERT_TRUE(Same(again[k], (*proposals)[k])) << i;
      }
      for (const Proposal& proposal : again) {
        if (random.Below(4) > 0) study.Add(proposal);
      }
      while (study.unfinished().size() > random.Below(10)) {
        study.End(random.Below(study.unfinished().size()));
      }
    }
  }
}

TEST_P(StrategyConformanceTest, NothingRepeatsWithManyUnfinishedAtOnce) {
  for (const size_t parallel : {1, 7, 100}) {
    Study study = Make(MixedSpace());
    Random random(parallel);
    std::set<std::string> seen;
    for (int i = 0; i < 300; ++i) {
      const Proposal proposal = study.Suggest(1).value()[0];
      ASSERT_TRUE(seen.insert(Identity(proposal.parameters)).second);
      study.Add(proposal);
      if (study.unfinished().size() >= parallel) {
        study.End(random.Below(study.unfinished().size()));
      }
    }
  }
}

TEST_P(StrategyConformanceTest, AUsedUpSpaceIsUsedExactlyOnceThenOutOfRange) {
  const std::vector<std::string> constraint = {"a * b < 10 and a != 2"};
  for (const auto& constraints : {std::vector<std::string>(), constraint}) {
    for (uint64_t seed = 0; seed < 10; ++seed) {
      Study study = Make(SmallSpace(constraints), seed);
      int64_t allowed = 0;
      for (int64_t i = 0; i < *study.space().Size(); ++i) {
        allowed += study.space().Satisfies(study.space().At(i));
      }
      std::set<std::string> seen;
      auto proposals = study.Suggest(4);
      for (; proposals.ok(); proposals = study.Suggest(4)) {
        ASSERT_FALSE(proposals->empty());
        for (const Proposal& proposal : *proposals) {
          ASSERT_TRUE(seen.insert(Identity(proposal.parameters)).second);
          study.Add(proposal);
        }
        if (study.unfinished().size() > 8) study.End(3);
      }
      EXPECT_EQ(proposals.status().code(), absl::StatusCode::kOutOfRange);
      EXPECT_EQ(static_cast<int64_t>(seen.size()), allowed);
    }
  }
}

TEST_P(StrategyConformanceTest, AProposalWithAConfigurationOfTheUserIsSkipped) {
  Study study = Make(SmallSpace());
  Proposal enqueued = study.Suggest(1).value()[0];
  enqueued.origin = {.strategy = "user"};
  study.Add(enqueued);
  EXPECT_NE(Identity(study.Suggest(1).value()[0].parameters),
            Identity(enqueued.parameters));
  study.End(0);
  EXPECT_NE(Identity(study.Suggest(1).value()[0].parameters),
            Identity(enqueued.parameters));
}

TEST_P(StrategyConformanceTest, AnotherBudgetIsAnotherTrial) {
  Study study = Make(SmallSpace());
  if (study.strategy().Learns()) GTEST_SKIP();  // It counts as a result.
  Proposal enqueued = study.Suggest(1).value()[0];
  enqueued.origin = {.strategy = "user"};
  enqueued.to_step = 5;
  study.Add(enqueued);
  EXPECT_EQ(Identity(study.Suggest(1).value()[0].parameters),
            Identity(enqueued.parameters));
}

TEST_P(StrategyConformanceTest, OneParameterOfOneValueIsOneTrial) {
  Study study = Make(Space({Integer("only", 3, 3)}));
  study.Add(study.Suggest(5).value()[0]);
  EXPECT_EQ(study.unfinished()[0].parameters.at("only"),
            ParameterValue(int64_t{3}));
  EXPECT_EQ(study.Suggest(1).status().code(), absl::StatusCode::kOutOfRange);
}

// --- After earlier studies --------------------------------------------------

TEST_P(StrategyConformanceTest, EarlierStudiesLeaveProposalsInTheSpaceAndNew) {
  for (const bool small : {false, true}) {
    Study study = Make(small ? SmallSpace() : MixedSpace());
    study.StartFrom({Trust::kSimilar, Trust::kSame, Trust::kSimilar});
    std::set<std::string> seen;
    for (int i = 0; i < 35; ++i) {  // All of the small space.
      const auto proposals = study.Suggest(1);
      ASSERT_TRUE(proposals.ok()) << proposals.status();
      const Proposal& proposal = proposals->at(0);
      ASSERT_EQ(study.space().Canonical(proposal.parameters).value(),
                proposal.parameters);
      ASSERT_TRUE(seen.insert(Identity(proposal.parameters)).second);
      study.Add(proposal);
      if (i % 3 > 0) study.End(0);
    }
    if (small) {
      EXPECT_EQ(study.Suggest(1).status().code(),
                absl::StatusCode::kOutOfRange);
    }
  }
}

TEST_P(StrategyConformanceTest, ReplayAfterEarlierStudiesGivesTheSame) {
  Study study = Make(MixedSpace());
  study.StartFrom({Trust::kSimilar, Trust::kSame, Trust::kSimilar});
  Random random(7);
  for (int i = 0; i < 30; ++i) {
    const int count = 1 + static_cast<int>(random.Below(3));
    const auto proposals = study.Suggest(count).value();
    study.Restart();
    const auto again = study.Suggest(count).value();
    ASSERT_EQ(again.size(), proposals.size());
    for (size_t k = 0; k < again.size(); ++k) {
      ASSERT_TRUE(Same(again[k], proposals[k])) << i;
    }
    for (const Proposal& proposal : again) {
      if (random.Below(4) > 0) study.Add(proposal);
    }
    while (study.unfinished().size() > random.Below(6)) {
      study.End(random.Below(study.unfinished().size()));
    }
  }
}

TEST_P(StrategyConformanceTest, WhatLearnsBeginsWithThePortfolio) {
  Study study = Make(MixedSpace());
  const bool learns = study.strategy().Learns();
  const Proposal without = study.Suggest(1).value()[0];
  study.StartFrom({Trust::kSimilar, Trust::kSimilar});
  const Proposal with = study.Suggest(1).value()[0];
  if (!learns) {
    EXPECT_TRUE(Same(with, without)) << "takes no notice";
  } else {
    EXPECT_THAT(with.origin.why, testing::HasSubstr("portfolio"));
  }
}

TEST_P(StrategyConformanceTest, ManyParametersWork) {
  const bool grid = std::string(GetParam()).starts_with("grid");
  for (const int count : {1, grid ? 60 : 200, grid ? 60 : 400}) {
    Study study = Make(ManyParameters(count));
    const size_t wanted = grid && count == 1 ? 2 : 20;
    const auto proposals = study.Suggest(static_cast<int>(wanted)).value();
    ASSERT_EQ(proposals.size(), wanted);
    for (const Proposal& proposal : proposals) {
      EXPECT_TRUE(study.space().Check(proposal.parameters).ok());
    }
  }
}

TEST_P(StrategyConformanceTest, StrategiesThatDoNotLearnIgnoreParallelism) {
  Study one = Make(MixedSpace(), 3);
  if (one.strategy().Learns()) GTEST_SKIP();
  Study many = Make(MixedSpace(), 3);
  std::vector<std::string> sequence;
  for (int i = 0; i < 120; ++i) {
    const Proposal proposal = one.Suggest(1).value()[0];
    sequence.push_back(Identity(proposal.parameters));
    one.Add(proposal);
    one.End(0);
  }
  size_t next = 0;
  while (next < 120) {
    const auto proposals = many.Suggest(8).value();
    for (const Proposal& proposal : proposals) {
      ASSERT_EQ(Identity(proposal.parameters), sequence[next++]);
      many.Add(proposal);
    }
    while (many.unfinished().size() > 20) many.End(11);
    many.Restart();
  }
}

}  // namespace
}  // namespace assay
