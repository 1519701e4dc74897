#pragma once

namespace assay {

// How wide a search in many dimensions looks around its best point (TuRBO,
// Eriksson et al. 2019): half as wide after max(4, d) failures in a row, twice
// after 3 successes, and as at first once it is below 2^-7.
class SuccessBox {
 public:
  explicit SuccessBox(int parameters);

  // Of one finished trial. A success beats the best value by 1e-3 of its size.
  void Learn(double value);

  // Of the side, in the unit cube, of a parameter of mean lengthscale.
  double side() const { return side_; }

 private:
  const int most_failures_;
  double side_;
  int successes_ = 0;
  int failures_ = 0;
  bool any_ = false;
  double best_ = 0;
};

}  // namespace assay
