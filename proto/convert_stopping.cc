#include "proto/convert_stopping.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/convert_checks.h"
#include "search/base/status_macros.h"
#include "search/parameter.h"

namespace assay {
namespace {

using convert::Invalid;
using convert::Quote;

constexpr int32_t kMaxTrials = 1'000'000;
constexpr int64_t kMaxSteps = int64_t{1} << 53;

// Reads the fields of one message. The first that is out of range is the error.
class Fields {
 public:
  explicit Fields(std::string path) : path_(std::move(path)) {}

  const absl::Status& status() const { return status_; }

  int64_t FromZero(const char* name, int64_t value) {
    Check(name, absl::StrCat(value), value >= 0 && value <= kMaxSteps,
          [] { return absl::StrCat("0 to ", kMaxSteps); });
    return value;
  }

  // 0 stands for `default_value`.
  template <typename T>
  T OrDefault(const char* name, T value, T default_value, int64_t low,
              int64_t high) {
    if (value == 0) return default_value;
    Check(name, absl::StrCat(value), value >= low && value <= high, [=] {
      return absl::StrCat(low, " to ", high, ", or 0 for ", default_value);
    });
    return value;
  }

  int64_t From(const char* name, int64_t value, int64_t low) {
    Check(name, absl::StrCat(value), value >= low && value <= kMaxSteps,
          [=] { return absl::StrCat(low, " to ", kMaxSteps); });
    return value;
  }

  // Above 0 and at most `high`; 0 stands for `default_value`.
  double ShareOrDefault(const char* name, double value, double default_value,
                        double high) {
    if (value == 0) return default_value;
    Check(name, Text(value), value > 0 && value <= high, [=] {
      return absl::StrCat("above 0, at most ", high, ", or 0 for ",
                          default_value);
    });
    return value;
  }

  void Check(const char* name, double value, bool is_fine,
             const char* allowed) {
    Check(name, Text(value), is_fine, [=] { return std::string(allowed); });
  }

 private:
  static std::string Text(double value) {
    return ToText(ParameterValue(value));
  }

  template <typename Allowed>
  void Check(const char* name, const std::string& value, bool is_fine,
             Allowed allowed) {
    if (is_fine || !status_.ok()) return;
    status_ = absl::InvalidArgumentError(
        absl::StrCat(path_, ".", name, ": ", value, "; ", allowed()));
  }

  const std::string path_;
  absl::Status status_;
};

// What rules that judge a trial by its curve share.
template <typename Message>
void FillJudging(const Message& message, Fields& fields, RuleSpec& rule) {
  rule.warmup_steps = fields.FromZero("warmup_steps", message.warmup_steps());
  rule.grace_steps = fields.FromZero("grace_steps", message.grace_steps());
  rule.interval_steps =
      fields.OrDefault("interval_steps", message.interval_steps(),
                       rule.interval_steps, 1, kMaxSteps);
}

template <typename Message>
void FillMinTrials(const Message& message, Fields& fields, RuleSpec& rule) {
  rule.min_trials = fields.OrDefault("min_trials", message.min_trials(),
                                     rule.min_trials, 1, kMaxTrials);
}

void Fill(const v1::MedianStopping& median, Fields& fields, RuleSpec& rule) {
  FillJudging(median, fields, rule);
  FillMinTrials(median, fields, rule);
}

void Fill(const v1::PatienceStopping& patience, Fields& fields,
          RuleSpec& rule) {
  rule.patience_steps = fields.OrDefault("steps", patience.steps(),
                                         rule.patience_steps, 1, kMaxSteps);
  rule.min_delta = patience.min_delta();
  fields.Check("min_delta", rule.min_delta,
               std::isfinite(rule.min_delta) && rule.min_delta >= 0,
               "finite, at least 0");
  FillJudging(patience, fields, rule);
}

void Fill(const v1::PercentileStopping& percentile, Fields& fields,
          RuleSpec& rule) {
  rule.percent =
      fields.ShareOrDefault("percent", percentile.percent(), rule.percent, 100);
  if (percentile.against() != v1::PercentileStopping::AGAINST_UNSPECIFIED) {
    fields.Check("against", percentile.against(),
                 v1::PercentileStopping::Against_IsValid(percentile.against()),
                 "RUNNING_MEAN, BEST or LATEST");
    rule.against = static_cast<Against>(percentile.against());
  }
  FillJudging(percentile, fields, rule);
  FillMinTrials(percentile, fields, rule);
}

void Fill(const v1::ThresholdStopping& threshold, Fields& fields,
          RuleSpec& rule) {
  const auto finite = [&](const char* name, bool is_set, double value) {
    if (!is_set) return std::optional<double>();
    fields.Check(name, value, std::isfinite(value), "a finite number");
    return std::optional<double>(value);
  };
  const auto factor = [&](const char* name, bool is_set, double value) {
    if (!is_set) return std::optional<double>();
    fields.Check(name, value, std::isfinite(value) && value > 1,
                 "finite, above 1");
    return std::optional<double>(value);
  };
  rule.lower = finite("lower", threshold.has_lower(), threshold.lower());
  rule.upper = finite("upper", threshold.has_upper(), threshold.upper());
  if (rule.lower && rule.upper) {
    fields.Check("lower", *rule.lower, *rule.lower <= *rule.upper,
                 "at most upper");
  }
  rule.best_factor = factor("best_factor", threshold.has_best_factor(),
                            threshold.best_factor());
  rule.first_factor = factor("first_factor", threshold.has_first_factor(),
                             threshold.first_factor());
  FillJudging(threshold, fields, rule);
}

void Fill(const v1::WilcoxonStopping& wilcoxon, Fields& fields,
          RuleSpec& rule) {
  rule.p = fields.ShareOrDefault("p", wilcoxon.p(), rule.p, 0.5);
  rule.min_pairs = fields.OrDefault("min_pairs", wilcoxon.min_pairs(),
                                    rule.min_pairs, 1, kMaxTrials);
}

void Fill(const v1::CurveStopping& curve, Fields& fields, RuleSpec& rule) {
  rule.max_steps = fields.From("max_steps", curve.max_steps(), 1);
  rule.chance =
      fields.ShareOrDefault("chance", curve.chance(), rule.chance, 0.5);
  FillJudging(curve, fields, rule);
  FillMinTrials(curve, fields, rule);
}

void Fill(const v1::AshaStopping& asha, Fields& fields, RuleSpec& rule) {
  rule.reduction =
      fields.OrDefault("reduction", asha.reduction(), rule.reduction, 2, 1'000);
  const int64_t two_before_the_end =
      asha.max_steps() / rule.reduction / rule.reduction;
  rule.min_steps = fields.OrDefault(
      "min_steps", asha.min_steps(),
      std::max(rule.min_steps, two_before_the_end), 1, kMaxSteps);
  rule.max_steps =
      asha.max_steps() == 0
          ? 0
          : fields.From("max_steps", asha.max_steps(), rule.min_steps + 1);
}

std::string RuleName(const v1::Stopping& message) {
  const auto* field =
      v1::Stopping::descriptor()->FindFieldByNumber(message.rule_case());
  return field == nullptr ? "" : field->name();
}

void Fill(const v1::Stopping& message, Fields& fields, RuleSpec& rule) {
  switch (message.rule_case()) {
    case v1::Stopping::kMedian:
      return Fill(message.median(), fields, rule);
    case v1::Stopping::kPatience:
      return Fill(message.patience(), fields, rule);
    case v1::Stopping::kPercentile:
      return Fill(message.percentile(), fields, rule);
    case v1::Stopping::kThreshold:
      return Fill(message.threshold(), fields, rule);
    case v1::Stopping::kWilcoxon:
      return Fill(message.wilcoxon(), fields, rule);
    case v1::Stopping::kCurve:
      return Fill(message.curve(), fields, rule);
    case v1::Stopping::kAsha:
      return Fill(message.asha(), fields, rule);
    case v1::Stopping::RULE_NOT_SET:
      return;
  }
}

absl::Status CheckMetric(const std::string& path, const std::string& name,
                         const std::vector<MetricSpec>& metrics) {
  const bool known = name.empty() || std::any_of(metrics.begin(), metrics.end(),
                                                 [&](const MetricSpec& metric) {
                                                   return metric.name == name;
                                                 });
  if (known) return absl::OkStatus();
  return Invalid(absl::StrCat(path, ".metric"), Quote(name),
                 "a metric of the study, or none for its objectives");
}

absl::StatusOr<RuleSpec> ToRule(const v1::Stopping& message,
                                const std::vector<MetricSpec>& metrics,
                                const std::string& path) {
  RuleSpec rule{.name = RuleName(message),
                .metric = message.metric(),
                .smoothing = message.smoothing()};
  ASSAY_RETURN_IF_ERROR(CheckMetric(path, rule.metric, metrics));
  Fields own(path);
  const bool may_smooth = rule.name != "wilcoxon" || rule.smoothing == 0;
  own.Check("smoothing", rule.smoothing, may_smooth,
            "none for wilcoxon, whose instances have no order");
  own.Check("smoothing", rule.smoothing,
            rule.smoothing >= 0 && rule.smoothing < 1, "at least 0, below 1");
  ASSAY_RETURN_IF_ERROR(own.status());
  Fields fields(absl::StrCat(path, ".", rule.name));
  Fill(message, fields, rule);
  ASSAY_RETURN_IF_ERROR(fields.status());
  return rule;
}

constexpr char kRules[] =
    "one of asha, curve, median, patience, percentile, threshold, wilcoxon, "
    "or a list any_of";

absl::StatusOr<StoppingSpec> ToRules(const v1::Stopping& message,
                                     const std::vector<MetricSpec>& metrics,
                                     const std::string& path) {
  if (message.rule_case() != v1::Stopping::RULE_NOT_SET) {
    return Invalid(path, absl::StrCat(RuleName(message), " and any_of"),
                   kRules);
  }
  if (!message.metric().empty() || message.smoothing() != 0) {
    return Invalid(path, "metric or smoothing beside any_of",
                   "inside of it, beside each rule");
  }
  if (message.any_of_size() > kMaxRules) {
    return Invalid(absl::StrCat(path, ".any_of"),
                   absl::StrCat(message.any_of_size()),
                   absl::StrCat("at most ", kMaxRules, " rules"));
  }
  StoppingSpec stopping;
  for (int i = 0; i < message.any_of_size(); ++i) {
    const v1::Stopping& one = message.any_of(i);
    const std::string place = absl::StrCat(path, ".any_of[", i, "]");
    if (one.any_of_size() > 0) {
      return Invalid(place, "another any_of", "one rule each");
    }
    if (one.rule_case() == v1::Stopping::RULE_NOT_SET) {
      return Invalid(place, "no rule", "one rule each");
    }
    ASSAY_ASSIGN_OR_RETURN(stopping.rules.emplace_back(),
                           ToRule(one, metrics, place));
  }
  return stopping;
}

}  // namespace

absl::StatusOr<StoppingSpec> ToStoppingSpec(
    const v1::Stopping& message, const std::vector<MetricSpec>& metrics,
    const std::string& path) {
  if (message.any_of_size() > 0) return ToRules(message, metrics, path);
  StoppingSpec stopping;
  if (message.rule_case() != v1::Stopping::RULE_NOT_SET) {
    ASSAY_ASSIGN_OR_RETURN(stopping.rules.emplace_back(),
                           ToRule(message, metrics, path));
  } else if (!message.metric().empty() || message.smoothing() != 0) {
    return Invalid(path, "a metric or smoothing without a rule", kRules);
  }
  return stopping;
}

absl::StatusOr<std::vector<StoppingSpec>> ToStoppingSpecs(
    const v1::ReplayRequest& request, const std::vector<MetricSpec>& metrics) {
  const int count = request.rules_size();
  if (count < 1 || count > kMaxRules) {
    return Invalid("rules", absl::StrCat(count),
                   absl::StrCat("1 to ", kMaxRules, " rules"));
  }
  std::vector<StoppingSpec> rules;
  for (int i = 0; i < count; ++i) {
    const std::string path = absl::StrCat("rules[", i, "]");
    ASSAY_ASSIGN_OR_RETURN(rules.emplace_back(),
                           ToStoppingSpec(request.rules(i), metrics, path));
    if (rules.back().empty()) return Invalid(path, "no rule", kRules);
  }
  return rules;
}

namespace {

v1::RuleReplay ToMessage(const RuleReplay& replay) {
  v1::RuleReplay message;
  for (const ReplayedStop& stop : replay.stops) {
    v1::ReplayedStop& one = *message.add_stops();
    one.set_number(stop.number);
    one.set_step(stop.step);
    one.set_reason(stop.reason);
    one.set_was_best(stop.was_best);
    one.set_steps_saved(stop.steps_saved);
    one.set_seconds_saved(stop.seconds_saved);
  }
  message.set_steps_saved(replay.steps_saved);
  message.set_seconds_saved(replay.seconds_saved);
  message.set_best_stopped(replay.best_stopped);
  if (replay.loss) message.set_loss(*replay.loss);
  return message;
}

}  // namespace

v1::ReplayResponse ToMessage(const std::vector<RuleReplay>& replays) {
  v1::ReplayResponse message;
  for (const RuleReplay& replay : replays) {
    *message.add_rules() = ToMessage(replay);
  }
  const RuleReplay& any = replays.front();
  message.set_trials(any.trials);
  message.set_already_stopped(any.already_stopped);
  message.set_steps(any.steps);
  message.set_seconds(any.seconds);
  message.mutable_best()->Add(any.best.begin(), any.best.end());
  if (any.best_value) message.set_best_value(*any.best_value);
  return message;
}

v1::SavingsResponse ToMessage(const Savings& savings) {
  v1::SavingsResponse message;
  message.set_stopped(savings.stopped);
  message.set_counted(savings.counted);
  message.set_max_steps(savings.max_steps);
  message.set_steps_saved(savings.steps);
  message.set_seconds_saved(savings.seconds);
  message.set_reload_seconds(savings.reload_seconds);
  message.set_spent_seconds(savings.spent_seconds);
  message.set_configurations_left(savings.schedule.configurations);
  message.set_schedule_steps_saved(savings.schedule.steps);
  message.set_schedule_seconds_saved(savings.schedule.seconds);
  if (!savings.loss) return message;
  v1::LossEstimate& loss = *message.mutable_loss();
  loss.set_judged(savings.loss->judged);
  loss.set_chance_better(savings.loss->chance_better);
  loss.set_expected(savings.loss->expected);
  loss.set_high(savings.loss->high);
  return message;
}

}  // namespace assay
