#include "client/cli/insight_view.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
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

}  // namespace assay
