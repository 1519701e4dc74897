#pragma once

#include <cstdint>
#include <vector>

#include <Eigen/Core>

#include "absl/types/span.h"
#include "search/math/random.h"
#include "search/search_space.h"

namespace assay {

// A search space as the optimizer of an acquisition function moves in it. A
// point is [parameters]:
//   whole     every coordinate in [0, 1], those of inactive parameters too, so
//             that a change of a parent finds them;
//   resolved  numbers with few values on one of them, NaN where inactive, as
//             SearchSpace::Encode() gives it.
class CandidateSpace {
 public:
  // Numbers with more values are moved as if they were continuous; the values
  // are rounded when the point is decoded.
  static constexpr int kMaxLevels = 100;
  // Spaces of up to so many configurations are listed.
  static constexpr int kMaxListed = 1000;

  // `space` must outlive this.
  explicit CandidateSpace(const SearchSpace& space);

  const SearchSpace& space() const { return space_; }
  int size() const { return static_cast<int>(levels_.size()); }

  // Climbed along its gradient.
  bool IsContinuous(int i) const { return levels_[i].empty(); }
  bool IsCategorical(int i) const { return categorical_[i]; }
  bool HasContinuous() const { return has_continuous_; }
  bool HasLevels() const { return has_levels_; }
  bool IsParent(int i) const { return !space_.children(i).empty(); }

  // The coordinates of its values, rising; empty if it is continuous. Of a
  // parent with very many, 1,000 of them.
  absl::Span<const double> levels(int i) const { return levels_[i]; }
  // The index of the one nearest to `u`. REQUIRES: !IsContinuous(i).
  int NearestLevel(int i, double u) const;

  Eigen::VectorXd Resolve(const Eigen::VectorXd& whole) const;

  // Takes `whole`'s coordinate where `resolved` has none.
  static Eigen::VectorXd Fill(const Eigen::VectorXd& resolved,
                              const Eigen::VectorXd& whole);

  // Each coordinate uniform in [0, 1].
  Eigen::VectorXd Draw(Random& random) const;

  // True if the constraints of the space pass. `point` is resolved.
  bool Satisfies(const Eigen::VectorXd& point) const;

  // The configuration it is, as 64 bits: equal for equal ones, for different
  // ones with a chance of 1e-19. `point` is resolved.
  uint64_t Key(const Eigen::VectorXd& point) const;

  // Every configuration that satisfies the constraints, resolved; empty if
  // there are more than kMaxListed, or infinitely many.
  const std::vector<Eigen::VectorXd>& listed() const { return listed_; }
  bool IsListed() const { return is_listed_; }

 private:
  bool IsActive(int i, const Eigen::VectorXd& resolved) const;
  void List();

  const SearchSpace& space_;
  std::vector<std::vector<double>> levels_;
  // Which level of the domain each is.
  std::vector<std::vector<int64_t>> level_indices_;
  std::vector<bool> categorical_;
  std::vector<bool> countable_;  // Has levels, perhaps too many to list.
  bool has_continuous_ = false;
  bool has_levels_ = false;
  bool is_listed_ = false;
  std::vector<Eigen::VectorXd> listed_;
};

}  // namespace assay
