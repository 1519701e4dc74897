#pragma once

#include <vector>

#include <Eigen/Core>

namespace assay {

// Climbs to a local maximum of a smooth function in a box by L-BFGS: gradients
// are projected on the box, the step goes along the projection arc with
// backtracking until Armijo's condition holds (Bertsekas 1982; memory of 8,
// Nocedal & Wright 2006, algorithm 7.4).
//
// Ask and tell, so that many climbs can be evaluated together:
//
//   while (!ascent.done()) ascent.Tell(f(ascent.next()), gradient);
class BoxAscent {
 public:
  struct Options {
    int max_evaluations = 60;
    double value_tolerance = 1e-7;  // A step that gains less ends it.
    double first_step = 0.1;        // Longest move of a coordinate, at first.
  };

  // All are [n]; lower <= start <= upper, scale > 0. `scale`: how far each
  // coordinate moves for a like change of the function. Coordinates whose
  // bounds are equal stay.
  BoxAscent(Eigen::VectorXd start, Eigen::VectorXd lower, Eigen::VectorXd upper,
            Eigen::VectorXd scale, Options options);

  bool done() const { return done_; }

  // Where to evaluate next. REQUIRES: !done().
  const Eigen::VectorXd& next() const { return next_; }

  // The function and its gradient, [n], at next(). A value that is not finite
  // counts as worse than any.
  void Tell(double value, const Eigen::VectorXd& gradient);

  // The best point so far, [n]. REQUIRES: Tell() was called.
  const Eigen::VectorXd& best() const { return x_; }
  double best_value() const { return value_; }

 private:
  struct Pair {
    Eigen::VectorXd step, change;  // Of x, of the negated gradient.
    double product;                // step . change > 0
  };

  void Accept(double value, const Eigen::VectorXd& gradient);
  void Backtrack(double value);
  void StartLine();
  Eigen::VectorXd FreeGradient() const;
  Eigen::VectorXd Direction(const Eigen::VectorXd& free_gradient) const;
  void SetNext();

  const Eigen::VectorXd lower_, upper_, scale_;
  const Options options_;
  bool done_ = false;
  int evaluations_ = 0;
  int line_evaluations_ = 0;
  Eigen::VectorXd next_;
  Eigen::VectorXd x_, gradient_;
  double value_ = 0;
  Eigen::VectorXd direction_;
  double length_ = 1;        // next = clamp(x + length * direction).
  std::vector<Pair> pairs_;  // Oldest first.
};

}  // namespace assay
