#include "worker/trainer/data/synthetic.h"

#include <cmath>
#include <numbers>

#include "worker/trainer/random.h"

namespace assay {
namespace {

constexpr double kPi = std::numbers::pi;

std::vector<float> Draw(int64_t count, Random& random,
                        double (Random::*draw)()) {
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>((random.*draw)());
  return values;
}

void MakeBlobs(const SyntheticConfig& config, Random& random, Dataset& data) {
  std::vector<float> centres =
      Draw(config.classes * config.features, random, &Random::Uniform);
  auto& inputs = std::get<std::vector<float>>(data.inputs);
  for (int64_t i = 0; i < config.examples; ++i) {
    const int64_t label = i % config.classes;
    data.labels.push_back(label);
    for (int64_t f = 0; f < config.features; ++f) {
      const double centre = 10 * centres[label * config.features + f] - 5;
      inputs.push_back(
          static_cast<float>(centre + config.noise * random.Normal()));
    }
  }
}

void MakeSpirals(const SyntheticConfig& config, Random& random, Dataset& data) {
  auto& inputs = std::get<std::vector<float>>(data.inputs);
  for (int64_t i = 0; i < config.examples; ++i) {
    const int64_t label = i % config.classes;
    const double radius = 0.1 + 0.9 * random.Uniform();
    const double start = 2 * kPi * static_cast<double>(label) /
                         static_cast<double>(config.classes);
    const double angle = start + 3 * kPi * radius;
    data.labels.push_back(label);
    inputs.push_back(static_cast<float>(radius * std::cos(angle) +
                                        config.noise * random.Normal()));
    inputs.push_back(static_cast<float>(radius * std::sin(angle) +
                                        config.noise * random.Normal()));
  }
}

void MakeLinear(const SyntheticConfig& config, Random& random, Dataset& data) {
  const std::vector<float> weights =
      Draw(config.features, random, &Random::Normal);
  auto& inputs = std::get<std::vector<float>>(data.inputs);
  inputs = Draw(config.examples * config.features, random, &Random::Normal);
  for (int64_t i = 0; i < config.examples; ++i) {
    double y = config.noise * random.Normal();
    for (int64_t f = 0; f < config.features; ++f) {
      y += static_cast<double>(weights[f]) * inputs[i * config.features + f];
    }
    data.targets.push_back(static_cast<float>(y));
  }
}

void MakeFriedman(const SyntheticConfig& config, Random& random,
                  Dataset& data) {
  auto& inputs = std::get<std::vector<float>>(data.inputs);
  inputs = Draw(config.examples * config.features, random, &Random::Uniform);
  for (int64_t i = 0; i < config.examples; ++i) {
    const float* x = &inputs[i * config.features];
    const double bend = x[2] - 0.5;
    data.targets.push_back(static_cast<float>(
        10 * std::sin(kPi * x[0] * x[1]) + 20 * bend * bend + 10.0 * x[3] +
        5.0 * x[4] + config.noise * random.Normal()));
  }
}

}  // namespace

Dataset MakeSynthetic(const SyntheticConfig& config) {
  Random random(config.seed);
  Dataset data;
  data.inputs = std::vector<float>();
  data.shape = {config.features};
  switch (config.kind) {
    case SyntheticKind::kBlobs:
      data.classes = config.classes;
      MakeBlobs(config, random, data);
      break;
    case SyntheticKind::kSpirals:
      data.classes = config.classes;
      data.shape = {2};
      MakeSpirals(config, random, data);
      break;
    case SyntheticKind::kLinear:
      MakeLinear(config, random, data);
      break;
    case SyntheticKind::kFriedman:
      MakeFriedman(config, random, data);
      break;
  }
  return data;
}

}  // namespace assay
