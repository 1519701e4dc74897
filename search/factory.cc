#include "search/factory.h"

#include <cassert>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "search/base/status_macros.h"
#include "search/schedules/check_schedule.h"
#include "search/schedules/ladder_strategy.h"
#include "search/schedules/population_strategy.h"
#include "search/stopping/median.h"
#include "search/stopping/patience.h"
#include "search/strategies/auto.h"
#include "search/strategies/bayesian.h"
#include "search/strategies/cma_es.h"
#include "search/strategies/differential_evolution.h"
#include "search/strategies/genetic.h"
#include "search/strategies/grid.h"
#include "search/strategies/nsga2.h"
#include "search/strategies/particle_swarm.h"
#include "search/strategies/quasi_random.h"
#include "search/strategies/random.h"
#include "search/strategies/regularized_evolution.h"
#include "search/strategies/replicated.h"
#include "search/strategies/simulated_annealing.h"
#include "search/strategies/tpe.h"

namespace assay {
namespace {

using StrategyOr = absl::StatusOr<std::unique_ptr<SearchStrategy>>;
using Space = std::shared_ptr<const SearchSpace>;

struct NamedStrategy {
  const char* name;
  StrategyOr (*make)(const StudySpec& spec, Space space);
};

using MakeOfSpec =
    std::unique_ptr<SearchStrategy> (*)(std::shared_ptr<const StudySpec> spec);

// A strategy that is made from the whole spec.
template <MakeOfSpec make>
StrategyOr OfSpec(const StudySpec& spec, Space) {
  return make(std::make_shared<const StudySpec>(spec));
}

// The same, for one objective.
template <MakeOfSpec make>
StrategyOr OfOneObjective(const StudySpec& spec, Space space) {
  const size_t objectives = Objectives(spec).size();
  if (objectives == 1) return OfSpec<make>(spec, std::move(space));
  return absl::InvalidArgumentError(
      absl::StrCat("algorithm \"", spec.algorithm.name, "\": ", objectives,
                   " objectives, takes one; nsga2 and bayesian take several"));
}

// Sorted by name.
constexpr NamedStrategy kStrategies[] = {
    {"auto",
     [](const StudySpec& spec, Space) -> StrategyOr {
       return MakeAuto(std::make_shared<const StudySpec>(spec));
     }},
    {"bayesian", OfSpec<MakeBayesian>},
    {"cma_es", OfOneObjective<MakeCmaEs>},
    {"differential_evolution", OfOneObjective<MakeDifferentialEvolution>},
    {"genetic", OfOneObjective<MakeGenetic>},
    {"grid",
     [](const StudySpec& spec, Space space) -> StrategyOr {
       return MakeGrid(std::move(space), spec.algorithm, spec.seed);
     }},
    {"nsga2", OfSpec<MakeNsga2>},
    {"particle_swarm", OfOneObjective<MakeParticleSwarm>},
    {"quasi_random",
     [](const StudySpec& spec, Space space) -> StrategyOr {
       return MakeQuasiRandom(std::move(space), spec.seed);
     }},
    {"random",
     [](const StudySpec& spec, Space space) -> StrategyOr {
       return MakeRandom(std::move(space), spec.seed);
     }},
    {"regularized_evolution", OfOneObjective<MakeRegularizedEvolution>},
    {"simulated_annealing", OfOneObjective<MakeSimulatedAnnealing>},
    {"tpe",
     [](const StudySpec& spec, Space) -> StrategyOr {
       return MakeTpe(std::make_shared<const StudySpec>(spec));
     }},
};

// `inner` in the study's schedule.
StrategyOr Scheduled(std::unique_ptr<SearchStrategy> inner,
                     const StudySpec& spec) {
  ASSAY_RETURN_IF_ERROR(CheckSchedule(spec));
  auto shared = std::make_shared<const StudySpec>(spec);
  if (spec.schedule.IsPopulation()) {
    return std::make_unique<PopulationStrategy>(std::move(inner),
                                                std::move(shared));
  }
  return std::make_unique<LadderStrategy>(std::move(inner), std::move(shared));
}

struct NamedRule {
  const char* name;
  std::unique_ptr<EarlyStoppingRule> (*make)(const StudySpec& spec);
};

// Sorted by name.
constexpr NamedRule kRules[] = {
    {"median",
     [](const StudySpec& spec) -> std::unique_ptr<EarlyStoppingRule> {
       return std::make_unique<MedianRule>(spec);
     }},
    {"patience",
     [](const StudySpec& spec) -> std::unique_ptr<EarlyStoppingRule> {
       return std::make_unique<PatienceRule>(spec);
     }},
};

template <typename Named, size_t n>
std::vector<std::string> NamesOf(const Named (&all)[n]) {
  std::vector<std::string> names;
  for (const Named& named : all) names.push_back(named.name);
  return names;
}

template <typename Named, size_t n>
absl::StatusOr<const Named*> FindIn(const Named (&all)[n],
                                    const std::string& what,
                                    const std::string& name) {
  for (const Named& named : all) {
    if (named.name == name) return &named;
  }
  return absl::InvalidArgumentError(
      absl::StrCat(what, " \"", name, "\" is not known, there are ",
                   absl::StrJoin(NamesOf(all), ", ")));
}

absl::Status CheckAtLeast(const std::string& field, int64_t value,
                          int64_t least) {
  if (value >= least) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "stopping: ", field, " ", value, ", must be ", least, " or more"));
}

absl::Status CheckMetric(const StudySpec& spec) {
  const std::string& name = spec.stopping.metric;
  if (name.empty() && !Objectives(spec).empty()) return absl::OkStatus();
  for (const MetricSpec& metric : spec.metrics) {
    if (metric.name == name) return absl::OkStatus();
  }
  const auto append = [](std::string* out, const MetricSpec& metric) {
    out->append(metric.name);
  };
  return absl::InvalidArgumentError(
      absl::StrCat("stopping: metric \"", name, "\" is unknown, there are ",
                   absl::StrJoin(spec.metrics, ", ", append)));
}

absl::Status CheckStopping(const StudySpec& spec) {
  const StoppingSpec& stopping = spec.stopping;
  ASSAY_RETURN_IF_ERROR(CheckMetric(spec));
  ASSAY_RETURN_IF_ERROR(CheckAtLeast("warmup_steps", stopping.warmup_steps, 0));
  ASSAY_RETURN_IF_ERROR(CheckAtLeast("min_trials", stopping.min_trials, 1));
  ASSAY_RETURN_IF_ERROR(
      CheckAtLeast("interval_steps", stopping.interval_steps, 1));
  ASSAY_RETURN_IF_ERROR(
      CheckAtLeast("patience_steps", stopping.patience_steps, 1));
  if (stopping.min_delta >= 0 && std::isfinite(stopping.min_delta)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("stopping: min_delta ", ToText(stopping.min_delta),
                   ", must be 0 or more and finite"));
}

}  // namespace

std::vector<std::string> SearchStrategyNames() { return NamesOf(kStrategies); }

absl::StatusOr<std::unique_ptr<SearchStrategy>> MakeSearchStrategy(
    const StudySpec& spec) {
  assert(!spec.space.empty());
  ASSAY_ASSIGN_OR_RETURN(const NamedStrategy* strategy,
                         FindIn(kStrategies, "algorithm", spec.algorithm.name));
  ASSAY_ASSIGN_OR_RETURN(
      std::unique_ptr<SearchStrategy> made,
      strategy->make(spec, std::make_shared<const SearchSpace>(spec.space)));
  if (spec.schedule.exists()) {
    ASSAY_ASSIGN_OR_RETURN(made, Scheduled(std::move(made), spec));
  }
  if (spec.replicates < 2) return made;
  return std::make_unique<ReplicatedStrategy>(std::move(made), spec.replicates);
}

std::vector<std::string> EarlyStoppingRuleNames() { return NamesOf(kRules); }

absl::StatusOr<std::unique_ptr<EarlyStoppingRule>> MakeEarlyStoppingRule(
    const StudySpec& spec) {
  if (spec.stopping.name.empty()) return nullptr;
  ASSAY_ASSIGN_OR_RETURN(const NamedRule* rule,
                         FindIn(kRules, "stopping rule", spec.stopping.name));
  ASSAY_RETURN_IF_ERROR(CheckStopping(spec));
  return rule->make(spec);
}

}  // namespace assay
