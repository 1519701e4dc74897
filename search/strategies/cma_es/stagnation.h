#pragma once

#include <cstddef>
#include <deque>

namespace assay {

// Sees when the best value of a generation has not changed for the newest
// 10 + ceil(30 parameters / population) generations (TolFun and TolHistFun of
// Hansen 2016, section B.3, relative to the values).
class Stagnation {
 public:
  static constexpr double kTolerance = 1e-12;

  Stagnation(int parameters, int population);

  // The best value of one more generation. Finite.
  void Add(double best);

  bool IsStuck() const;

 private:
  size_t window_;
  std::deque<double> best_;  // At most window_.
};

}  // namespace assay
