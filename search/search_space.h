#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "search/expression.h"
#include "search/parameter.h"

namespace assay {

// The parameters of a study: a valid set, in declared order. One that exists
// is valid. Copies are cheap enough for a snapshot, not for a loop.
class SearchSpace {
 public:
  static constexpr int kMaxParameters = 1000;
  static constexpr int kMaxCategories = 1000;
  static constexpr int kMaxNameBytes = 256;
  static constexpr int kMaxConstraintBytes = 65536;  // Of all together.

  // No parameters: a study whose trials bring their own (see empty()).
  SearchSpace() = default;

  // InvalidArgument, naming the parameter, the value and what is allowed, if a
  // name is empty, too long, not UTF-8 or repeated; a range is empty, not
  // finite, or outside what its scale allows; a step is not positive or longer
  // than the range; a list of values is empty, repeats itself or does not rise
  // (discrete); a default is not in the domain, a prior does not fit it (see
  // search/prior_density.h); a parent is unknown, lies on a
  // cycle or can never have one of the values (a condition on a double without
  // step is refused); there are too many parameters or values; or a constraint
  // does not parse, names an unknown parameter, or none of 1,000 random points
  // passes all of them. Integers lie within +-2^53, neighbours on a step
  // differ by 2^-40 of the range's larger end or more.
  static absl::StatusOr<SearchSpace> Create(
      std::vector<Parameter> parameters,
      std::vector<std::string> constraints = {});

  // True if nothing was declared: trials bring their own parameters.
  bool empty() const { return parameters_.empty(); }

  absl::Span<const Parameter> parameters() const { return parameters_; }
  absl::Span<const Expression> constraints() const { return constraints_; }

  // The tree of conditions, by index in parameters(). The roots are active
  // always; `parent` is -1 for them. Lists are in declared order.
  absl::Span<const int> roots() const { return roots_; }
  int parent(int i) const { return parent_[i]; }
  absl::Span<const int> children(int i) const { return children_[i]; }
  absl::Span<const int> parents_first() const { return parents_first_; }
  // The levels (see search/domain.h) of its parent at which it is active.
  absl::Span<const int64_t> active_levels(int i) const {
    return active_levels_[i];
  }

  // InvalidArgument, naming the parameter, the value and what is allowed,
  // unless `parameters` gives each active parameter, and nothing else, a value
  // of its domain, and every constraint passes. An empty space takes anything
  // finite. Values of stepped doubles may be off by a rounding error: use
  // Canonical() to store what the sampler would have drawn.
  absl::Status Check(const Parameters& parameters) const;

  // Check(), then the same point with each number snapped to its grid and each
  // value in its domain's type (the integer 1 for a double parameter is 1.0).
  absl::StatusOr<Parameters> Canonical(const Parameters& parameters) const;

  // True if every constraint passes. REQUIRES: values of the right types.
  bool Satisfies(const Parameters& parameters) const;

  // Columns of the unit-cube encoding: one for each parameter, declared order.
  int encoded_size() const { return static_cast<int>(parameters_.size()); }

  // [encoded_size]: in [0, 1], or NaN where the parameter is inactive. The k-th
  // of K steps, levels or categories is the centre of its cell, (k + 1/2) / K;
  // a continuous value follows its scale. REQUIRES: Check(parameters).ok().
  std::vector<double> Encode(const Parameters& parameters) const;

  // The inverse. `point` is [encoded_size]; values are clamped to [0, 1], and
  // coordinates of parameters that turn out inactive are ignored. Ignores the
  // constraints.
  Parameters Decode(absl::Span<const double> point) const;

  // How many different configurations there are, constraints ignored; nullopt
  // if a parameter is continuous or there are more than 2^62. With
  // `points_per_continuous` > 0 a continuous parameter counts as that many
  // evenly spaced points of its scale, both ends included.
  std::optional<int64_t> Size(int points_per_continuous = 0) const;

  // The `index`-th configuration in mixed-radix order: the last declared root
  // parameter varies fastest. REQUIRES: 0 <= index < *Size(same points).
  Parameters At(int64_t index, int points_per_continuous = 0) const;

 private:
  SearchSpace(std::vector<Parameter> parameters,
              std::vector<Expression> constraints);

  // The parts of Create().
  absl::Status Link();
  absl::Status LinkToParent(int i, int parent);
  absl::Status SortParentsFirst();
  std::string Cycle(int start) const;
  absl::Status CheckConstraints() const;

  bool IsActiveAt(int i, int64_t parent_level) const;
  absl::StatusOr<Parameters> CanonicalValues(const Parameters& given) const;

  std::vector<Parameter> parameters_;
  std::vector<Expression> constraints_;
  std::vector<int> roots_;
  std::vector<int> parent_;         // Index of the parent; -1 for a root.
  std::vector<int> parents_first_;  // Indices: each parent before its children.
  std::vector<std::vector<int>> children_;           // Indices, declared order.
  std::vector<std::vector<int64_t>> active_levels_;  // Sorted; empty: a root.
};

}  // namespace assay
