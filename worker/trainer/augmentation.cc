#include "worker/trainer/augmentation.h"

#include <cmath>

namespace assay {
namespace {

// Places in an image, [batch, height, width].
struct Places {
  torch::Tensor x;
  torch::Tensor y;
};

torch::Tensor FromMiddle(int64_t size, const torch::TensorOptions& options) {
  return torch::arange(size, options) - static_cast<double>(size - 1) / 2;
}

// Where each pixel of the turned image lies in the old one.
Places Sources(const torch::Tensor& images, const torch::Tensor& angles) {
  const int64_t height = images.size(2);
  const int64_t width = images.size(3);
  const torch::Tensor x = FromMiddle(width, images.options()).view({1, 1, -1});
  const torch::Tensor y = FromMiddle(height, images.options()).view({1, -1, 1});
  const torch::Tensor cosine = angles.cos().view({-1, 1, 1});
  const torch::Tensor sine = angles.sin().view({-1, 1, 1});
  return {.x = cosine * x + sine * y + static_cast<double>(width - 1) / 2,
          .y = cosine * y - sine * x + static_cast<double>(height - 1) / 2};
}

// The pixels at whole places, [batch, channels, height * width].
torch::Tensor PixelsAt(const torch::Tensor& images, const Places& places) {
  const int64_t height = images.size(2);
  const int64_t width = images.size(3);
  const torch::Tensor index =
      (places.y.clamp(0, static_cast<double>(height - 1)) *
           static_cast<double>(width) +
       places.x.clamp(0, static_cast<double>(width - 1)))
          .to(torch::kInt64)
          .view({images.size(0), 1, -1})
          .expand({-1, images.size(1), -1});
  return images.flatten(2).gather(2, index);
}

torch::Tensor Turned(const torch::Tensor& images, const torch::Tensor& angles) {
  const Places source = Sources(images, angles);
  const Places corner = {.x = source.x.floor(), .y = source.y.floor()};
  const torch::Tensor right = source.x - corner.x;  // In [0, 1).
  const torch::Tensor below = source.y - corner.y;
  torch::Tensor turned = torch::zeros_like(images.flatten(2));
  for (const int dx : {0, 1}) {
    for (const int dy : {0, 1}) {
      const torch::Tensor share =
          (dx == 1 ? right : 1 - right) * (dy == 1 ? below : 1 - below);
      turned =
          turned + PixelsAt(images, {.x = corner.x + dx, .y = corner.y + dy}) *
                       share.flatten(1).unsqueeze(1);
    }
  }
  return turned.view(images.sizes());
}

}  // namespace

AugmentationTensors TensorsOf(const AugmentationConfig& config,
                              const torch::TensorOptions& options) {
  AugmentationTensors magnitudes;
  if (config.rotation > 0) {
    magnitudes.rotation = torch::scalar_tensor(config.rotation, options);
  }
  if (config.noise > 0) {
    magnitudes.noise = torch::scalar_tensor(config.noise, options);
  }
  return magnitudes;
}

torch::Tensor Augmented(const torch::Tensor& images,
                        const AugmentationTensors& magnitudes) {
  torch::Tensor changed = images;
  if (magnitudes.rotation.defined()) {
    const torch::Tensor share =
        2 * torch::rand({images.size(0)}, images.options()) - 1;
    changed = Turned(changed, share * magnitudes.rotation * (M_PI / 180));
  }
  if (magnitudes.noise.defined()) {
    changed = changed + magnitudes.noise * torch::randn_like(images);
  }
  return changed;
}

}  // namespace assay
