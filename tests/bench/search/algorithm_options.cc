#include "tests/bench/search/algorithm_options.h"

#include <nlohmann/json.hpp>
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

constexpr Option kOptions[] = {
    {"points_per_continuous", Set<&Algorithm::points_per_continuous>},
    {"shuffle", Set<&Algorithm::shuffle>},
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
