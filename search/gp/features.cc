#include "search/gp/features.h"

#include <cassert>
#include <cmath>
#include <variant>

namespace assay {
namespace {

constexpr double kInactiveLevel = -1;

int Categories(const Parameter& parameter) {
  const auto* domain = std::get_if<CategoricalDomain>(&parameter.domain);
  return domain == nullptr ? 0 : static_cast<int>(domain->values.size());
}

}  // namespace

Features::Features(const SearchSpace& space) {
  for (const Parameter& parameter : space.parameters()) {
    const int categories = Categories(parameter);
    if (categories > 0) {
      AddCategorical(categories);
    } else {
      AddNumber(parameter.when.has_value());
    }
  }
}

Features Features::Continuous(int parameters) {
  Features features;
  for (int i = 0; i < parameters; ++i) features.AddNumber(false);
  return features;
}

void Features::AddNumber(bool conditional) {
  const int parameter = parameters();
  levels_.push_back(0);
  columns_.push_back({.parameter = parameter});
  if (conditional) columns_.push_back({.parameter = parameter, .gap = gaps_++});
}

void Features::AddCategorical(int levels) {
  columns_.push_back({.parameter = parameters(), .kind = Kind::kHamming});
  levels_.push_back(levels);
}

Eigen::VectorXd Features::Embed(absl::Span<const double> point) const {
  assert(static_cast<int>(point.size()) == parameters());
  Eigen::VectorXd x(size());
  for (int c = 0; c < size(); ++c) {
    const Column& column = columns_[c];
    const double u = point[column.parameter];
    const bool active = !std::isnan(u);
    if (column.kind == Kind::kHamming) {
      // The centre of cell k of K: no rounding takes it out of its cell.
      x[c] =
          active ? std::floor(u * levels_[column.parameter]) : kInactiveLevel;
    } else if (column.gap >= 0) {
      x[c] = active ? 1 : 0;
    } else {
      x[c] = active ? u - 0.5 : 0;
    }
  }
  return x;
}

Eigen::MatrixXd Features::EmbedRows(const Eigen::MatrixXd& points) const {
  Eigen::MatrixXd rows(points.rows(), size());
  for (Eigen::Index i = 0; i < points.rows(); ++i) {
    const Eigen::VectorXd point = points.row(i);
    rows.row(i) = Embed(absl::MakeConstSpan(point.data(), point.size()));
  }
  return rows;
}

Eigen::VectorXd Features::EmbedDirection(
    const Eigen::VectorXd& direction) const {
  Eigen::VectorXd moves = Eigen::VectorXd::Zero(size());
  for (int c = 0; c < size(); ++c) {
    const Column& column = columns_[c];
    if (column.kind == Kind::kHamming || column.gap >= 0) continue;
    moves[c] = direction[column.parameter];
  }
  return moves;
}

Eigen::VectorXd Features::PointGradient(
    const Eigen::VectorXd& x, const Eigen::VectorXd& column_gradient) const {
  Eigen::VectorXd gradient = Eigen::VectorXd::Zero(parameters());
  for (int c = 0; c < size(); ++c) {
    const Column& column = columns_[c];
    if (column.kind == Kind::kHamming) continue;
    if (column.gap < 0) {
      gradient[column.parameter] = column_gradient[c];
    } else if (x[c] == 0) {  // Inactive: its first column came before.
      gradient[column.parameter] = 0;
    }
  }
  return gradient;
}

}  // namespace assay
