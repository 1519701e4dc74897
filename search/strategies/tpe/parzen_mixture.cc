#include "search/strategies/tpe/parzen_mixture.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numeric>

#include "search/math/fast_exp.h"
#include "search/math/normal.h"

namespace assay {
namespace {

constexpr double kPriorMean = 0.5;
constexpr double kPriorSigma = 1;
constexpr float kNothing = -1e30f;  // The logarithm of a kernel that is none.
constexpr int kTableCells = 1024;

const double kLogSqrt2Pi = 0.5 * std::log(2 * M_PI);

// The part of a normal distribution that lies in [0, 1].
double MassInside(double mean, double sigma) {
  return NormalCdf((1 - mean) / sigma) - NormalCdf(-mean / sigma);
}

double ClampSigma(double sigma, int n) {
  return std::clamp(sigma, 1.0 / std::min(100, n + 2), 1.0);
}

double SharedSigma(int n, int axes) {
  return ClampSigma(0.1 * std::pow(std::max(n, 1), -1.0 / (axes + 4)), n);
}

// The largest of 0, 1, ..., 20, 21, 22, ..., each 5 % above the one before,
// that is not above n.
int Lagging(int n) {
  int lagging = std::min(n, 20);
  while (lagging + std::max(lagging / 20, 1) <= n) {
    lagging += std::max(lagging / 20, 1);
  }
  return lagging;
}

// Of a value: the kernel's, widened by that of its cell.
double Variance(double sigma, const Axis& axis) {
  return sigma * sigma + axis.cell() * axis.cell() / 12;
}

// Of the density of an uncut kernel at its mean; of a value with a cell, the
// mean over the cell.
double LogPeak(double sigma, const Axis& axis) {
  const double cell = axis.cell();
  if (cell == 0) return -std::log(sigma) - kLogSqrt2Pi;
  return std::log(std::erf(cell / (std::sqrt(8) * sigma)) / cell);
}

double LogGaussian(double x, double mean, double sigma) {
  const double z = (x - mean) / sigma;
  return -0.5 * z * z - std::log(sigma) - kLogSqrt2Pi;
}

template <typename T>
void MakeRoom(std::vector<T>& row, int position, int size) {
  std::copy_backward(row.begin() + position, row.begin() + size,
                     row.begin() + size + 1);
}

template <typename T>
void CloseGap(std::vector<T>& row, int position, int size) {
  std::copy(row.begin() + position + 1, row.begin() + size,
            row.begin() + position);
}

// What is done for each of a block of kernels. A known length and `__restrict`
// let the compiler use vector instructions.

// These add what one axis contributes to the exponents.

template <int block>
void AddCategory(const float* __restrict means, float x, float same,
                 float other, float* __restrict sums) {
  for (int k = 0; k < block; ++k) sums[k] += means[k] == x ? same : other;
}

template <int block>
void AddShared(const float* __restrict means, float x, float curvature,
               float* __restrict sums) {
  for (int k = 0; k < block; ++k) {
    const float distance = means[k] - x;
    sums[k] += distance * distance * curvature;
  }
}

template <int block>
void AddGaps(const float* __restrict means, float x,
             const float* __restrict curvatures, float* __restrict sums) {
  for (int k = 0; k < block; ++k) {
    const float distance = means[k] - x;
    sums[k] += distance * distance * curvatures[k];
  }
}

template <int block>
void KeepLargest(const float* __restrict values, float* __restrict largest) {
  for (int k = 0; k < block; ++k) {
    largest[k] = values[k] > largest[k] ? values[k] : largest[k];
  }
}

template <int block>
void AddExponentials(const float* __restrict exponents, float highest,
                     const float* __restrict weights, float* __restrict sums) {
  for (int k = 0; k < block; ++k) {
    sums[k] += weights[k] * FastExp(exponents[k] - highest);
  }
}

}  // namespace

ParzenMixture::ParzenMixture(absl::Span<const Axis> axes, Bandwidth bandwidth,
                             absl::Span<const PriorDensity> priors)
    : axes_(axes),
      bandwidth_(bandwidth),
      priors_(priors),
      means_(axes.size()),
      slopes_(axes.size()) {
  if (bandwidth == Bandwidth::kGaps) {
    sigmas_.resize(axes.size());
    curvatures_.resize(axes.size());
  }
  Settle();
}

void ParzenMixture::Insert(int position, absl::Span<const double> point) {
  assert(position >= 0 && position <= size_ && point.size() == axes_.size());
  Reserve(size_ + 1);
  for (size_t j = 0; j < axes_.size(); ++j) {
    MakeRoom(means_[j], position, size_);
    means_[j][position] = static_cast<float>(point[j]);
  }
  MakeRoom(log_scales_, position, size_);
  ++size_;
  if (sigma_ > 0) log_scales_[position] = LogScaleOfShared(position);
}

void ParzenMixture::Erase(int position) {
  assert(position >= 0 && position < size_);
  for (std::vector<float>& row : means_) CloseGap(row, position, size_);
  CloseGap(log_scales_, position, size_);
  --size_;
}

void ParzenMixture::Reserve(int size) {
  if (size <= static_cast<int>(weights_.size())) return;
  const size_t wanted =
      std::max<size_t>(weights_.size() + weights_.size() / 2, size);
  const size_t capacity = (wanted + kBlock - 1) / kBlock * kBlock;
  for (auto* rows : {&means_, &sigmas_, &curvatures_}) {
    for (std::vector<float>& row : *rows) row.resize(capacity);
  }
  log_scales_.resize(capacity);
  weights_.resize(capacity);
}

void ParzenMixture::Settle() {
  SetWeights();
  SetCategoryWeights();
  bandwidth_ == Bandwidth::kGaps ? FitGaps() : FitShared();
}

void ParzenMixture::SetWeights() {
  const int ramp = std::max(size_ - kFullWeights, 0);
  const float lowest = 1.0f / static_cast<float>(std::max(size_, 1));
  const float step = ramp > 1 ? (1 - lowest) / static_cast<float>(ramp - 1) : 0;
  for (int k = 0; k < ramp; ++k) {
    weights_[k] = lowest + step * static_cast<float>(k);
  }
  std::fill(weights_.begin() + ramp, weights_.begin() + size_, 1.0f);
  std::fill(weights_.begin() + size_, weights_.end(), 0.0f);
  total_weight_ = std::accumulate(weights_.begin(), weights_.end(), 1.0);
}

void ParzenMixture::SetCategoryWeights() {
  for (size_t j = 0; j < axes_.size(); ++j) {
    if (!axes_[j].is_categorical()) continue;
    const CategoryWeights weights = WeightsOf(axes_[j]);
    slopes_[j].same = static_cast<float>(std::log(weights.same));
    slopes_[j].other = static_cast<float>(std::log(weights.other));
  }
}

ParzenMixture::CategoryWeights ParzenMixture::WeightsOf(
    const Axis& axis) const {
  const double smoothing = 1.0 / (size_ + 1);
  const double sum = 1 + static_cast<double>(axis.levels()) * smoothing;
  return {.same = (1 + smoothing) / sum, .other = smoothing / sum};
}

void ParzenMixture::FitGaps() {
  std::fill(log_scales_.begin(), log_scales_.end(), 0.0f);
  for (size_t j = 0; j < axes_.size(); ++j) {
    if (!axes_[j].is_categorical()) FitGapsOf(static_cast<int>(j));
  }
}

// The ends of the axis are neighbours only of a point that is alone.
void ParzenMixture::FitGapsOf(int axis) {
  const std::vector<float>& means = means_[axis];
  std::vector<int> order(size_);
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](int a, int b) { return means[a] < means[b]; });
  for (int i = 0; i < size_; ++i) {
    const double mean = means[order[i]];
    double gap = size_ == 1 ? std::max(mean, 1 - mean) : 0;
    if (i > 0) gap = std::max(gap, mean - means[order[i - 1]]);
    if (i + 1 < size_) gap = std::max(gap, means[order[i + 1]] - mean);
    SetKernel(axis, order[i], ClampSigma(gap, size_));
  }
}

void ParzenMixture::SetKernel(int axis, int kernel, double sigma) {
  const double variance = Variance(sigma, axes_[axis]);
  sigmas_[axis][kernel] = static_cast<float>(sigma);
  curvatures_[axis][kernel] = static_cast<float>(-0.5 / variance);
  log_scales_[kernel] +=
      static_cast<float>(LogPeak(sigma, axes_[axis]) -
                         std::log(MassInside(means_[axis][kernel], sigma)));
}

void ParzenMixture::FitShared() {
  const double sigma =
      SharedSigma(Lagging(size_), static_cast<int>(axes_.size()));
  if (sigma != sigma_) SetSigma(sigma);
}

void ParzenMixture::SetSigma(double sigma) {
  sigma_ = sigma;
  double log_scale = 0;
  for (size_t j = 0; j < axes_.size(); ++j) {
    if (axes_[j].is_categorical()) continue;
    const double variance = Variance(sigma, axes_[j]);
    slopes_[j].curvature = static_cast<float>(-0.5 / variance);
    log_scale += LogPeak(sigma, axes_[j]);
  }
  log_scale_ = static_cast<float>(log_scale);
  truncation_table_.resize(kTableCells + 1);
  for (int i = 0; i <= kTableCells; ++i) {
    const double mean = static_cast<double>(i) / kTableCells;
    truncation_table_[i] =
        static_cast<float>(-std::log(MassInside(mean, sigma)));
  }
  for (int k = 0; k < size_; ++k) log_scales_[k] = LogScaleOfShared(k);
}

// Between the entries of the table: the error is below 2e-3 for each axis at
// the smallest sigma, and 1e-5 at a usual one.
float ParzenMixture::LogScaleOfShared(int kernel) const {
  float sum = log_scale_;
  for (size_t j = 0; j < axes_.size(); ++j) {
    if (axes_[j].is_categorical()) continue;
    const float place = means_[j][kernel] * kTableCells;
    const int cell = std::min(static_cast<int>(place), kTableCells - 1);
    const float share = place - static_cast<float>(cell);
    sum += truncation_table_[cell] * (1 - share) +
           truncation_table_[cell + 1] * share;
  }
  return sum;
}

std::vector<double> ParzenMixture::Draw(Random& random) const {
  const int kernel = DrawKernel(random);
  std::vector<double> point(axes_.size());
  for (size_t j = 0; j < axes_.size(); ++j) {
    point[j] = DrawOn(static_cast<int>(j), kernel, random);
  }
  return point;
}

// size_ stands for the prior.
int ParzenMixture::DrawKernel(Random& random) const {
  double left = random.Uniform() * total_weight_;
  for (int k = 0; k < size_; ++k) {
    left -= weights_[k];
    if (left < 0) return k;
  }
  return size_;
}

double ParzenMixture::DrawOn(int axis, int kernel, Random& random) const {
  if (kernel == size_) return DrawPrior(axis, random);
  const Axis& on = axes_[axis];
  if (on.is_categorical()) {
    const CategoryWeights weights = WeightsOf(on);
    if (random.Uniform() < weights.same - weights.other) {
      return on.Snap(means_[axis][kernel]);
    }
    return on.Category(static_cast<int64_t>(random.Below(on.levels())));
  }
  const double sigma =
      bandwidth_ == Bandwidth::kGaps ? sigmas_[axis][kernel] : sigma_;
  return on.Snap(DrawTruncatedNormal(means_[axis][kernel], sigma, random));
}

bool ParzenMixture::HasPrior(int axis) const {
  return !priors_.empty() && !priors_[axis].IsUniform();
}

double ParzenMixture::DrawPrior(int axis, Random& random) const {
  const Axis& on = axes_[axis];
  if (HasPrior(axis)) return on.Snap(priors_[axis].Quantile(random.Uniform()));
  if (on.is_categorical()) {
    return on.Category(static_cast<int64_t>(random.Below(on.levels())));
  }
  return on.Snap(DrawTruncatedNormal(kPriorMean, kPriorSigma, random));
}

double ParzenMixture::LogPriorOn(int axis, double u) const {
  static const double kLogMass = std::log(MassInside(kPriorMean, kPriorSigma));
  const Axis& on = axes_[axis];
  const double volume =
      on.is_categorical() ? std::log(static_cast<double>(on.levels())) : 0;
  if (HasPrior(axis)) return priors_[axis].LogDensity(u) - volume;
  if (on.is_categorical()) return -volume;
  return LogGaussian(u, kPriorMean, kPriorSigma) - kLogMass;
}

double ParzenMixture::LogPrior(absl::Span<const double> point) const {
  double sum = 0;
  for (size_t j = 0; j < axes_.size(); ++j) {
    sum += LogPriorOn(static_cast<int>(j), point[j]);
  }
  return sum;
}

std::vector<float> ParzenMixture::Exponents(
    absl::Span<const double> point) const {
  std::vector<float> exponents(weights_.size());
  for (size_t block = 0; block < exponents.size(); block += kBlock) {
    float sums[kBlock];
    std::copy_n(&log_scales_[block], kBlock, sums);
    for (size_t j = 0; j < axes_.size(); ++j) {
      const float* means = &means_[j][block];
      const auto x = static_cast<float>(point[j]);
      if (axes_[j].is_categorical()) {
        AddCategory<kBlock>(means, x, slopes_[j].same, slopes_[j].other, sums);
      } else if (bandwidth_ == Bandwidth::kGaps) {
        AddGaps<kBlock>(means, x, &curvatures_[j][block], sums);
      } else {
        AddShared<kBlock>(means, x, slopes_[j].curvature, sums);
      }
    }
    std::copy_n(sums, kBlock, &exponents[block]);
  }
  std::fill(exponents.begin() + size_, exponents.end(), kNothing);
  return exponents;
}

double ParzenMixture::LogDensity(absl::Span<const double> point) const {
  const double prior = LogPrior(point);
  const std::vector<float> exponents = Exponents(point);
  float lanes[kBlock];
  std::fill_n(lanes, kBlock, static_cast<float>(prior));
  for (size_t block = 0; block < exponents.size(); block += kBlock) {
    KeepLargest<kBlock>(&exponents[block], lanes);
  }
  const float highest = *std::max_element(lanes, lanes + kBlock);
  std::fill_n(lanes, kBlock, 0.0f);
  for (size_t block = 0; block < exponents.size(); block += kBlock) {
    AddExponentials<kBlock>(&exponents[block], highest, &weights_[block],
                            lanes);
  }
  const double sum =
      std::accumulate(lanes, lanes + kBlock, std::exp(prior - highest));
  return std::log(sum / total_weight_) + highest;
}

}  // namespace assay
