#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "search/search_space.h"

namespace assay {

// Numbers the configurations of a space from 0, conditions respected and
// constraints ignored. A root parameter is a digit, the last declared one the
// fastest; a parameter's children are the lower digits of its own.
//
// The count of a set of parameters is the product of theirs; that of one
// parameter is the sum over its values of the count of the children active
// there.
class MixedRadix {
 public:
  // A continuous parameter counts as `points_per_continuous` evenly spaced
  // points of its scale, both ends included (one point: the middle).
  // `space` must outlive this.
  MixedRadix(const SearchSpace& space, int points_per_continuous);

  // nullopt if it is above 2^62, or a parameter is continuous and
  // `points_per_continuous` is 0.
  std::optional<int64_t> size() const { return size_; }

  // REQUIRES: 0 <= index < *size().
  Parameters At(int64_t index) const;

 private:
  // A value with active children, and how many configurations it stands for.
  struct Branch {
    int64_t level;
    int64_t size;
    std::vector<int> children;
  };
  // A parameter: `levels` values, of which those not in `branches` count once.
  struct Digit {
    int64_t levels = 0;
    std::vector<Branch> branches;  // By level.
    int64_t size = 0;
  };
  struct Place {
    int64_t level;
    int64_t rest;
    const Branch* branch;  // nullptr: no children there.
  };

  std::optional<int64_t> LevelsOf(int parameter) const;
  std::vector<Branch> BranchesOf(int parameter) const;
  std::optional<int64_t> Product(absl::Span<const int> parameters) const;
  bool Count(int parameter);
  static Place Find(const Digit& digit, int64_t index);
  ParameterValue ValueAt(int parameter, int64_t level) const;
  void Assign(absl::Span<const int> parameters, int64_t index,
              Parameters& out) const;

  const SearchSpace& space_;
  const int points_per_continuous_;
  std::vector<Digit> digits_;  // By parameter.
  std::optional<int64_t> size_;
};

}  // namespace assay
