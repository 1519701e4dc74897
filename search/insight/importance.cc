#include "search/insight/importance.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "search/base/status_macros.h"
#include "search/domain.h"
#include "search/gp/candidate_space.h"
#include "search/insight/best_share.h"
#include "search/math/sobol.h"

namespace assay {
namespace {

constexpr int kGroups = 8;  // Of the jackknife.
constexpr int kFewestPoints = 128;
constexpr int kMostPoints = 4096;
constexpr int kPointsForBest = 8192;
constexpr int kBatch = 1024;   // Bounds the memory: [rows, kBatch] numbers.
constexpr double kWork = 4e9;  // Products of coordinates, about.

absl::Status CheckSize(const StudyModel& model) {
  const auto rows = static_cast<int>(model.rows().size());
  const int parameters = model.features().parameters();
  if (parameters > kMostImportanceParameters) {
    return absl::FailedPreconditionError(
        absl::StrCat("importance: the space has ", parameters,
                     " parameters; at most ", kMostImportanceParameters));
  }
  if (rows >= kLeastImportanceRows) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("importance of \"", model.metric().name, "\": ", rows,
                   " configurations are COMPLETED with a value; at least ",
                   kLeastImportanceRows));
}

// The unit in which enough is explained, and how much.
struct Explained {
  bool transformed = false;
  double r_squared = 0;
};

absl::StatusOr<Explained> Explain(const StudyModel& model) {
  if (model.r_squared() >= kLeastRSquared) {
    return Explained{false, model.r_squared()};
  }
  const double of_targets = model.TargetRSquared();
  if (of_targets >= kLeastRSquared) return Explained{true, of_targets};
  return absl::FailedPreconditionError(absl::StrFormat(
      "importance of \"%s\": the model of %d configurations explains too "
      "little of its variance: its leave-one-out R^2 is %.2g (%.2g without the "
      "weight of extreme values), at least %.2g is needed. More trials may "
      "help, unless the metric is mostly noise",
      model.metric().name, model.rows().size(), model.r_squared(), of_targets,
      kLeastRSquared));
}

double LargestValue(const StudyModel& model) {
  double largest = 0;
  for (const StudyModel::Row& row : model.rows()) {
    largest = std::max(largest, std::abs(row.value));
  }
  return largest;
}

// What a model predicts, beside what it would have without one of the groups of
// its rows: kGroups + 1 functions of points of the unit cube.
class Views {
 public:
  Views(const StudyModel& model, bool transformed)
      : model_(model),
        transformed_(transformed),
        largest_(LargestValue(model)),
        space_(model.spec().space),
        candidates_(space_) {
    for (int group = 0; group < kGroups; ++group) {
      without_.push_back(Without(group));
    }
  }

  // [m, kGroups + 1]; of all rows first. In the process's unit, or in shares of
  // the metric's largest value, whose squares are numbers. `points` is [m,
  // parameters], each in (0, 1).
  Eigen::MatrixXd At(const Eigen::MatrixXd& points) const {
    Eigen::MatrixXd values(points.rows(), kGroups + 1);
    for (Eigen::Index i = 0; i < points.rows(); i += kBatch) {
      const Eigen::Index m = std::min<Eigen::Index>(kBatch, points.rows() - i);
      const Eigen::MatrixXd x =
          model_.features().EmbedRows(Resolved(points.middleRows(i, m)));
      values.block(i, 0, m, 1) = model_.process().Mean(x);
      for (int group = 0; group < kGroups; ++group) {
        values.block(i, group + 1, m, 1) = without_[group].Mean(x);
      }
    }
    if (transformed_) return values;
    return values.unaryExpr([this](double target) {
      return model_.unit().ToValue(target) / largest_;
    });
  }

  // As configurations are: numbers on their levels, NaN where inactive.
  Eigen::MatrixXd Resolved(const Eigen::MatrixXd& points) const {
    Eigen::MatrixXd resolved(points.rows(), points.cols());
    for (Eigen::Index r = 0; r < points.rows(); ++r) {
      Eigen::VectorXd point = points.row(r);
      for (int i = 0; i < candidates_.size(); ++i) {
        const Domain& domain = space_.parameters()[i].domain;
        if (!Levels(domain)) continue;
        point[i] = ToUnit(domain, FromUnit(domain, point[i]));
      }
      resolved.row(r) = candidates_.Resolve(point);
    }
    return resolved;
  }

  bool Satisfies(const Eigen::VectorXd& resolved) const {
    return candidates_.Satisfies(resolved);
  }

  int parameters() const { return candidates_.size(); }
  // 1 if larger is better, else -1.
  double sign() const {
    return transformed_ ? 1 : MetricUnit::SignOf(model_.metric().goal);
  }

 private:
  GaussianProcess Without(int group) const {
    const GaussianProcess& all = model_.process();
    std::vector<Eigen::Index> kept;
    for (Eigen::Index i = 0; i < all.size(); ++i) {
      if (i % kGroups != group) kept.push_back(i);
    }
    Eigen::VectorXd multipliers(kept.size());
    for (size_t k = 0; k < kept.size(); ++k) {
      multipliers[static_cast<Eigen::Index>(k)] =
          1.0 / model_.rows()[kept[k]].count;
    }
    const Eigen::MatrixXd x = all.x();
    return GaussianProcess(all.features(), all.hyperparameters(),
                           x(kept, Eigen::all), all.y()(kept), multipliers);
  }

  const StudyModel& model_;
  const bool transformed_;
  const double largest_;  // Of the metric's values, above 0.
  const SearchSpace& space_;
  const CandidateSpace candidates_;
  std::vector<GaussianProcess> without_;
};

// A power of two, fewer where each costs more.
int PointsFor(const StudyModel& model) {
  const auto rows = static_cast<double>(model.rows().size());
  const double each = (kGroups + 1) * (model.features().parameters() + 2) *
                      rows * (model.features().size() + 10);
  int points = kFewestPoints;
  while (points < kMostPoints && 2 * points * each <= kWork) points *= 2;
  return points;
}

// The first is the estimate, from the others comes its error (Efron &
// Tibshirani 1993, eq. 11.5, with groups in the place of observations).
Estimate ToEstimate(const Eigen::RowVectorXd& values) {
  const Eigen::RowVectorXd others = values.tail(kGroups);
  const double square = (others.array() - others.mean()).square().mean();
  return {.value = std::clamp(values[0], 0.0, 1.0),
          .error = std::sqrt((kGroups - 1) * square)};
}

// [parameters, kGroups + 1]
absl::StatusOr<Eigen::MatrixXd> WithinBest(const Views& views, uint64_t seed,
                                           KeepGoing keep_going) {
  const ScrambledSobol sequence(views.parameters(), seed);
  Eigen::MatrixXd points(kPointsForBest, views.parameters());
  Eigen::Index kept = 0;
  for (int i = 0; i < kPointsForBest; ++i) {
    const std::vector<double> point = sequence.Point(i);
    points.row(kept) =
        Eigen::Map<const Eigen::RowVectorXd>(point.data(), point.size());
    kept += views.Satisfies(views.Resolved(points.row(kept)).row(0)) ? 1 : 0;
  }
  points.conservativeResize(kept, Eigen::NoChange);
  Eigen::MatrixXd shares =
      Eigen::MatrixXd::Constant(views.parameters(), kGroups + 1, std::nan(""));
  if (kept == 0) return shares;
  if (!keep_going()) return absl::CancelledError("nobody waits any more");
  const Eigen::MatrixXd values = views.sign() * views.At(points);
  const Eigen::MatrixXd resolved = views.Resolved(points);
  for (int k = 0; k <= kGroups; ++k) {
    shares.col(k) = SharesWithinBest(resolved, values.col(k), kBestShare);
  }
  return shares;
}

}  // namespace

absl::StatusOr<Importance> AssessImportance(const StudyModel& model,
                                            KeepGoing keep_going) {
  ASSAY_RETURN_IF_ERROR(CheckSize(model));
  ASSAY_ASSIGN_OR_RETURN(const Explained explained, Explain(model));
  const Views views(model, explained.transformed);
  const uint64_t seed = model.spec().seed;
  ASSAY_ASSIGN_OR_RETURN(
      const SobolIndices indices,
      EstimateSobolIndices(
          views.parameters(), PointsFor(model), seed,
          [&](const Eigen::MatrixXd& points) { return views.At(points); },
          keep_going));
  ASSAY_ASSIGN_OR_RETURN(const Eigen::MatrixXd best,
                         WithinBest(views, seed + 1, keep_going));
  Importance importance{.transformed = explained.transformed,
                        .r_squared = explained.r_squared,
                        .rows = static_cast<int>(model.rows().size())};
  for (int i = 0; i < views.parameters(); ++i) {
    ParameterImportance parameter{
        .name = model.spec().space.parameters()[i].name,
        .first_order = ToEstimate(indices.first_order.row(i)),
        .total = ToEstimate(indices.total.row(i))};
    if (best.row(i).allFinite()) {
      parameter.within_best = ToEstimate(best.row(i));
    }
    importance.parameters.push_back(std::move(parameter));
  }
  std::stable_sort(
      importance.parameters.begin(), importance.parameters.end(),
      [](const ParameterImportance& a, const ParameterImportance& b) {
        return a.total.value > b.total.value;
      });
  return importance;
}

}  // namespace assay
