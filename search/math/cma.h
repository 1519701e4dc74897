#pragma once

#include <cstdint>
#include <vector>

#include <Eigen/Core>

#include "absl/types/span.h"
#include "search/math/random.h"

namespace assay {

// Covariance matrix adaptation evolution strategy, Hansen 2016, "The CMA
// evolution strategy: a tutorial" (arXiv:1604.00772), with its default
// parameters and active negative weights. It is asked for points and told
// about them; it knows neither bounds nor values.
//
// Above kMostCorrelated dimensions only variances are learned, at a rate
// (d + 2) / 3 times higher (Ros & Hansen 2008, "sep-CMA-ES"), so that a
// generation costs O(lambda d).
class Cma {
 public:
  static constexpr int kMostCorrelated = 200;

  // lambda of the tutorial: 4 + floor(3 ln d).
  static int DefaultPopulation(int dimensions);

  // The positive weights of a ranked population, best first, sum 1 (eq. 49).
  static std::vector<double> ParentWeights(int population);

  // Draws around `mean` with standard deviation `sigma` in each dimension.
  // REQUIRES: mean is not empty, sigma > 0, population >= 4.
  Cma(std::vector<double> mean, double sigma, int population);

  int dimensions() const { return static_cast<int>(mean_.size()); }
  int population() const { return population_; }
  int64_t generation() const { return generation_; }

  const Eigen::VectorXd& mean() const { return mean_; }
  // Before the first update, of which it says nothing.
  void SetMean(const std::vector<double>& mean);
  // Makes coordinate i of the mean `value`, whatever was learned.
  void MoveMean(int i, double value) { mean_[i] = value; }

  // The standard deviation of coordinate i.
  double Deviation(int i) const;
  // Stretches coordinate i: Deviation(i) becomes `deviation` until the next
  // update, which keeps the factor.
  void Stretch(int i, double deviation);

  // One point.
  std::vector<double> Draw(Random& random) const;

  // Moves on by one generation: `ranked` are [population] points, best first.
  // Those drawn by another distribution, or by nobody, are taken in as well:
  // a point farther from the mean than is likely counts at a likely distance
  // (Hansen 2011, "Injecting external solutions into CMA-ES").
  void Update(absl::Span<const std::vector<double>> ranked);

  // The longest axis over the shortest, squared.
  double Condition() const;
  // The largest standard deviation, over all directions.
  double LargestDeviation() const;

 private:
  void SetWeights();
  Eigen::VectorXd Steps(const std::vector<double>& point) const;
  Eigen::VectorXd Whiten(const Eigen::VectorXd& step) const;
  void UpdatePaths(const Eigen::VectorXd& step);
  void UpdateCovariance(const Eigen::MatrixXd& steps,
                        const Eigen::VectorXd& weights);
  void Decompose();

  const int population_;
  const bool separable_;

  // Table 1 of the tutorial.
  Eigen::VectorXd weights_;  // [population], falling; the lower half negative.
  int parents_ = 0;          // mu: positive weights.
  double mu_eff_ = 0;
  double c_sigma_ = 0;
  double d_sigma_ = 0;
  double c_c_ = 0;
  double c_1_ = 0;
  double c_mu_ = 0;
  double expected_norm_ = 0;  // E||N(0, I)||.
  int lazy_generations_ = 1;  // Between decompositions.

  int64_t generation_ = 0;
  int64_t decomposed_ = 0;
  Eigen::VectorXd mean_;
  double sigma_;
  Eigen::VectorXd stretch_;     // By coordinate; 1: none.
  Eigen::MatrixXd covariance_;  // [d, d], or [d, 1] if only variances.
  Eigen::MatrixXd axes_;        // Its eigenvectors; empty if only variances.
  Eigen::VectorXd lengths_;     // The roots of its eigenvalues.
  Eigen::VectorXd path_sigma_;
  Eigen::VectorXd path_c_;
};

}  // namespace assay
