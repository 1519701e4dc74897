#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <Eigen/Core>

#include "absl/container/flat_hash_set.h"
#include "search/gp/acquisition_surface.h"
#include "search/gp/candidate_space.h"
#include "search/gp/trust_region.h"
#include "search/math/random.h"

namespace assay {

// Finds the point of a space where an acquisition function is greatest:
//
//   1. 1,400 points of a scrambled Sobol sequence and 600 mutations of the best
//      trials, pulled into the trust region; of many rows in the model, only
//      the 200 with the greatest bounds are looked at closely. A space of up
//      to 1,000 configurations is listed instead, and that is all.
//   2. From the best trial and the 15 best points that lie apart: L-BFGS over
//      the continuous coordinates, all climbs evaluated together, then steps
//      in one other coordinate (each value of a categorical one; a parent's
//      children are drawn anew too), in turn while there is a gain.
//   3. The best point of all that is new and satisfies the constraints.
class AcquisitionOptimizer {
 public:
  // `space` must outlive this.
  explicit AcquisitionOptimizer(const CandidateSpace& space) : space_(space) {}

  struct Question {
    const AcquisitionSurface& surface;
    const TrustRegion& region;
    // Resolved points, best first: to start from and to mutate.
    const std::vector<Eigen::VectorXd>& best;
    // Keys of points that may not be proposed.
    const absl::flat_hash_set<uint64_t>& taken;
  };

  struct Found {
    Eigen::VectorXd point;  // Resolved.
    double value = 0;       // Of the acquisition function.
  };

  // nullopt if no new point was found.
  std::optional<Found> Maximize(const Question& question, Random& random) const;

 private:
  const CandidateSpace& space_;
};

}  // namespace assay
