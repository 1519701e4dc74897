#include "worker/trainer/models/model.h"

#include "worker/trainer/data/dataset.h"
#include "worker/trainer/models/cnn.h"
#include "worker/trainer/models/mlp.h"

namespace assay {

torch::nn::Sequential MakeModel(const ModelConfig& config,
                                const std::vector<int64_t>& shape,
                                int64_t outputs) {
  switch (config.kind) {
    case ModelKind::kMlp:
      return MakeMlp(config, ElementsOf(shape), outputs);
    case ModelKind::kCnn:
      return MakeCnn(config, shape, outputs);
  }
  TORCH_CHECK(false, "unknown model");
}

}  // namespace assay
