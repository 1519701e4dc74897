#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <memory>
#include <ostream>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "client/cli/command.h"
#include "client/cli/connection.h"
#include "client/cli/format.h"
#include "client/cli/gnuplot.h"
#include "client/cli/study_export.h"
#include "client/cli/study_plots.h"
#include "search/base/status_macros.h"

namespace assay {
namespace {

namespace fs = std::filesystem;

constexpr absl::Duration kPatience = absl::Minutes(2);

struct Options {
  std::string study;
  std::string folder = ".";
};

// "ann/fashion cnn" -> "ann_fashion_cnn".
std::string FileName(std::string name) {
  for (char& c : name) {
    const bool is_plain =
        absl::ascii_isalnum(c) || c == '-' || c == '_' || c == '.';
    if (!is_plain) c = '_';
  }
  return name;
}

// Draws plots of one study into a folder and says which.
class Plotter {
 public:
  Plotter(Context& context, const Options& options)
      : context_(context),
        connection_(context.server),
        folder_(options.folder) {}

  absl::Status DrawAll(const std::string& name) {
    ASSAY_ASSIGN_OR_RETURN(exported_, FetchStudy(connection_, name));
    std::error_code error;
    fs::create_directories(folder_, error);
    if (error) {
      return absl::InvalidArgumentError(
          absl::StrCat("--out ", folder_.string(), ": ", error.message()));
    }
    ASSAY_RETURN_IF_ERROR(Draw("history", [&](const std::string& path) {
      return HistoryPlot(exported_.study, exported_.trials, path);
    }));
    ASSAY_RETURN_IF_ERROR(DrawImportance());
    return DrawPareto();
  }

 private:
  template <typename Script>
  absl::Status Draw(const std::string& what, Script script) {
    const std::string path =
        (folder_ / absl::StrCat(FileName(FormatName(exported_.study)), "-",
                                FileName(what), ".svg"))
            .string();
    ASSAY_RETURN_IF_ERROR(RunGnuplot(script(path)));
    context_.out << path << "\n";
    return absl::OkStatus();
  }

  // A study that is too young for it has its other plots.
  absl::Status DrawImportance() {
    v1::ImportanceRequest request;
    request.set_study(absl::StrCat(exported_.study.id()));
    const absl::StatusOr<v1::ImportanceResponse> importance = connection_.Call(
        &v1::InsightService::Stub::Importance, request, kPatience);
    if (absl::IsFailedPrecondition(importance.status())) {
      context_.error << "no plot of importance: "
                     << Printable(importance.status().message()) << "\n";
      return absl::OkStatus();
    }
    ASSAY_RETURN_IF_ERROR(importance.status());
    return Draw("importance", [&](const std::string& path) {
      return ImportancePlot(exported_.study, *importance, path);
    });
  }

  // Of each pair of objectives.
  absl::Status DrawPareto() {
    const std::vector<v1::Metric> objectives =
        ObjectivesOf(exported_.study.spec());
    if (objectives.size() < 2) return absl::OkStatus();
    v1::OptimalRequest request;
    request.set_study(absl::StrCat(exported_.study.id()));
    ASSAY_ASSIGN_OR_RETURN(
        const v1::OptimalResponse optimal,
        connection_.Call(&v1::StudyService::Stub::Optimal, request, kPatience));
    for (size_t i = 0; i < objectives.size(); ++i) {
      for (size_t j = i + 1; j < objectives.size(); ++j) {
        ASSAY_RETURN_IF_ERROR(DrawPair(optimal, objectives[i], objectives[j]));
      }
    }
    return absl::OkStatus();
  }

  absl::Status DrawPair(const v1::OptimalResponse& optimal, const v1::Metric& x,
                        const v1::Metric& y) {
    return Draw(absl::StrCat("pareto-", x.name(), "-", y.name()),
                [&](const std::string& path) {
                  return ParetoPlot(exported_.study, exported_.trials, optimal,
                                    x, y, path);
                });
  }

  Context& context_;
  const Connection connection_;
  const fs::path folder_;
  ExportedStudy exported_;
};

}  // namespace

void AddPlotCommand(CLI::App& app, Command& command) {
  const auto options = std::make_shared<Options>();
  CLI::App* plot = app.get_subcommand("study")->add_subcommand(
      "plot", "Draws history, importance and Pareto front as SVG, by gnuplot");
  plot->add_option("study", options->study, "Its name, owner/name, or id")
      ->required();
  plot->add_option("--out", options->folder, "Where the files go; made if new")
      ->type_name("FOLDER")
      ->capture_default_str();
  plot->callback([&command, options] {
    command = [options](Context& context) -> absl::StatusOr<ExitCode> {
      Plotter plotter(context, *options);
      ASSAY_RETURN_IF_ERROR(plotter.DrawAll(options->study));
      return kExitOk;
    };
  });
}

}  // namespace assay
