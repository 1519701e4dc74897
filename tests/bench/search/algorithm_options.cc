#include "tests/bench/search/algorithm_options.h"

#include <nlohmann/json.hpp>
#include <type_traits>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace assay {
namespace {

using Json = nlohmann::json;

struct Option {
  const char* name;
  void (*set)(Algorithm& algorithm, const Json& value);
};

template <auto field>
void Set(Algorithm& algorithm, const Json& value) {
  value.get_to(algorithm.*field);
}

template <auto field>
void SetBayesian(Algorithm& algorithm, const Json& value) {
  value.get_to(algorithm.bayesian.*field);
}

// An enum of BayesianOptions by the number of its value, from 0.
template <auto field, int values>
void SetBayesianEnum(Algorithm& algorithm, const Json& value) {
  using Enum = std::decay_t<decltype(algorithm.bayesian.*field)>;
  const int number = value.get<int>();
  if (number < 0 || number >= values) {
    throw Json::out_of_range::create(
        401, absl::StrCat(number, "; 0 to ", values - 1), &value);
  }
  algorithm.bayesian.*field = static_cast<Enum>(number);
}

constexpr Option kOptions[] = {
    {"arms", SetBayesianEnum<&BayesianOptions::arms, 4>},
    {"candidates", Set<&Algorithm::candidates>},
    {"pending", SetBayesianEnum<&BayesianOptions::pending, 2>},
    {"points_per_continuous", Set<&Algorithm::points_per_continuous>},
    {"prior", SetBayesianEnum<&BayesianOptions::prior, 4>},
    {"shuffle", Set<&Algorithm::shuffle>},
    {"start_trials", SetBayesian<&BayesianOptions::start_trials>},
    {"transform", SetBayesianEnum<&BayesianOptions::transform, 3>},
    {"trust_region", SetBayesian<&BayesianOptions::trust_region>},
};

std::string Names() {
  std::vector<std::string> names;
  for (const Option& option : kOptions) names.push_back(option.name);
  return absl::StrJoin(names, ", ");
}

}  // namespace

absl::Status SetAlgorithmOption(Algorithm& algorithm, const std::string& name,
                                const Json& value) {
  for (const Option& option : kOptions) {
    if (name != option.name) continue;
    try {
      option.set(algorithm, value);
      return absl::OkStatus();
    } catch (const Json::exception& error) {
      return absl::InvalidArgumentError(
          absl::StrCat("option \"", name, "\": ", error.what()));
    }
  }
  return absl::InvalidArgumentError(
      absl::StrCat("option \"", name, "\" is not known, there are ", Names()));
}

}  // namespace assay
