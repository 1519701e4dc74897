#include "client/cli/study_plots.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "client/cli/export.h"
#include "client/cli/format.h"
#include "client/cli/gnuplot.h"

namespace assay {
namespace {

constexpr int kMostParameters = 20;
constexpr int kWidth = 900;

// Told apart in black and white, and by those who do not see red and green.
constexpr char kInk[] = "'#3c4048'";
constexpr char kGrid[] = "'#e4e7eb'";
constexpr char kAxis[] = "'#8a8f98'";
constexpr char kBlue[] = "'#3b82d6'";
constexpr char kLightBlue[] = "'#a9cbf2'";
constexpr char kGray[] = "'#7b828d'";
constexpr char kOrange[] = "'#e8590c'";

// What all plots share.
std::string Head(const std::string& path, int height) {
  return absl::StrCat(
      "set encoding utf8\n"
      "set terminal svg noenhanced dynamic rounded size ",
      kWidth, ",", height,
      " font 'Helvetica,13' background '#ffffff'\n"
      "set output ",
      GnuplotText(path),
      "\n"
      "set format '%g'\n"
      "set border 3 linecolor rgb ",
      kAxis, "\nset tics nomirror out scale 0.6 textcolor rgb ", kInk,
      "\nset grid linecolor rgb ", kGrid,
      " linewidth 1 linetype 1\n"
      "set key outside bottom center horizontal samplen 2 height 1 textcolor "
      "rgb ",
      kInk, "\n");
}

std::string Title(const std::string& text) {
  return absl::StrCat("set title ", GnuplotText(text),
                      " font ',16' textcolor rgb '#1f2328'\n");
}

std::string AxisLabel(const char* axis, const std::string& text) {
  return absl::StrCat("set ", axis, "label ", GnuplotText(text),
                      " textcolor rgb ", kInk, "\n");
}

bool IsMaximized(const v1::Metric& metric) {
  return metric.goal() == v1::MAXIMIZE;
}

std::string WithGoal(const v1::Metric& metric) {
  return absl::StrCat(metric.name(), IsMaximized(metric)
                                         ? " (higher is better)"
                                         : " (lower is better)");
}

struct Point {
  double x = 0;
  double y = 0;
};

// Points under a name of gnuplot's.
std::string DataBlock(const char* name, const std::vector<Point>& points) {
  std::string block = absl::StrCat("$", name, " << EOD\n");
  for (const Point& point : points) {
    absl::StrAppend(&block, ExactNumber(point.x), " ", ExactNumber(point.y),
                    "\n");
  }
  return block + "EOD\n";
}

// The plots of those series that have points.
class Series {
 public:
  void Add(const char* name, const std::vector<Point>& points,
           const std::string& style, const char* title) {
    if (points.empty()) return;
    absl::StrAppend(&blocks_, DataBlock(name, points));
    plots_.push_back(
        absl::StrCat("$", name, " with ", style, " title '", title, "'"));
    for (const Point& point : points) {
      least_ = std::min(least_, point.y);
      most_ = std::max(most_, point.y);
    }
  }

  std::string Script() const {
    if (plots_.empty()) return "set yrange [0:1]\nplot NaN notitle\n";
    return absl::StrCat(blocks_, Scale(), "plot ",
                        absl::StrJoin(plots_, ", \\\n     "), "\n");
  }

 private:
  // A loss that falls by powers of ten is one.
  std::string Scale() const {
    constexpr double kManyTimes = 1000;
    const bool is_log = least_ > 0 && most_ > kManyTimes * least_;
    return absl::StrCat(is_log ? "set" : "unset", " logscale y\n");
  }

  std::string blocks_;
  std::vector<std::string> plots_;
  double least_ = std::numeric_limits<double>::infinity();
  double most_ = -std::numeric_limits<double>::infinity();
};

std::optional<double> ValueOf(const v1::Trial& trial,
                              const std::string& metric) {
  const auto found = trial.final_metrics().find(metric);
  if (found == trial.final_metrics().end() || !std::isfinite(found->second)) {
    return std::nullopt;
  }
  return found->second;
}

bool KeepsBounds(const v1::StudySpec& spec, const v1::Trial& trial) {
  return std::all_of(
      spec.metrics().begin(), spec.metrics().end(),
      [&](const v1::Metric& metric) {
        if (!metric.has_bound()) return true;
        const std::optional<double> value = ValueOf(trial, metric.name());
        return value && (IsMaximized(metric) ? *value >= metric.bound()
                                             : *value <= metric.bound());
      });
}

// The step to which a configuration is trained; 0 without a schedule.
int64_t FullBudget(const std::vector<v1::Trial>& trials) {
  int64_t steps = 0;
  for (const v1::Trial& trial : trials) {
    if (trial.state() != v1::Trial::COMPLETED) continue;
    steps = std::max(steps, trial.to_step());
  }
  return steps;
}

std::vector<Point> BestSoFar(const std::vector<Point>& completed,
                             const v1::Metric& metric, double last) {
  std::vector<Point> steps;
  for (const Point& point : completed) {
    const bool is_better =
        steps.empty() || (IsMaximized(metric) ? point.y > steps.back().y
                                              : point.y < steps.back().y);
    if (is_better) steps.push_back(point);
  }
  if (!steps.empty()) steps.push_back({last, steps.back().y});
  return steps;
}

std::string HistoryPanel(const v1::Study& study,
                         const std::vector<v1::Trial>& trials,
                         const v1::Metric& metric) {
  const int64_t full = FullBudget(trials);
  std::vector<Point> completed, shorter, out_of_bounds, stopped;
  double last = 0;
  for (const v1::Trial& trial : trials) {
    const std::optional<double> value = ValueOf(trial, metric.name());
    if (!value) continue;
    const Point point = {static_cast<double>(trial.number()), *value};
    last = std::max(last, point.x);
    if (trial.state() == v1::Trial::STOPPED) {
      stopped.push_back(point);
    } else if (trial.state() != v1::Trial::COMPLETED) {
      continue;
    } else if (trial.to_step() != full) {
      shorter.push_back(point);
    } else if (!KeepsBounds(study.spec(), trial)) {
      out_of_bounds.push_back(point);
    } else {
      completed.push_back(point);
    }
  }
  const auto points = [](int type, const char* color, const char* size) {
    return absl::StrCat("points pointtype ", type, " pointsize ", size,
                        " linewidth 1.3 linecolor rgb ", color);
  };
  Series series;
  series.Add("stopped", stopped, points(2, kGray, "0.55"), "stopped early");
  series.Add("shorter", shorter, points(7, kLightBlue, "0.45"), "trained less");
  series.Add("outside", out_of_bounds, points(6, kGray, "0.6"),
             "breaks a bound");
  series.Add("completed", completed, points(7, kBlue, "0.55"), "completed");
  series.Add("best", BestSoFar(completed, metric, last),
             absl::StrCat("steps linewidth 2.2 linecolor rgb ", kOrange),
             "best so far");
  return absl::StrCat(
      AxisLabel("y", WithGoal(metric)),
      absl::StrFormat("set xrange [-0.5:%g]\n", std::max(last, 1.0) + 0.5),
      "set offsets 0, 0, graph 0.04, graph 0.04\n", series.Script());
}

}  // namespace

std::vector<v1::Metric> ObjectivesOf(const v1::StudySpec& spec) {
  std::vector<v1::Metric> objectives;
  for (const v1::Metric& metric : spec.metrics()) {
    if (!metric.has_bound()) objectives.push_back(metric);
  }
  return objectives;
}

std::string HistoryPlot(const v1::Study& study,
                        const std::vector<v1::Trial>& trials,
                        const std::string& path) {
  constexpr int kPanelHeight = 440;
  const std::vector<v1::Metric> objectives = ObjectivesOf(study.spec());
  const int panels = std::max(1, static_cast<int>(objectives.size()));
  std::string script =
      absl::StrCat(Head(path, kPanelHeight * panels), AxisLabel("x", "trial"),
                   "set lmargin 11\nset multiplot layout ", panels, ",1\n");
  for (size_t i = 0; i < objectives.size(); ++i) {
    absl::StrAppend(&script,
                    i > 0 ? "unset title\n"
                          : Title(absl::StrCat(FormatName(study), ": ",
                                               trials.size(), " trials")),
                    HistoryPanel(study, trials, objectives[i]));
  }
  return script + "unset multiplot\n";
}

std::string ImportancePlot(const v1::Study& study,
                           const v1::ImportanceResponse& importance,
                           const std::string& path) {
  const int count = std::min(importance.parameters_size(), kMostParameters);
  std::string rows, names;
  for (int i = 0; i < count; ++i) {
    const v1::ParameterImportance& parameter = importance.parameters(i);
    const int place = count - 1 - i;
    absl::StrAppendFormat(&rows, "%d %.9g %.9g %.9g\n", place,
                          100 * parameter.total().value(),
                          100 * parameter.first_order().value(),
                          100 * parameter.total().standard_error());
    absl::StrAppend(&names, i > 0 ? ", " : "", GnuplotText(parameter.name()),
                    " ", place);
  }
  const int more = importance.parameters_size() - count;
  return absl::StrCat(
      Head(path, 170 + 34 * count),
      Title(absl::StrCat(FormatName(study), ": what decides about ",
                         importance.metric())),
      AxisLabel("x", absl::StrFormat(
                         "share of the variance, from %d configurations "
                         "(R² %.2f)%s",
                         importance.configurations(), importance.r_squared(),
                         more > 0 ? absl::StrCat("; ", more, " more parameters")
                                  : "")),
      "set border 1\nunset grid\nset grid x linecolor rgb ", kGrid,
      " linetype 1\nset format x '%.0f %%'\nset xrange [0:100]\n",
      absl::StrFormat("set yrange [-0.6:%g]\n", count - 0.4),
      "set style fill solid 1 noborder\nset ytics scale 0 (", names,
      ")\n$shares << EOD\n", rows, "EOD\n",
      "plot $shares using ($2/2):1:($2/2):(0.32) with boxxyerror linecolor "
      "rgb ",
      kLightBlue, " title 'with all interactions', \\\n",
      "     $shares using ($3/2):1:($3/2):(0.32) with boxxyerror linecolor "
      "rgb ",
      kBlue, " title 'alone', \\\n",
      "     $shares using 2:1:4 with xerrorbars pointtype 0 linewidth 1.2 "
      "linecolor rgb ",
      kInk, " title 'standard error'\n");
}

std::string ParetoPlot(const v1::Study& study,
                       const std::vector<v1::Trial>& trials,
                       const v1::OptimalResponse& optimal, const v1::Metric& x,
                       const v1::Metric& y, const std::string& path) {
  std::set<int64_t> on_front;
  for (const v1::Trial& trial : optimal.trials()) on_front.insert(trial.id());
  std::vector<Point> front, knee, others, out_of_bounds;
  for (const v1::Trial& trial : trials) {
    const std::optional<double> at_x = ValueOf(trial, x.name());
    const std::optional<double> at_y = ValueOf(trial, y.name());
    if (trial.state() != v1::Trial::COMPLETED || !at_x || !at_y) continue;
    const Point point = {*at_x, *at_y};
    if (trial.id() == optimal.knee_trial_id()) knee.push_back(point);
    if (on_front.contains(trial.id())) {
      front.push_back(point);
    } else {
      (KeepsBounds(study.spec(), trial) ? others : out_of_bounds)
          .push_back(point);
    }
  }
  std::sort(front.begin(), front.end(),
            [](const Point& a, const Point& b) { return a.x < b.x; });
  const bool is_curve = ObjectivesOf(study.spec()).size() == 2;
  Series series;
  series.Add("others", others,
             absl::StrCat("points pointtype 7 pointsize 0.5 linecolor rgb ",
                          kLightBlue),
             "completed");
  series.Add(
      "outside", out_of_bounds,
      absl::StrCat("points pointtype 6 pointsize 0.55 linecolor rgb ", kGray),
      "breaks a bound");
  series.Add("front", front,
             absl::StrCat(is_curve ? "linespoints" : "points",
                          " pointtype 7 pointsize 0.7 linewidth 1.6 linecolor "
                          "rgb ",
                          kOrange),
             "Pareto front");
  series.Add("knee", knee,
             absl::StrCat("points pointtype 6 pointsize 1.5 linewidth 2 "
                          "linecolor rgb ",
                          kInk),
             "knee");
  return absl::StrCat(
      Head(path, 560),
      Title(absl::StrCat(FormatName(study), ": ", front.size(),
                         " trials that none is better than in everything")),
      AxisLabel("x", WithGoal(x)), AxisLabel("y", WithGoal(y)),
      "set offsets graph 0.03, graph 0.03, graph 0.03, graph 0.03\n",
      series.Script());
}

}  // namespace assay
