#include "worker/trainer/training_state.h"

#include <exception>
#include <memory>
#include <utility>
#include <vector>

#include "worker/trainer/random_state.h"

namespace assay {
namespace {

std::string Key(const std::string& kind, size_t index) {
  return kind + "/" + std::to_string(index);
}

void WriteTensors(const std::string& kind,
                  const std::vector<torch::Tensor>& tensors,
                  torch::serialize::OutputArchive& archive) {
  for (size_t i = 0; i < tensors.size(); ++i) {
    archive.write(Key(kind, i), tensors[i].detach());
  }
}

void ReadTensors(const std::string& kind, std::vector<torch::Tensor> tensors,
                 torch::serialize::InputArchive& archive) {
  const torch::NoGradGuard no_gradient;
  for (size_t i = 0; i < tensors.size(); ++i) {
    torch::Tensor saved;
    archive.read(Key(kind, i), saved);
    TORCH_CHECK(saved.sizes() == tensors[i].sizes(), Key(kind, i),
                " of the checkpoint has another shape");
    tensors[i].copy_(saved);
  }
}

// RMSprop makes the buffer of the momentum with the rest of its state, so that
// a state without misses it when a continued training has momentum.
void AddMomentumBuffers(torch::optim::RMSprop& optimizer) {
  const auto& options = static_cast<const torch::optim::RMSpropOptions&>(
      optimizer.param_groups().at(0).options());
  if (options.momentum() == 0) return;
  for (auto& [key, state] : optimizer.state()) {
    auto& own = static_cast<torch::optim::RMSpropParamState&>(*state);
    if (own.momentum_buffer().defined()) continue;
    own.momentum_buffer(torch::zeros_like(own.square_avg()));
  }
}

}  // namespace

Done SaveState(const std::string& path, const CheckpointHeader& header,
               const TrainingState& state) {
  try {
    torch::serialize::OutputArchive archive;
    archive.write("header", torch::IValue(HeaderText(header)));
    WriteTensors("weights", state.network.parameters(), archive);
    WriteTensors("buffers", state.network.buffers(), archive);
    torch::serialize::OutputArchive optimizer(archive.compilation_unit());
    state.optimizer.save(optimizer);
    archive.write("optimizer", optimizer);
    WriteTensors("before", state.online_rate.state().before, archive);
    torch::serialize::OutputArchive vectors(archive.compilation_unit());
    for (const auto& [name, tensor] : state.vectors.ToSave()) {
      vectors.write(name, tensor);
    }
    archive.write("vectors", vectors);
    archive.write("random", RandomState(state.device));
    archive.save_to(path);
    return Success();
  } catch (const std::exception& error) {
    return Failure(path + ": " + error.what());
  }
}

SavedState::SavedState(CheckpointHeader header,
                       torch::serialize::InputArchive archive)
    : header_(std::move(header)), archive_(std::move(archive)) {}

Result<SavedState> SavedState::Open(const std::string& path,
                                    torch::Device device) {
  try {
    torch::serialize::InputArchive archive;
    archive.load_from(path, device);
    torch::IValue text;
    archive.read("header", text);
    TRAINER_ASSIGN_OR_RETURN(CheckpointHeader header,
                             ParseHeader(text.toStringRef()));
    return SavedState(std::move(header), std::move(archive));
  } catch (const std::exception& error) {
    return Failure(path +
                   " is no checkpoint of assay-trainer: " + error.what());
  }
}

void SavedState::LoadNetwork(torch::nn::Module& network) {
  ReadTensors("weights", network.parameters(), archive_);
  ReadTensors("buffers", network.buffers(), archive_);
}

void SavedState::LoadOptimizer(torch::optim::Optimizer& optimizer) {
  torch::serialize::InputArchive saved;
  archive_.read("optimizer", saved);
  // Newer versions of LibTorch load the options as well; those of this run's
  // configuration, which may be others, stay.
  std::vector<std::unique_ptr<torch::optim::OptimizerOptions>> options;
  for (const auto& group : optimizer.param_groups()) {
    options.push_back(group.options().clone());
  }
  optimizer.load(saved);
  for (size_t i = 0; i < options.size(); ++i) {
    optimizer.param_groups()[i].set_options(std::move(options[i]));
  }
  if (auto* rmsprop = dynamic_cast<torch::optim::RMSprop*>(&optimizer)) {
    AddMomentumBuffers(*rmsprop);
  }
}

void SavedState::LoadOnlineRate(OnlineRate& rate) {
  OnlineRate::State state = {.factor = header_.position.rate_factor,
                             .before = {}};
  for (;;) {
    torch::Tensor weight;  // A new one each: reading fills what is there.
    if (!archive_.try_read(Key("before", state.before.size()), weight)) break;
    state.before.push_back(weight);
  }
  rate.Continue(std::move(state));
}

void SavedState::LoadVectors(VectorLearner& vectors) {
  torch::serialize::InputArchive saved;
  if (!archive_.try_read("vectors", saved)) return;  // An older checkpoint.
  VectorLearner::State state;
  for (const std::string& name : saved.keys()) {
    torch::Tensor tensor;
    saved.read(name, tensor);
    state[name] = tensor;
  }
  vectors.Continue(state);
}

void SavedState::LoadRandom(torch::Device device) {
  torch::Tensor state;
  archive_.read("random", state);
  SetRandomState(device, state);
}

}  // namespace assay
