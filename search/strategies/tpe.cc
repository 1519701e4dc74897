#include "search/strategies/tpe.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "search/domain.h"
#include "search/strategies/learning_strategy.h"
#include "search/strategies/tpe/group_model.h"

namespace assay {
namespace {

constexpr int kMostCandidates = 10000;
constexpr int kConstraintTries = 20;

class Tpe : public LearningStrategy {
 public:
  explicit Tpe(std::shared_ptr<const StudySpec> spec)
      : LearningStrategy("tpe", std::move(spec)) {
    std::vector<ParameterGroup> groups = GroupParameters(space());
    for (ParameterGroup& group : groups) {
      models_.push_back(std::make_unique<GroupModel>(space(), std::move(group),
                                                     groups.size() == 1));
    }
  }

 protected:
  void Learn(const Observation& observation) override {
    for (const auto& model : models_) model->Learn(observation);
  }

  void LearnLonger(const Observation& observation) override {
    for (const auto& model : models_) model->LearnLonger(observation);
  }

  bool ComparesSteps() const override { return true; }

  Candidate Propose(absl::Span<const Unfinished> unfinished,
                    Random& random) override {
    std::vector<std::vector<double>> pending;
    for (const Unfinished& trial : unfinished) pending.push_back(trial.point);
    Parameters parameters;
    for (int i = 0; i < kConstraintTries; ++i) {
      parameters = space().Decode(Draw(pending, random));
      if (space().Satisfies(parameters)) break;
    }
    return {.parameters = std::move(parameters), .why = Why()};
  }

 private:
  // [encoded_size]; NaN where it is inactive.
  std::vector<double> Draw(const std::vector<std::vector<double>>& pending,
                           Random& random) {
    std::vector<double> point(space().encoded_size(),
                              std::numeric_limits<double>::quiet_NaN());
    for (const auto& model : models_) {
      if (!IsActive(model->group(), point)) continue;
      model->Propose(pending, spec().algorithm.candidates, random, point);
    }
    return point;
  }

  bool IsActive(const ParameterGroup& group,
                const std::vector<double>& point) const {
    if (group.parent < 0) return true;
    if (std::isnan(point[group.parent])) return false;
    const Domain& domain = space().parameters()[group.parent].domain;
    const auto level = LevelOf(domain, FromUnit(domain, point[group.parent]));
    return std::binary_search(group.levels.begin(), group.levels.end(), *level);
  }

  std::string Why() const {
    const GroupModel& model = *models_[0];
    return absl::StrCat("of ", spec().algorithm.candidates,
                        " drawn like the best ", model.good(), " of ",
                        model.results(), " results, least like the others");
  }

  std::vector<std::unique_ptr<GroupModel>> models_;  // Parents first.
};

}  // namespace

absl::StatusOr<std::unique_ptr<SearchStrategy>> MakeTpe(
    std::shared_ptr<const StudySpec> spec) {
  const int candidates = spec->algorithm.candidates;
  if (candidates < 1 || candidates > kMostCandidates) {
    return absl::InvalidArgumentError(
        absl::StrCat("algorithm \"tpe\": candidates ", candidates,
                     ", must be from 1 to ", kMostCandidates));
  }
  return std::make_unique<Tpe>(std::move(spec));
}

}  // namespace assay
