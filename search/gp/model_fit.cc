#include "search/gp/model_fit.h"

#include <algorithm>
#include <utility>

namespace assay {

double ModelFit::LeaveOneOutScore() const {
  const Eigen::VectorXd scores =
      process.LeaveOneOutPosterior().LogScores(process.y()) +
      transform.LogSlopes();
  double sum = 0;
  for (Eigen::Index i = 0; i < scores.size(); ++i) {
    if (!transform.failed(static_cast<int>(i))) sum += scores[i];
  }
  return sum / std::max(1, transform.successes());
}

ModelFit FitModel(OutputTransform::Kind kind, const Features& features,
                  const Eigen::MatrixXd& x, const Eigen::VectorXd& values,
                  const Eigen::VectorXd& noise_multipliers,
                  const MapFitOptions& options, Random& random) {
  OutputTransform transform(kind, values);
  MapFit map = FitMap(features, x, transform.targets(), noise_multipliers,
                      options, random);
  GaussianProcess process(features, map.hyperparameters, x, transform.targets(),
                          noise_multipliers);
  return {std::move(transform), std::move(process), std::move(map)};
}

ModelFit FitBestModel(const Features& features, const Eigen::MatrixXd& x,
                      const Eigen::VectorXd& values,
                      const Eigen::VectorXd& noise_multipliers,
                      const MapFitOptions& options, Random& random) {
  using Kind = OutputTransform::Kind;
  ModelFit ranked = FitModel(Kind::kHalfRankLog, features, x, values,
                             noise_multipliers, options, random);
  if (ranked.transform.kind() == Kind::kStandardize) return ranked;
  ModelFit plain = FitModel(Kind::kStandardize, features, x, values,
                            noise_multipliers, options, random);
  return plain.LeaveOneOutScore() > ranked.LeaveOneOutScore()
             ? std::move(plain)
             : std::move(ranked);
}

}  // namespace assay
