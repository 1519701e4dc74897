#include "proto/convert_gradients.h"

#include <algorithm>
#include <string>
#include <variant>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "proto/convert_checks.h"
#include "search/domain.h"

namespace assay {
namespace {

using convert::CheckName;
using convert::CheckRange;
using convert::Element;
using convert::Invalid;
using convert::Quote;

constexpr int32_t kMaxWork = 10'000;
constexpr int32_t kMaxSplits = 100;

const Parameter* Find(const SearchSpace& space, const std::string& name) {
  for (const Parameter& parameter : space.parameters()) {
    if (parameter.name == name) return &parameter;
  }
  return nullptr;
}

bool IsContinuous(const Parameter& parameter) {
  return std::holds_alternative<DoubleDomain>(parameter.domain) &&
         !Levels(parameter.domain);
}

absl::Status CheckParameter(const std::string& path, const std::string& name,
                            const SearchSpace& space) {
  const Parameter* parameter = Find(space, name);
  if (parameter == nullptr) {
    return Invalid(path, Quote(name), "a parameter of the study");
  }
  if (IsContinuous(*parameter)) return absl::OkStatus();
  return Invalid(path, Quote(name),
                 "a continuous one: a double without step, min below max");
}

absl::StatusOr<std::vector<std::string>> ToNames(
    const v1::GradientRequest& message, const SearchSpace& space) {
  std::vector<std::string> names;
  absl::flat_hash_set<std::string> seen;
  for (int i = 0; i < message.parameters_size(); ++i) {
    const std::string path = Element("gradients.parameters", i);
    const std::string& name = message.parameters(i);
    ASSAY_RETURN_IF_ERROR(CheckParameter(path, name, space));
    if (!seen.insert(name).second) {
      return Invalid(path, Quote(name), "each once");
    }
    names.push_back(name);
  }
  const auto parameters = space.parameters();
  if (std::any_of(parameters.begin(), parameters.end(), IsContinuous)) {
    return names;
  }
  return Invalid("gradients", "set",
                 "none in a study without a continuous parameter");
}

}  // namespace

absl::StatusOr<GradientSpec> ToGradients(const v1::GradientRequest& message,
                                         const StudySpec& rest) {
  GradientSpec gradients;
  gradients.metric = message.metric().empty()
                         ? rest.metrics[Objectives(rest)[0]].name
                         : message.metric();
  ASSAY_RETURN_IF_ERROR(
      CheckName(gradients.metric, [] { return "gradients.metric"; }));
  ASSAY_ASSIGN_OR_RETURN(gradients.parameters, ToNames(message, rest.space));
  if (!message.method().empty()) {
    ASSAY_RETURN_IF_ERROR(
        CheckName(message.method(), [] { return "gradients.method"; }));
  }
  gradients.method = message.method();
  ASSAY_RETURN_IF_ERROR(
      CheckRange("gradients.every", message.every(), 0, kMaxInteger));
  gradients.every = message.every();
  ASSAY_RETURN_IF_ERROR(
      CheckRange("gradients.work", message.work(), 0, kMaxWork));
  gradients.work = message.work();
  ASSAY_RETURN_IF_ERROR(
      CheckRange("gradients.splits", message.splits(), 0, kMaxSplits));
  gradients.splits = message.splits();
  return gradients;
}

v1::GradientRequest ToMessage(const GradientSpec& gradients) {
  v1::GradientRequest message;
  message.set_metric(gradients.metric);
  for (const std::string& name : gradients.parameters) {
    message.add_parameters(name);
  }
  message.set_method(gradients.method);
  message.set_every(gradients.every);
  message.set_work(gradients.work);
  message.set_splits(gradients.splits);
  return message;
}

}  // namespace assay
