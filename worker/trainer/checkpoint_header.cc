#include "worker/trainer/checkpoint_header.h"

#include <cmath>
#include <limits>

#include "worker/trainer/choice_names.h"

namespace assay {
namespace {

using nlohmann::json;

constexpr int64_t kFormat = 1;

json ShareJson(const Share& share) {
  if (share.examples.has_value()) return *share.examples;
  return share.fraction;
}

json DataIdentity(const DataConfig& data) {
  json identity = {{"data.name", data.name},
                   {"data.task", NameOf(kTaskNames, data.task)},
                   {"data.target", data.target},
                   {"data.validation", ShareJson(data.validation)},
                   {"data.split_seed", data.split_seed},
                   {"data.standardize", data.standardize}};
  if (data.test.has_value()) identity["data.test"] = ShareJson(*data.test);
  if (data.source != DataSource::kSynthetic) return identity;
  const SyntheticConfig& synthetic = data.synthetic;
  identity.update(
      {{"data.synthetic.kind", NameOf(kSyntheticNames, synthetic.kind)},
       {"data.synthetic.examples", synthetic.examples},
       {"data.synthetic.features", synthetic.features},
       {"data.synthetic.classes", synthetic.classes},
       {"data.synthetic.noise", synthetic.noise},
       {"data.synthetic.seed", synthetic.seed}});
  return identity;
}

json ModelIdentity(const ModelConfig& model) {
  return {{"model.name", NameOf(kModelNames, model.kind)},
          {"model.depth", model.depth},
          {"model.width", model.width},
          {"model.blocks", model.blocks},
          {"model.kernel", model.kernel},
          {"model.activation", NameOf(kActivationNames, model.activation)},
          {"model.batch_norm", model.batch_norm}};
}

double NumberOr(const json& value, double standard) {
  return value.is_number() ? value.get<double>() : standard;
}

// JSON has no NaN and no infinity; both are written as null.
double Number(const json& object, const char* key) {
  return NumberOr(object.at(key), std::numeric_limits<double>::quiet_NaN());
}

json PositionJson(const TrainingPosition& position) {
  return {{"epoch", position.epoch},
          {"examples", position.examples},
          {"seconds", position.seconds},
          {"step", position.step},
          {"order", position.order},
          {"loss_sum", position.loss_sum},
          {"rate_factor", position.rate_factor},
          {"train_loss", position.train_loss},
          {"learning_rate", position.learning_rate},
          {"examples_per_second", position.examples_per_second}};
}

TrainingPosition ReadPosition(const json& text) {
  return {.epoch = text.at("epoch").get<int64_t>(),
          .examples = text.at("examples").get<int64_t>(),
          .seconds = Number(text, "seconds"),
          .step = text.at("step").get<int64_t>(),
          .order = text.at("order").get<Random::State>(),
          .loss_sum = Number(text, "loss_sum"),
          .rate_factor = text.value("rate_factor", 1.0),
          .train_loss = Number(text, "train_loss"),
          .learning_rate = Number(text, "learning_rate"),
          .examples_per_second = Number(text, "examples_per_second")};
}

std::string Show(const json& identity, const std::string& key) {
  return identity.contains(key) ? identity[key].dump() : "none";
}

}  // namespace

json IdentityOf(const Configuration& config) {
  json identity = DataIdentity(config.data);
  identity.update(ModelIdentity(config.model));
  identity["loss"] = NameOf(kLossNames, config.loss);
  // What the metrics are measured on.
  if (config.vectors.Any()) {
    identity["vectors.fraction"] = config.vectors.fraction;
  }
  return identity;
}

std::string HeaderText(const CheckpointHeader& header) {
  return json({{"format", kFormat},
               {"identity", header.identity},
               {"optimizer", header.optimizer},
               {"device", header.device},
               {"train_examples", header.train_examples},
               {"position", PositionJson(header.position)}})
      .dump();
}

Result<CheckpointHeader> ParseHeader(const std::string& text) {
  try {
    const json parsed = json::parse(text);
    if (parsed.at("format") != kFormat) {
      return Failure("the checkpoint has format " + parsed["format"].dump() +
                     "; this trainer reads 1");
    }
    return CheckpointHeader{
        .identity = parsed.at("identity"),
        .optimizer = parsed.at("optimizer").get<std::string>(),
        .device = parsed.at("device").get<std::string>(),
        .train_examples = parsed.at("train_examples").get<int64_t>(),
        .position = ReadPosition(parsed.at("position"))};
  } catch (const json::exception& error) {
    return Failure(std::string("the checkpoint's header is broken: ") +
                   error.what());
  }
}

Done CheckContinues(const CheckpointHeader& header,
                    const Configuration& config) {
  const json wanted = IdentityOf(config);
  json both = header.identity;
  both.update(wanted);
  for (const auto& [key, ignored] : both.items()) {
    const std::string theirs = Show(header.identity, key);
    const std::string ours = Show(wanted, key);
    if (theirs == ours) continue;
    return BadConfiguration(
        key + ": the checkpoint to resume is of " + theirs +
        ", this trial has " + ours +
        "; a continued training may change optimizer, regularization, "
        "schedule, model.dropout, augmentation, label_smoothing, loss_weights, "
        "class_weights, "
        "hypergradient, vectors but vectors.fraction, batch_size, epochs, "
        "seed, threads, device, divergence "
        "and checkpoint");
  }
  return Success();
}

}  // namespace assay
