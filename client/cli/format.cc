#include "client/cli/format.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/time/time.h"

namespace assay {
namespace {

constexpr double kMaxWhole = 1e15;

double Share(double used, double limit) {
  return limit > 0 ? std::min(1.0, used / limit) : 1.0;
}

}  // namespace

std::string FormatNumber(double number, int digits) {
  if (std::isnan(number)) return "NaN";
  if (std::isinf(number)) return number > 0 ? "inf" : "-inf";
  if (number == std::floor(number) && std::abs(number) < kMaxWhole) {
    return absl::StrFormat("%.0f", number);
  }
  return absl::StrFormat("%.*g", digits, number);
}

std::string FormatDuration(double seconds) {
  const int64_t s = std::llround(std::max(0.0, seconds));
  if (s < 60) return absl::StrCat(s, " s");
  if (s < 3600) return absl::StrCat(s / 60, " min ", s % 60, " s");
  if (s < 86'400) return absl::StrCat(s / 3600, " h ", s % 3600 / 60, " min");
  return absl::StrCat(s / 86'400, " d ", s % 86'400 / 3600, " h");
}

std::string FormatTime(const google::protobuf::Timestamp& time) {
  if (time.seconds() == 0) return "";
  return absl::FormatTime("%Y-%m-%d %H:%M:%S",
                          absl::FromUnixSeconds(time.seconds()),
                          absl::LocalTimeZone());
}

std::string FormatValue(const google::protobuf::Value& value) {
  switch (value.kind_case()) {
    case google::protobuf::Value::kNumberValue:
      return FormatNumber(value.number_value());
    case google::protobuf::Value::kStringValue:
      return value.string_value();
    case google::protobuf::Value::kBoolValue:
      return value.bool_value() ? "true" : "false";
    default:
      return "null";
  }
}

std::string FormatParameters(const v1::Trial& trial) {
  std::map<std::string, std::string> sorted;
  for (const auto& [name, value] : trial.parameters()) {
    sorted[name] = FormatValue(value);
  }
  return absl::StrJoin(sorted, " ", absl::PairFormatter("="));
}

std::string FormatMetrics(const v1::StudySpec& spec, const v1::Trial& trial) {
  std::map<std::string, double> rest(trial.final_metrics().begin(),
                                     trial.final_metrics().end());
  std::vector<std::string> parts;
  const auto add = [&](const std::string& name, double value) {
    parts.push_back(absl::StrCat(name, "=", FormatNumber(value)));
  };
  for (const v1::Metric& metric : spec.metrics()) {
    const auto it = rest.find(metric.name());
    if (it == rest.end()) continue;
    add(it->first, it->second);
    rest.erase(it);
  }
  for (const auto& [name, value] : rest) add(name, value);
  return absl::StrJoin(parts, " ");
}

std::string FormatBudget(const v1::Trial& trial) {
  if (trial.to_step() == 0) return "";
  if (trial.from_step() == 0) return absl::StrCat("to step ", trial.to_step());
  return absl::StrCat(trial.from_step(), " to ", trial.to_step());
}

std::string FormatState(v1::Trial::State state) {
  return v1::Trial::State_Name(state);
}

Style StyleOf(v1::Trial::State state) {
  switch (state) {
    case v1::Trial::COMPLETED:
      return Style::kGreen;
    case v1::Trial::FAILED:
    case v1::Trial::INFEASIBLE:
      return Style::kRed;
    case v1::Trial::RUNNING:
      return Style::kCyan;
    case v1::Trial::STOPPED:
      return Style::kYellow;
    default:
      return Style::kPlain;
  }
}

std::string FormatState(const v1::Study& study) {
  return v1::Study::State_Name(study.state());
}

std::string ShellQuoted(const std::string& word) {
  const bool plain = std::all_of(word.begin(), word.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
           absl::StrContains("_-./:,=@%+", absl::string_view(&c, 1));
  });
  if (plain && !word.empty()) return word;
  return absl::StrCat("'", absl::StrReplaceAll(word, {{"'", "'\\''"}}), "'");
}

const v1::Metric* FirstObjective(const v1::StudySpec& spec) {
  for (const v1::Metric& metric : spec.metrics()) {
    if (!metric.has_bound()) return &metric;
  }
  return nullptr;
}

int64_t Ended(const v1::StudyCounts& counts) {
  return counts.completed() + counts.stopped() + counts.failed() +
         counts.infeasible();
}

double Progress(const v1::Study& study) {
  const v1::Budget& budget = study.spec().budget();
  const v1::StudyCounts& counts = study.counts();
  double share = -1;
  if (budget.has_max_trials()) {
    // Those that run are not done yet.
    share = std::max(share, Share(counts.configurations() - counts.running(),
                                  budget.max_trials()));
  }
  if (budget.has_max_seconds()) {
    share = std::max(share, Share(study.seconds_used(), budget.max_seconds()));
  }
  if (budget.has_max_steps_total()) {
    share = std::max(share, Share(counts.steps(), budget.max_steps_total()));
  }
  if (budget.has_max_training_seconds()) {
    share = std::max(
        share, Share(counts.training_seconds(), budget.max_training_seconds()));
  }
  return share;
}

std::string FormatProgress(const v1::Study& study) {
  const v1::Budget& budget = study.spec().budget();
  if (!budget.has_max_trials()) {
    return absl::StrCat(Ended(study.counts()), " trials");
  }
  return absl::StrCat(Ended(study.counts()), " of ", budget.max_trials(),
                      " trials");
}

std::string FormatName(const v1::Study& study) {
  const std::string& owner = study.spec().owner();
  if (owner.empty() || owner == "local") return study.spec().name();
  return absl::StrCat(owner, "/", study.spec().name());
}

}  // namespace assay
