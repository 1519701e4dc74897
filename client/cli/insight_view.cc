#include "client/cli/insight_view.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "client/cli/format.h"
#include "client/cli/table.h"

namespace assay {
namespace {

constexpr int kBarWidth = 20;
// Of R^2 and of the rank correlation.
constexpr double kGood = 0.7;
constexpr double kPoor = 0.3;

// "0.56 +- 0.02"
std::string ShareText(const v1::Share& share) {
  return absl::StrFormat("%.2f +- %.2f", share.value(), share.standard_error());
}

std::string IntervalText(const v1::Interval& interval) {
  return absl::StrCat(FormatNumber(interval.low()), " to ",
                      FormatNumber(interval.high()));
}

std::string Percent(double share) {
  return absl::StrFormat("%.0f %%", 100 * share);
}

void Append(std::vector<std::string> more, std::vector<std::string>& lines) {
  for (std::string& line : more) lines.push_back(std::move(line));
}

// How far it lies outside, as a multiple of the way to the end of its interval.
double Surprise(const v1::LeftOutTrial& trial) {
  const v1::MetricPrediction& said = trial.predicted();
  const double error = trial.observed() - said.median();
  const double reach = error < 0 ? said.median() - said.most().low()
                                 : said.most().high() - said.median();
  return reach > 0 ? std::abs(error) / reach : std::abs(error) * 1e300;
}

std::vector<v1::LeftOutTrial> WorstOf(const v1::QualityResponse& response,
                                      int count) {
  std::vector<v1::LeftOutTrial> trials(response.trials().begin(),
                                       response.trials().end());
  std::stable_sort(trials.begin(), trials.end(),
                   [](const v1::LeftOutTrial& a, const v1::LeftOutTrial& b) {
                     return Surprise(a) > Surprise(b);
                   });
  if (static_cast<int>(trials.size()) > count) trials.resize(count);
  return trials;
}

std::vector<std::string> WorstLines(const v1::QualityResponse& response,
                                    int count, const Look& look) {
  Table table({{"number", true},
               {"runs", true},
               {"observed", true},
               {"predicted", true},
               {"90 % interval"},
               {""}});
  for (const v1::LeftOutTrial& trial : WorstOf(response, count)) {
    const bool outside = Surprise(trial) > 1;
    table.AddRow({{absl::StrCat(trial.number())},
                  {absl::StrCat(trial.runs())},
                  {FormatNumber(trial.observed())},
                  {FormatNumber(trial.predicted().median())},
                  {IntervalText(trial.predicted().most())},
                  {outside ? "outside" : "", Style::kYellow}});
  }
  return table.Lines(look);
}

}  // namespace

std::vector<std::string> ImportanceLines(const v1::ImportanceResponse& response,
                                         const Look& look) {
  std::vector<std::string> lines = {
      Paint(absl::StrFormat(
                "what decides about %s, from %d configurations (R^2 %.2f)",
                Printable(response.metric()), response.configurations(),
                response.r_squared()),
            Style::kBold, look)};
  Table table({{"parameter", false, true},
               {"total", true},
               {""},
               {"alone", true},
               {"within best 10 %", true}});
  for (const v1::ParameterImportance& parameter : response.parameters()) {
    table.AddRow(
        {{parameter.name(), Style::kCyan},
         {ShareText(parameter.total())},
         {Bar(parameter.total().value(), kBarWidth, look)},
         {ShareText(parameter.first_order())},
         {parameter.has_within_best() ? ShareText(parameter.within_best())
                                      : "-"}});
  }
  Append(table.Lines(look), lines);
  lines.push_back(Paint(
      "Shares of the variance over the whole space: with all interactions "
      "(total), and alone.",
      Style::kDim, look));
  if (response.transformed()) {
    lines.push_back(Paint(
        "A few extreme values make the variance: here the worse half counts by "
        "rank, the better half by the logarithm of the distance from the best.",
        Style::kYellow, look));
  }
  if (response.r_squared() < kGood) {
    lines.push_back(
        Paint(absl::StrFormat("The model explains %s of the metric: take small "
                              "shares with care.",
                              Percent(response.r_squared())),
              Style::kYellow, look));
  }
  return lines;
}

std::vector<std::string> PredictionLines(const v1::StudySpec& spec,
                                         const v1::PredictResponse& response,
                                         const Look& look) {
  const v1::Prediction& prediction = response.predictions(0);
  Table table({{"metric", false, true},
               {"median", true},
               {"50 % interval"},
               {"90 % interval"},
               {"keeps bound", true},
               {"R^2", true}});
  std::vector<std::string> missing;
  for (const v1::Metric& metric : spec.metrics()) {
    const std::string& name = metric.name();
    const auto found = prediction.metrics().find(name);
    if (found == prediction.metrics().end()) {
      const auto why = response.missing().find(name);
      if (why == response.missing().end()) continue;
      missing.push_back(
          Paint(absl::StrCat(Printable(name), ": ", Printable(why->second)),
                Style::kYellow, look));
      continue;
    }
    const v1::MetricPrediction& said = found->second;
    table.AddRow({{name, Style::kCyan},
                  {FormatNumber(said.median()), Style::kBold},
                  {IntervalText(said.half())},
                  {IntervalText(said.most())},
                  {said.has_keeps_bound() ? Percent(said.keeps_bound()) : ""},
                  {FormatNumber(response.r_squared().at(name), 2)}});
  }
  std::vector<std::string> lines = table.Lines(look);
  if (prediction.has_keeps_bounds()) {
    lines.push_back(absl::StrCat("keeps every bound: ",
                                 Percent(prediction.keeps_bounds())));
  }
  Append(std::move(missing), lines);
  return lines;
}

std::string TrustInWords(const v1::QualityResponse& response) {
  if (response.r_squared() >= kGood) {
    return "yes: it explains most of the metric";
  }
  if (response.r_squared() >= kPoor) {
    return "roughly: it knows the trends; a single prediction is good to its "
           "interval";
  }
  if (response.rank_correlation() >= kGood) {
    return "no, but for the order: it tells good from bad, and misses the size "
           "of extreme values";
  }
  return "no: it says little more than the mean of the trials; more trials may "
         "help, unless the metric is mostly noise";
}

std::vector<std::string> QualityLines(const v1::QualityResponse& response,
                                      int count, const Look& look) {
  const bool good = response.r_squared() >= kPoor;
  Table figures({{absl::StrCat("model of ", Printable(response.metric()))},
                 {"", false, true}});
  figures.AddRow({{"configurations"}, {absl::StrCat(response.trials_size())}});
  figures.AddRow({{"R^2, left out"}, {FormatNumber(response.r_squared(), 3)}});
  figures.AddRow(
      {{"rank correlation"}, {FormatNumber(response.rank_correlation(), 3)}});
  figures.AddRow({{"log score"}, {FormatNumber(response.log_score(), 4)}});
  figures.AddRow(
      {{"50 % intervals hold"}, {Percent(response.coverage_half())}});
  figures.AddRow(
      {{"90 % intervals hold"}, {Percent(response.coverage_most())}});
  figures.AddRow(
      {{"can it be trusted"},
       {TrustInWords(response), good ? Style::kGreen : Style::kYellow}});
  std::vector<std::string> lines = figures.Lines(look);
  if (count == 0 || response.trials().empty()) return lines;
  lines.push_back("");
  lines.push_back(absl::StrCat("the ", std::min(count, response.trials_size()),
                               " predicted worst, each from all others:"));
  Append(WorstLines(response, count, look), lines);
  return lines;
}

namespace {

std::string ShareOf(double part, double whole) {
  return whole > 0 ? Percent(part / whole) : "";
}

std::string BestText(const v1::ReplayResponse& response) {
  if (response.best().empty()) return "no trial is COMPLETED";
  const bool is_one = response.best_size() == 1;
  return absl::StrCat("best: trial", is_one ? " " : "s ",
                      absl::StrJoin(response.best(), ", "), ", ",
                      FormatNumber(response.best_value()));
}

std::string StoppedBestText(const v1::ReplayResponse& response,
                            const v1::RuleReplay& rule) {
  if (response.best().empty()) return "";
  if (rule.best_stopped() == 0) return "no";
  if (response.best_size() == 1) return "yes";
  return absl::StrCat(rule.best_stopped(), " of ", response.best_size());
}

std::vector<std::string> StopLines(const v1::RuleReplay& rule,
                                   const Look& look) {
  Table table({{"number", true},
               {"step", true},
               {"saves", true},
               {""},
               {"why", false, true}});
  for (const v1::ReplayedStop& stop : rule.stops()) {
    table.AddRow({{absl::StrCat(stop.number())},
                  {absl::StrCat(stop.step())},
                  {absl::StrCat(stop.steps_saved(), " steps")},
                  {stop.was_best() ? "the best" : "", Style::kYellow},
                  {stop.reason()}});
  }
  return table.Lines(look);
}

std::string SavedText(double seconds) {
  return absl::StrCat(seconds < 0 ? "lost " : "saved ",
                      FormatDuration(std::abs(seconds)), " of training");
}

std::string LessReloading(double seconds) {
  if (seconds <= 0) return "";
  return absl::StrCat(", less ", FormatDuration(seconds),
                      " to load checkpoints");
}

std::string StoppedText(const v1::SavingsResponse& response) {
  const std::string stopped =
      absl::StrCat(response.stopped(), " trials stopped early");
  if (response.counted() == 0) {
    return absl::StrCat(stopped, "; what they would have run is not known");
  }
  const bool has_schedule = response.configurations_left() > 0;
  return absl::StrCat(
      stopped, ", ", SavedText(response.seconds_saved()), " (",
      response.steps_saved(), " steps to step ", response.max_steps(),
      has_schedule ? "" : LessReloading(response.reload_seconds()),
      "), beside ", FormatDuration(response.spent_seconds()), " spent");
}

std::string ScheduleText(const v1::SavingsResponse& response) {
  return absl::StrCat(response.configurations_left(),
                      " configurations left below step ", response.max_steps(),
                      " by the schedule, ",
                      SavedText(response.schedule_seconds_saved()), " (",
                      response.schedule_steps_saved(), " steps",
                      LessReloading(response.reload_seconds()), "), beside ",
                      FormatDuration(response.spent_seconds()), " spent");
}

std::string LossText(const v1::LossEstimate& loss) {
  return absl::StrCat(
      "had they gone on, one had become the best with a chance of ",
      Percent(loss.chance_better()), ": better by ",
      FormatNumber(loss.expected()), " on average, by ",
      FormatNumber(loss.high()), " at most (95 %, of ", loss.judged(),
      " trials)");
}

}  // namespace

std::vector<std::string> ReplayLines(const v1::ReplayResponse& response,
                                     const std::vector<std::string>& names,
                                     const Look& look) {
  std::vector<std::string> lines = {absl::StrCat(
      response.trials(), " trials, ", response.steps(), " steps, ",
      FormatDuration(response.seconds()), "; ", BestText(response))};
  if (response.already_stopped() > 0) {
    lines.push_back(absl::StrCat(
        response.already_stopped(),
        " of them were stopped already: what they would have done later is "
        "not known"));
  }
  Table table({{"rule"},
               {"stops", true},
               {"steps saved", true},
               {""},
               {"time saved", true},
               {""},
               {"stops the best"},
               {"loss", true}});
  for (int i = 0; i < response.rules_size(); ++i) {
    const v1::RuleReplay& rule = response.rules(i);
    const double steps = static_cast<double>(rule.steps_saved());
    table.AddRow(
        {{names[i]},
         {absl::StrCat(rule.stops_size())},
         {absl::StrCat(rule.steps_saved())},
         {ShareOf(steps, static_cast<double>(response.steps()))},
         {FormatDuration(rule.seconds_saved())},
         {ShareOf(rule.seconds_saved(), response.seconds())},
         {StoppedBestText(response, rule),
          rule.best_stopped() > 0 ? Style::kYellow : Style::kPlain},
         {rule.has_loss() ? FormatNumber(rule.loss()) : "no trial left"}});
  }
  Append(table.Lines(look), lines);
  if (response.rules_size() == 1 && response.rules(0).stops_size() > 0) {
    lines.push_back("");
    Append(StopLines(response.rules(0), look), lines);
  }
  return lines;
}

std::vector<std::string> SavingsLines(const v1::SavingsResponse& response) {
  std::vector<std::string> lines;
  if (response.stopped() > 0) lines.push_back(StoppedText(response));
  if (response.configurations_left() > 0) {
    lines.push_back(ScheduleText(response));
  }
  if (lines.empty()) return {"the rule has stopped no trial"};
  if (response.has_loss()) lines.push_back(LossText(response.loss()));
  return lines;
}

}  // namespace assay
