#include "worker/trainer/data/prepared_data.h"

#include <algorithm>
#include <filesystem>
#include <numeric>
#include <optional>

#include "worker/trainer/data/csv.h"
#include "worker/trainer/data/dataset.h"
#include "worker/trainer/data/idx.h"
#include "worker/trainer/data/split.h"
#include "worker/trainer/data/standardization.h"
#include "worker/trainer/data/synthetic.h"

namespace assay {
namespace {

const Share kStandardTest = {.examples = std::nullopt, .fraction = 0.2};

struct Standardizations {
  Standardization inputs;
  Standardization targets;
};

Error NoSuchSet(const DataConfig& config, const std::string& data_root,
                const std::string& wanted) {
  return BadConfiguration("data.name: \"" + config.name + "\" is not " +
                          wanted + " under the data root " + data_root);
}

Result<Dataset> ReadIdxSet(const DataConfig& config,
                           const std::string& data_root, IdxPart part) {
  const std::string folder = data_root + "/" + config.name;
  if (!std::filesystem::is_directory(folder)) {
    return NoSuchSet(config, data_root, "a folder of IDX files");
  }
  return ReadIdxFolder(folder, part);
}

Result<Dataset> ReadDataset(const DataConfig& config,
                            const std::string& data_root) {
  if (config.source == DataSource::kSynthetic) {
    return MakeSynthetic(config.synthetic);
  }
  if (config.source == DataSource::kIdx) {
    return ReadIdxSet(config, data_root, IdxPart::kTrain);
  }
  const std::string path = data_root + "/" + config.name;
  if (!std::filesystem::is_regular_file(path)) {
    return NoSuchSet(config, data_root, "a CSV file");
  }
  return ReadCsv(path, config.target, config.task);
}

bool HasTestFiles(const DataConfig& config, const std::string& data_root) {
  return config.source == DataSource::kIdx &&
         HasIdxPart(data_root + "/" + config.name, IdxPart::kTest);
}

// How much to cut off for the test: nothing if the set has test files.
Result<std::optional<Share>> TestShare(const DataConfig& config,
                                       const std::string& data_root) {
  if (!HasTestFiles(config, data_root)) {
    return std::optional(config.test.value_or(kStandardTest));
  }
  if (!config.test.has_value()) return std::optional<Share>();
  return BadConfiguration(std::string(config.test->examples.has_value()
                                          ? "data.test_examples"
                                          : "data.test_fraction") +
                          ": is not allowed for \"" + config.name +
                          "\", which has test files of its own");
}

Done CheckModel(const ModelConfig& model, const Dataset& data) {
  if (model.kind != ModelKind::kCnn) return Success();
  if (!IsImage(data.shape)) {
    return BadConfiguration(
        "model.name: \"cnn\" needs images, and the set has rows of numbers; "
        "allowed here: mlp");
  }
  const int64_t side = std::min(data.shape[1], data.shape[2]);
  int64_t most = 0;
  while ((side >> (most + 1)) > 0) ++most;
  if (model.blocks <= most) return Success();
  return BadConfiguration("model.blocks: " + std::to_string(model.blocks) +
                          " halvings leave nothing of an image of " +
                          std::to_string(data.shape[1]) + " x " +
                          std::to_string(data.shape[2]) + "; allowed: 1 to " +
                          std::to_string(most));
}

Done CheckLoss(const Configuration& config, const Dataset& data) {
  if (data.classes == 1) {
    return BadConfiguration("data.name: \"" + config.data.name +
                            "\" has one class; a classification needs two");
  }
  if (config.loss == LossKind::kLogLoss && data.classes != 2) {
    return BadConfiguration(
        "loss: \"log_loss\" is for two classes, and the set has " +
        std::to_string(data.classes) + "; allowed: cross_entropy, mse, hinge");
  }
  for (const auto& [label, weight] : config.loss_terms.class_weights) {
    if (label < data.classes) continue;
    return BadConfiguration("class_weights." + std::to_string(label) +
                            ": the set has " + std::to_string(data.classes) +
                            " classes; allowed: 0 to " +
                            std::to_string(data.classes - 1));
  }
  return Success();
}

Done CheckBatchNorm(const ModelConfig& model, const Split& split) {
  if (!model.batch_norm || split.train.size() > 1) {
    return Success();
  }
  return BadConfiguration(
      "model.batch_norm: true needs at least two training examples");
}

// They learn from one part of the validation part, the other is reported.
Done CheckVectors(const VectorsConfig& vectors, const Split& split) {
  if (!vectors.Any() || split.validation.size() > 1) return Success();
  return BadConfiguration(
      "vectors: a validation part of 1 example cannot be divided; allowed: >= "
      "2");
}

Standardizations Fit(const Dataset& data, const Split& split,
                     const DataConfig& config) {
  Standardizations fitted = {PlainInputs(data), {.mean = {0}, .scale = {1}}};
  if (!config.standardize) return fitted;
  fitted.inputs = FitInputs(data, split.train);
  if (data.classes == 0) fitted.targets = FitTargets(data, split.train);
  return fitted;
}

Examples Take(const Dataset& data, const std::vector<int64_t>& rows,
              const Standardizations& by) {
  Examples part;
  part.inputs = StandardizedInputs(data, rows, by.inputs);
  for (const int64_t row : rows) {
    if (data.classes > 0) {
      part.labels.push_back(data.labels[row]);
    } else {
      part.targets.push_back((data.targets[row] - by.targets.mean[0]) /
                             by.targets.scale[0]);
    }
  }
  return part;
}

// The test files of the set, which must look like its training files.
Result<Examples> ReadTestFiles(const DataConfig& config,
                               const std::string& data_root,
                               const Dataset& data,
                               const Standardizations& by) {
  TRAINER_ASSIGN_OR_RETURN(const Dataset test,
                           ReadIdxSet(config, data_root, IdxPart::kTest));
  if (test.shape != data.shape || test.classes > data.classes) {
    return Failure("the test files of \"" + config.name +
                   "\" have another shape or more classes than its training "
                   "files");
  }
  std::vector<int64_t> rows(test.size());
  std::iota(rows.begin(), rows.end(), int64_t{0});
  return Take(test, rows, by);
}

}  // namespace

Result<PreparedData> PrepareData(const Configuration& config,
                                 const std::string& data_root, TestPart test) {
  TRAINER_ASSIGN_OR_RETURN(const Dataset data,
                           ReadDataset(config.data, data_root));
  TRAINER_RETURN_IF_ERROR(CheckModel(config.model, data));
  TRAINER_RETURN_IF_ERROR(CheckLoss(config, data));
  TRAINER_ASSIGN_OR_RETURN(const std::optional<Share> test_share,
                           TestShare(config.data, data_root));
  TRAINER_ASSIGN_OR_RETURN(const Split split,
                           MakeSplit(data.size(), config.data, test_share));
  TRAINER_RETURN_IF_ERROR(CheckBatchNorm(config.model, split));
  TRAINER_RETURN_IF_ERROR(CheckVectors(config.vectors, split));

  const Standardizations by = Fit(data, split, config.data);
  PreparedData prepared;
  prepared.shape = data.shape;
  prepared.classes = data.classes;
  prepared.class_names = data.class_names;
  prepared.target_mean = by.targets.mean[0];
  prepared.target_scale = by.targets.scale[0];
  prepared.train = Take(data, split.train, by);
  prepared.validation = Take(data, split.validation, by);
  if (test == TestPart::kUntouched) return prepared;
  if (test_share.has_value()) {
    prepared.test = Take(data, split.test, by);
    return prepared;
  }
  TRAINER_ASSIGN_OR_RETURN(prepared.test,
                           ReadTestFiles(config.data, data_root, data, by));
  return prepared;
}

}  // namespace assay
