#include "client/cli/watch_view.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cli/format.h"

namespace assay {
namespace {

constexpr int kPlotHeight = 6;
constexpr int kLabelWidth = 10;
constexpr int kMaxRunning = 8;
constexpr int kMaxBar = 60;
constexpr int kNumberWidth = 5;

bool IsBetter(const v1::Metric& metric, double a, double b) {
  return metric.goal() == v1::MAXIMIZE ? a > b : a < b;
}

bool HasEnded(v1::Trial::State state) {
  return state != v1::Trial::PENDING && state != v1::Trial::RUNNING;
}

std::string LastMeasurement(const v1::StudySpec& spec,
                            const v1::Measurement& measurement) {
  std::vector<std::string> parts = {absl::StrCat("step ", measurement.step())};
  for (const v1::Metric& metric : spec.metrics()) {
    const auto it = measurement.metrics().find(metric.name());
    if (it == measurement.metrics().end()) continue;
    parts.push_back(absl::StrCat(it->first, "=", FormatNumber(it->second)));
  }
  return absl::StrJoin(parts, "  ");
}

// How long until the budget is spent, if it goes on as it did.
std::string Estimate(const v1::Study& study) {
  const double share = Progress(study);
  if (study.state() != v1::Study::ACTIVE || share <= 0.02 || share >= 1) {
    return "";
  }
  return absl::StrCat(
      "about ", FormatDuration(study.seconds_used() * (1 - share) / share),
      " left");
}

std::string Headline(const v1::Study& study, const Look& look) {
  const bool over = study.state() == v1::Study::COMPLETED;
  std::string state = FormatState(study);
  if (over && !study.reason().empty()) {
    absl::StrAppend(&state, ": ", Printable(study.reason()));
  }
  const std::string name = Printable(FormatName(study));
  const int room = look.width - DisplayWidth(name) - 2;
  return absl::StrCat(Paint(name, Style::kBold, look), "  ",
                      Paint(Fit(state, std::max(0, room), look),
                            over ? Style::kGreen : Style::kCyan, look));
}

std::string ProgressLine(const v1::Study& study, const Look& look) {
  const double share = Progress(study);
  const std::string left = FormatProgress(study);
  std::vector<std::string> right = {FormatDuration(study.seconds_used())};
  if (const std::string estimate = Estimate(study); !estimate.empty()) {
    right.push_back(estimate);
  }
  std::string text = absl::StrCat(left, "  ", absl::StrJoin(right, ", "));
  if (share < 0) return Fit(text, look.width, look);
  const int percent = static_cast<int>(share * 100);
  text = absl::StrCat(percent, " %  ", text);
  // Not all the room that the text leaves: the bar shall not change with it.
  const int room = look.width - DisplayWidth(text) - 2;
  if (room < 8) return Fit(text, look.width, look);
  const int width = std::min({room, look.width / 3, kMaxBar});
  return absl::StrCat(Bar(share, width, look), "  ", text);
}

std::string CountsLine(const v1::StudyCounts& counts, const Look& look) {
  std::vector<std::string> parts;
  const auto add = [&](int64_t count, const char* what) {
    if (count > 0) parts.push_back(absl::StrCat(count, " ", what));
  };
  add(counts.completed(), "completed");
  add(counts.stopped(), "stopped early");
  add(counts.failed(), "failed");
  add(counts.infeasible(), "infeasible");
  add(counts.running(), "running");
  add(counts.pending(), "waiting");
  return Fit(absl::StrJoin(parts, ", "), look.width, look);
}

std::string BestLine(const WatchState& state, const Look& look) {
  const v1::Trial* best = state.best();
  if (best == nullptr) return "";
  const v1::Metric* objective = FirstObjective(state.study().spec());
  const std::string value =
      absl::StrCat("best ", Printable(objective->name()), " ",
                   FormatNumber(best->final_metrics().at(objective->name())),
                   " (trial ", best->number(), ")  ");
  const int room = look.width - DisplayWidth(value);
  if (room < 10) return Fit(value, look.width, look);
  return absl::StrCat(Paint(value, Style::kGreen, look),
                      FitWords(Printable(FormatParameters(*best)), room, look));
}

// The middle nine tenths of the values: one diverged trial shall not flatten
// all others. Always holds the best.
std::pair<double, double> PlotRange(const std::map<int64_t, double>& history) {
  std::vector<double> values;
  for (const auto& [number, value] : history) {
    if (std::isfinite(value)) values.push_back(value);
  }
  if (values.empty()) return {0, 0};
  std::sort(values.begin(), values.end());
  const size_t cut = values.size() / 20;
  return {values[values.front() == values[cut] ? 0 : cut],
          values[values.size() - 1 - cut]};
}

std::vector<std::string> HistoryPlot(const WatchState& state,
                                     const Look& look) {
  const auto& history = state.history();
  if (history.size() < 3) return {};
  auto [low, high] = PlotRange(history);
  const v1::Metric* objective = FirstObjective(state.study().spec());
  if (state.best() != nullptr && objective != nullptr) {
    const double best = state.best()->final_metrics().at(objective->name());
    low = std::min(low, best);
    high = std::max(high, best);
  }
  if (!(high > low)) return {};
  const double last = static_cast<double>(history.rbegin()->first);
  std::vector<PlotPoint> points;
  for (const auto& [number, value] : history) {
    if (!(value >= low && value <= high)) continue;
    points.push_back(
        {last > 0 ? number / last : 0, (value - low) / (high - low)});
  }
  const int width = std::min(look.width - kLabelWidth - 1, 100);
  if (width < 10) return {};
  std::vector<std::string> lines = Plot(points, width, kPlotHeight, look);
  for (size_t i = 0; i < lines.size(); ++i) {
    std::string label;
    if (i == 0) label = FormatNumber(high, 4);
    if (i + 1 == lines.size()) label = FormatNumber(low, 4);
    lines[i] = absl::StrCat(
        Paint(PadLeft(label, kLabelWidth, look), Style::kDim, look), " ",
        Paint(lines[i], Style::kCyan, look));
  }
  return lines;
}

std::string LastWords(const WatchState::Running& running) {
  return running.last.empty() ? "starting" : Printable(running.last);
}

// A third of the screen, or all that the longest needs if that leaves room for
// all parameters.
int WidthOfLastWords(const WatchState& state, const Look& look) {
  int words = 0, parameters = 0;
  for (const auto& [id, running] : state.running()) {
    words = std::max(words, DisplayWidth(LastWords(running)));
    parameters = std::max(
        parameters, DisplayWidth(Printable(FormatParameters(running.trial))));
  }
  const int room = look.width - kNumberWidth - 4 - parameters;
  const int third = std::min(36, std::max(8, look.width / 3));
  return std::max(third, std::min(words, room));
}

std::string RunningLine(const WatchState::Running& running, int words,
                        const Look& look) {
  const std::string head = absl::StrCat(
      PadLeft(absl::StrCat(running.trial.number()), kNumberWidth, look), "  ",
      PadRight(FitWords(LastWords(running), words, look), words, look), "  ");
  const int room = look.width - DisplayWidth(head);
  return absl::StrCat(
      Paint(head, Style::kCyan, look),
      room > 8
          ? FitWords(Printable(FormatParameters(running.trial)), room, look)
          : "");
}

std::vector<std::string> RunningLines(const WatchState& state, const Look& look,
                                      int room) {
  std::vector<std::string> lines;
  const int count = static_cast<int>(state.running().size());
  const int shown = std::max(0, std::min({count, room, kMaxRunning}));
  const int words = WidthOfLastWords(state, look);
  for (const auto& [id, running] : state.running()) {
    if (static_cast<int>(lines.size()) == shown) break;
    lines.push_back(RunningLine(running, words, look));
  }
  if (count > shown && shown > 0) {
    lines.push_back(absl::StrCat("       and ", count - shown, " more"));
  }
  return lines;
}

}  // namespace

std::vector<v1::Trial> WatchState::Take(const v1::WatchStudyResponse& message) {
  if (message.has_study()) study_ = message.study();
  if (message.snapshot() && message.has_study()) {
    running_.clear();
    history_.clear();
    ended_.clear();
    has_best_ = false;
  }
  std::vector<v1::Trial> news;
  for (const v1::Trial& trial : message.trials()) {
    const bool is_new = HasEnded(trial.state()) && !ended_.contains(trial.id());
    TakeTrial(trial);
    if (is_new && !message.snapshot()) news.push_back(trial);
  }
  for (const v1::TrialMeasurement& one : message.measurements()) {
    const auto it = running_.find(one.trial_id());
    if (it == running_.end()) continue;
    it->second.last = LastMeasurement(study_.spec(), one.measurement());
  }
  revision_ = message.revision();
  in_snapshot_ = message.snapshot();
  return news;
}

void WatchState::TakeTrial(const v1::Trial& trial) {
  if (trial.state() == v1::Trial::RUNNING) {
    Running& running = running_[trial.id()];
    if (running.trial.attempts() != trial.attempts()) running.last.clear();
    running.trial = trial;
    return;
  }
  running_.erase(trial.id());
  if (!HasEnded(trial.state())) return;
  ended_[trial.id()] = trial.state();
  const v1::Metric* objective = FirstObjective(study_.spec());
  if (objective == nullptr) return;
  const auto value = trial.final_metrics().find(objective->name());
  if (value == trial.final_metrics().end()) return;
  history_[trial.number()] = value->second;
  if (trial.state() != v1::Trial::COMPLETED || std::isnan(value->second)) {
    return;
  }
  if (!has_best_ || IsBetter(*objective, value->second,
                             best_.final_metrics().at(objective->name()))) {
    best_ = trial;
    has_best_ = true;
  }
}

std::vector<std::string> RenderWatch(const WatchState& state, const Look& look,
                                     int height) {
  const v1::Study& study = state.study();
  std::vector<std::string> lines = {Headline(study, look),
                                    ProgressLine(study, look),
                                    CountsLine(study.counts(), look)};
  if (const std::string best = BestLine(state, look); !best.empty()) {
    lines.push_back(best);
  }
  if (!study.waiting().empty() && study.state() == v1::Study::ACTIVE &&
      study.counts().running() == 0) {
    lines.push_back(
        Paint(Fit(absl::StrCat("waiting: ", Printable(study.waiting())),
                  look.width, look),
              Style::kYellow, look));
  }
  const std::vector<std::string> plot = HistoryPlot(state, look);
  const int used = static_cast<int>(lines.size());
  if (used + static_cast<int>(plot.size()) + 3 < height) {
    lines.insert(lines.end(), plot.begin(), plot.end());
  }
  const int room = height - static_cast<int>(lines.size()) - 2;
  for (std::string& line : RunningLines(state, look, room)) {
    lines.push_back(std::move(line));
  }
  return lines;
}

std::string RenderEnded(const v1::StudySpec& spec, const v1::Trial& trial,
                        const Look& look) {
  const std::string number = PadLeft(absl::StrCat(trial.number()), 5, look);
  const std::string state = PadRight(FormatState(trial.state()), 10, look);
  const bool good = trial.state() == v1::Trial::COMPLETED;
  std::string rest = Printable(FormatMetrics(spec, trial));
  if (!good && !trial.reason().empty()) {
    absl::StrAppend(&rest, rest.empty() ? "" : "  ", "(",
                    Printable(trial.reason()), ")");
  }
  absl::StrAppend(&rest, "  ", Printable(FormatParameters(trial)));
  const int room = look.width - 5 - 10 - 4;
  return absl::StrCat(
      number, "  ", Paint(state, StyleOf(trial.state()), look), "  ",
      look.width > 0 ? Fit(rest, std::max(0, room), look) : rest);
}

}  // namespace assay
