#pragma once

#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/types/span.h"
#include "search/math/random.h"
#include "search/prior_density.h"
#include "search/search_space.h"
#include "search/strategies/observation.h"
#include "search/strategies/tpe/axis.h"
#include "search/strategies/tpe/parameter_groups.h"
#include "search/strategies/tpe/parzen_mixture.h"
#include "search/strategies/tpe/split.h"

namespace assay {

// What is known of one group of parameters: the density l of the good results
// and g of the others, over the trials where the group is active. A user's
// priors count to l alone.
class GroupModel {
 public:
  static constexpr int kDraws = 20;

  // `space` must outlive this. `is_all`: there is no other group.
  GroupModel(const SearchSpace& space, ParameterGroup group, bool is_all);
  GroupModel(const GroupModel&) = delete;
  GroupModel& operator=(const GroupModel&) = delete;

  const ParameterGroup& group() const { return group_; }

  int results() const { return split_.size(); }
  int good() const { return good_.mixture.size(); }

  // O(log results + parameters). Ignored if the group is inactive in it.
  void Learn(const Observation& observation);
  // What the trial of `observation.id` brought at more steps. O(log results).
  void LearnLonger(const Observation& observation);

  // Sets the group's coordinates in `point`, [encoded_size], to the best by
  // l / g of `candidates` drawn from l. Parameters that others depend on are
  // drawn once for all candidates: from l, a tenth of the time evenly.
  // `pending`, points like it, have no result yet and count as ones that are
  // not good. A configuration that was there before is drawn again, at most
  // kDraws times, if it can be seen here.
  void Propose(absl::Span<const std::vector<double>> pending, int candidates,
               Random& random, std::vector<double>& point);

 private:
  struct Side {
    std::vector<int> orders;  // Of its kernels, as in split_.
    ParzenMixture mixture;
  };

  bool IsActive(absl::Span<const double> point) const;
  std::vector<double> Part(absl::Span<const double> point) const;
  void Update();
  void Add(Side& side, int order);
  void Remove(Side& side, int order);
  std::vector<double> BestOf(int candidates, Random& random) const;
  std::vector<double> DrawNew(Random& random) const;
  std::vector<double> DrawBranch(Random& random) const;

  const ParameterGroup group_;
  const std::vector<Axis> axes_;
  const std::vector<PriorDensity> priors_;  // [axes]
  const std::vector<int> forks_;  // Axes with children in other groups.
  Split split_;
  std::vector<std::vector<double>> points_;     // [results][axes]
  absl::flat_hash_map<int64_t, int> order_of_;  // By id of the trial.
  int updated_ = 0;                             // Results that the sides know.
  bool longer_ = false;  // Some of them are not the same.
  // Of points_ and what is pending, if a point here is a configuration and can
  // come twice.
  const bool can_repeat_;
  absl::flat_hash_map<std::vector<double>, int> count_;
  Side good_;
  Side rest_;
};

}  // namespace assay
