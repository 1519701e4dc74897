#pragma once

#include <map>
#include <memory>
#include <optional>
#include <tuple>
#include <vector>

#include <Eigen/Core>

#include "search/gp/derivatives.h"
#include "search/gp/directional_derivative.h"
#include "search/gp/features.h"
#include "search/gp/gaussian_process.h"
#include "search/gp/map_fit.h"
#include "search/gp/mean_function.h"
#include "search/gp/output_transform.h"
#include "search/study.h"

namespace assay {

// The model of one thing that trials tell, through a study: fitted at some
// points, with rows appended in between.
//
// Where derivatives are known a model with them is fitted beside the one
// without at each anchor, and the one whose values predict each other better is
// kept until the next: by leave-one-out log density of the values, in their own
// unit, where a value is left out together with its own derivative. Those that
// mislead lose, and those that are found to be mostly noise do not compete. A
// derivative counts with the slope of the transform, none where that goes by
// ranks, and no more than those of the 200 best values.
class MetricModel {
 public:
  // What the values are, and what the Gaussian process is trained on:
  enum class Role {
    // To be maximised, NaN where failed. Through an OutputTransform.
    kObjective,
    // By how much a bound is missed, all finite: sign(c) log(1 + |c|), divided
    // by its root mean square; never centred, so that 0 stays the bound.
    kBound,
    // 1 for a trial that succeeded, -1 for one that failed. As they are.
    kSuccess,
  };

  // In the unit of the values, of one of them that is finite.
  struct KnownDerivative {
    int row = 0;
    DirectionalDerivative along;
  };

  struct Data {
    Eigen::MatrixXd x;            // [n, features.size()]
    Eigen::VectorXd values;       // [n]
    Eigen::VectorXd multipliers;  // [n], of the noise variance.
    // By rising row; of kObjective alone.
    std::vector<KnownDerivative> derivatives = {};
  };

  // What the last anchor that knew derivatives made of them.
  struct DerivativeChoice {
    bool used = false;
    // Mean leave-one-out log densities; `with` is NaN for mere noise.
    double with = 0, without = 0;
  };

  // `seed`: of the random starts of fits.
  MetricModel(Role role, Features features, BayesianOptions options,
              uint64_t seed);

  // What models of similar studies' metrics expect may tell something of this
  // one (search/gp/transfer_fit.h). Before Fit(); they must outlive this.
  void SetSources(std::vector<const GaussianProcess*> sources) {
    sources_ = std::move(sources);
  }

  // Fits the hyperparameters, from where the last anchor ended. An anchor
  // chooses the transform as well, if the options leave it open, and, by the
  // greatest posterior density, how much the sources are to explain: nothing,
  // or a share of the deviation. n > 0.
  void Fit(const Data& data, bool anchor);

  // Adds a row; SetValues() must follow before the next question.
  void Append(const Eigen::VectorXd& x, double multiplier);
  // Of all rows: transforms them anew, and with them the derivatives.
  void SetValues(const Eigen::VectorXd& values,
                 const std::vector<KnownDerivative>& derivatives = {});

  // nullopt: there were none yet.
  const std::optional<DerivativeChoice>& derivative_choice() const {
    return derivative_choice_;
  }

  // Forgets the rows, and what Fit() made; the last anchor stays.
  void Clear() { process_.reset(); }

  // False before Fit().
  bool exists() const { return process_.has_value(); }
  const GaussianProcess& process() const { return *process_; }
  GaussianProcess& process() { return *process_; }

  // Of kObjective: the means at `x`, [m, features.size()], in the values' unit.
  // By the process; or by one of `known` with the last anchor's parameters, the
  // default ones before there is an anchor.
  Eigen::VectorXd Expect(const Eigen::MatrixXd& x) const;
  Eigen::VectorXd ExpectFrom(const Data& known, const Eigen::MatrixXd& x) const;

  // From the process's unit to the values', for kObjective.
  double Natural(double target) const { return transform_->Inverse(target); }
  OutputTransform::Kind transform() const { return kind_; }
  // Of the last values.
  const OutputTransform& output() const { return *transform_; }

 private:
  using Kind = OutputTransform::Kind;

  // What an anchor chooses among.
  struct Candidate {
    Kind kind = Kind::kStandardize;
    std::optional<OutputTransform> transform;  // kObjective.
    std::shared_ptr<const MeanFunction> mean;  // nullptr: zero.
    std::optional<GaussianProcess> process;
    double score = 0;
  };

  // Which fit it was: with sources, with derivatives.
  using FitKey = std::tuple<Kind, bool, bool>;

  Eigen::VectorXd TargetsOf(Kind kind, const Eigen::VectorXd& values,
                            std::optional<OutputTransform>& transform) const;
  MapFitOptions OptionsFor(const FitKey& key, int rows) const;
  Candidate FitOne(Kind kind, const Data& data, bool anchor, Random& random);
  void FitDerivatives(const Data& data, bool anchor,
                      std::vector<Candidate> candidates);
  std::optional<Candidate> WithDerivatives(Candidate candidate,
                                           const Data& data, bool anchor);
  Derivatives DerivativesOf(const OutputTransform& transform,
                            const Eigen::VectorXd& values,
                            const std::vector<KnownDerivative>& known) const;
  void Keep(Candidate candidate);
  std::vector<double> ScalesToTry(Kind kind, bool anchor, int rows) const;
  std::vector<Kind> KindsToTry(bool anchor) const;
  double Score(const Candidate& candidate) const;

  const Role role_;
  const Features features_;
  const BayesianOptions options_;
  const uint64_t seed_;
  Kind kind_;
  std::vector<const GaussianProcess*> sources_;
  std::map<FitKey, Hyperparameters> anchors_;
  std::map<Kind, double> scales_;  // Of the last anchor. 0: no sources.
  std::optional<DerivativeChoice> derivative_choice_;
  std::optional<OutputTransform> transform_;
  std::optional<GaussianProcess> process_;
};

}  // namespace assay
