#pragma once

#include <vector>

#include <Eigen/Core>

#include "search/gp/candidate_space.h"

namespace assay {

// Where a search may look: the union of boxes around points that are trusted,
// or everything. Only numbers of five and more values count; points are
// resolved or whole (search/gp/candidate_space.h), and a coordinate that is NaN
// in either of two points is left out of their distance.
class TrustRegion {
 public:
  // Everything. `space` must outlive this.
  explicit TrustRegion(const CandidateSpace& space);

  // Adds the points within `half_widths`, [parameters], of `centre`.
  void AddBox(Eigen::VectorXd centre, Eigen::VectorXd half_widths);
  void AddBox(Eigen::VectorXd centre, double half_width);

  bool IsEverything() const { return boxes_.empty(); }
  bool Contains(const Eigen::VectorXd& point) const;

  // The point itself, or the one where the line to the centre of the nearest
  // box enters the box.
  Eigen::VectorXd Pull(const Eigen::VectorXd& point) const;

  struct Box {
    Eigen::VectorXd lower, upper;  // Within [0, 1].
  };
  // The nearest box. [0, 1] where a coordinate does not count.
  Box BoxOf(const Eigen::VectorXd& point) const;

  // Vizier's radius (Song et al. 2024) of a study with so many finished and
  // unfinished trials: 0.2 at first; above 0.5 there is no limit.
  static double Radius(int trials, int parameters);

 private:
  struct Centre {
    Eigen::VectorXd point, half_widths;
  };
  double Distance(const Centre& box, const Eigen::VectorXd& point) const;
  const Centre& Nearest(const Eigen::VectorXd& point) const;

  std::vector<int> counted_;  // Which parameters.
  std::vector<Centre> boxes_;
};

}  // namespace assay
