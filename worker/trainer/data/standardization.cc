#include "worker/trainer/data/standardization.h"

#include <cmath>

namespace assay {
namespace {

int64_t GroupsOf(const std::vector<int64_t>& shape) { return shape[0]; }

// How many neighbours share a mean: a channel's pixels, or one.
int64_t ElementsPerGroup(const std::vector<int64_t>& shape) {
  return ElementsOf(shape) / GroupsOf(shape);
}

struct Moments {
  double sum = 0;
  double squares = 0;  // About the first value seen, for accuracy.
  double origin = 0;
  int64_t count = 0;

  void Add(double value) {
    if (count == 0) origin = value;
    ++count;
    sum += value - origin;
    squares += (value - origin) * (value - origin);
  }
  double Mean() const { return origin + sum / static_cast<double>(count); }
  double Scale() const {
    const double shift = sum / static_cast<double>(count);
    const double variance =
        squares / static_cast<double>(count) - shift * shift;
    const double floor = 1e-12 * (1 + Mean() * Mean());
    return variance > floor ? std::sqrt(variance) : 1;
  }
};

Standardization FromMoments(const std::vector<Moments>& moments) {
  Standardization fitted;
  for (const Moments& group : moments) {
    fitted.mean.push_back(static_cast<float>(group.Mean()));
    fitted.scale.push_back(static_cast<float>(group.Scale()));
  }
  return fitted;
}

// Calls visit(element, group) for each element of each row, in order.
template <class T, class Visit>
void ForEachElement(const std::vector<T>& values,
                    const std::vector<int64_t>& shape,
                    const std::vector<int64_t>& rows, Visit visit) {
  const int64_t per_group = ElementsPerGroup(shape);
  const T* at = nullptr;
  for (const int64_t row : rows) {
    at = values.data() + row * ElementsOf(shape);
    for (int64_t group = 0; group < GroupsOf(shape); ++group) {
      for (int64_t i = 0; i < per_group; ++i) visit(*at++, group);
    }
  }
}

}  // namespace

Standardization FitInputs(const Dataset& data,
                          const std::vector<int64_t>& rows) {
  std::vector<Moments> moments(GroupsOf(data.shape));
  std::visit(
      [&](const auto& values) {
        ForEachElement(values, data.shape, rows, [&](auto value, int64_t g) {
          moments[g].Add(static_cast<double>(value));
        });
      },
      data.inputs);
  return FromMoments(moments);
}

Standardization FitTargets(const Dataset& data,
                           const std::vector<int64_t>& rows) {
  Moments moments;
  for (const int64_t row : rows) moments.Add(data.targets[row]);
  return FromMoments({moments});
}

Standardization PlainInputs(const Dataset& data) {
  const bool bytes = std::holds_alternative<std::vector<uint8_t>>(data.inputs);
  const size_t groups = GroupsOf(data.shape);
  return {.mean = std::vector<float>(groups, 0.0F),
          .scale = std::vector<float>(groups, bytes ? 255.0F : 1.0F)};
}

std::vector<float> StandardizedInputs(const Dataset& data,
                                      const std::vector<int64_t>& rows,
                                      const Standardization& standardization) {
  std::vector<float> inputs(rows.size() * ElementsOf(data.shape));
  float* out = inputs.data();
  std::visit(
      [&](const auto& values) {
        ForEachElement(values, data.shape, rows, [&](auto value, int64_t g) {
          *out++ = (static_cast<float>(value) - standardization.mean[g]) /
                   standardization.scale[g];
        });
      },
      data.inputs);
  return inputs;
}

}  // namespace assay
