#include <CLI/CLI.hpp>
#include <memory>
#include <ostream>

#include "client/cli/command.h"
#include "client/cli/connection.h"
#include "client/cli/insight_view.h"
#include "client/cli/json.h"
#include "client/cli/parameter_arguments.h"
#include "client/cli/study_file.h"
#include "search/base/status_macros.h"

namespace assay {
namespace {

// Models are fitted while we wait, and others' before ours.
constexpr absl::Duration kPatience = absl::Minutes(2);

void Print(Context& context, const std::vector<std::string>& lines) {
  for (const std::string& line : lines) context.out << line << "\n";
}

struct Options {
  std::string study, metric;
  std::vector<std::string> parameters;
  int count = 10;
  std::vector<std::string> stopping;
};

absl::StatusOr<ExitCode> ShowImportance(Context& context,
                                        const Options& options) {
  const Connection connection(context.server);
  v1::ImportanceRequest request;
  request.set_study(options.study);
  request.set_metric(options.metric);
  ASSAY_ASSIGN_OR_RETURN(const v1::ImportanceResponse response,
                         connection.Call(&v1::InsightService::Stub::Importance,
                                         request, kPatience));
  if (context.json) {
    context.out << ToJson(response).dump(2) << "\n";
  } else {
    Print(context, ImportanceLines(response, context.look));
  }
  return kExitOk;
}

absl::StatusOr<ExitCode> ShowPrediction(Context& context,
                                        const Options& options) {
  const Connection connection(context.server);
  v1::PredictRequest request;
  request.set_study(options.study);
  ASSAY_RETURN_IF_ERROR(ParseParameters(
      options.parameters, *request.add_configurations()->mutable_parameters()));
  ASSAY_ASSIGN_OR_RETURN(
      const v1::PredictResponse response,
      connection.Call(&v1::InsightService::Stub::Predict, request, kPatience));
  if (context.json) {
    context.out << ToJson(response).dump(2) << "\n";
    return kExitOk;
  }
  ASSAY_ASSIGN_OR_RETURN(const v1::Study study,
                         GetStudy(connection, options.study));
  Print(context, PredictionLines(study.spec(), response, context.look));
  return kExitOk;
}

absl::StatusOr<ExitCode> ShowQuality(Context& context, const Options& options) {
  const Connection connection(context.server);
  v1::QualityRequest request;
  request.set_study(options.study);
  request.set_metric(options.metric);
  ASSAY_ASSIGN_OR_RETURN(
      const v1::QualityResponse response,
      connection.Call(&v1::InsightService::Stub::Quality, request, kPatience));
  if (context.json) {
    context.out << ToJson(response).dump(2) << "\n";
  } else {
    Print(context, QualityLines(response, options.count, context.look));
  }
  return kExitOk;
}

absl::StatusOr<ExitCode> ShowReplay(Context& context, const Options& options) {
  const Connection connection(context.server);
  v1::ReplayRequest request;
  request.set_study(options.study);
  for (const std::string& text : options.stopping) {
    ASSAY_ASSIGN_OR_RETURN(*request.add_rules(), ReadStopping(text));
  }
  ASSAY_ASSIGN_OR_RETURN(
      const v1::ReplayResponse response,
      connection.Call(&v1::InsightService::Stub::Replay, request, kPatience));
  if (context.json) {
    context.out << ToJson(response).dump(2) << "\n";
  } else {
    Print(context, ReplayLines(response, options.stopping, context.look));
  }
  return kExitOk;
}

absl::StatusOr<ExitCode> ShowSavings(Context& context, const Options& options) {
  const Connection connection(context.server);
  v1::SavingsRequest request;
  request.set_study(options.study);
  ASSAY_ASSIGN_OR_RETURN(
      const v1::SavingsResponse response,
      connection.Call(&v1::InsightService::Stub::Savings, request, kPatience));
  if (context.json) {
    context.out << ToJson(response).dump(2) << "\n";
  } else {
    Print(context, SavingsLines(response));
  }
  return kExitOk;
}

using Show = absl::StatusOr<ExitCode> (*)(Context&, const Options&);

CLI::App* AddShow(CLI::App* group, const char* name, const char* help,
                  Show show, const std::shared_ptr<Options>& options,
                  Command& command) {
  CLI::App* app = group->add_subcommand(name, help);
  app->add_option("study", options->study, "Its name, owner/name, or id")
      ->required();
  app->callback([&command, options, show] {
    command = [options, show](Context& c) { return show(c, *options); };
  });
  return app;
}

}  // namespace

void AddInsightCommands(CLI::App& app, Command& command) {
  CLI::App* group = app.get_subcommand("study");
  const auto options = std::make_shared<Options>();
  const auto add = [&](const char* name, const char* help, Show show) {
    return AddShow(group, name, help, show, options, command);
  };
  const char* metric = "A metric of the study; else the first objective";
  add("importance", "Which parameters decide about a metric", ShowImportance)
      ->add_option("--metric", options->metric, metric);
  add("predict", "What a configuration would measure", ShowPrediction)
      ->add_option("parameters", options->parameters,
                   "NAME=VALUE of each active parameter")
      ->required();
  CLI::App* quality = add(
      "quality", "How far the model of a metric can be trusted", ShowQuality);
  quality->add_option("--metric", options->metric, metric);
  quality
      ->add_option("-n,--count", options->count,
                   "Trials to show, those predicted worst")
      ->check(CLI::Range(0, 1000))
      ->capture_default_str();
  add("replay", "What other early-stopping rules would have done", ShowReplay)
      ->add_option("--stopping", options->stopping,
                   "A rule as in a study file, such as {median: {}}, or a file "
                   "with one; may be repeated")
      ->required()
      ->allow_extra_args(false);
  add("savings",
      "What early stopping and the schedule have saved, and may have cost",
      ShowSavings);
}

}  // namespace assay
