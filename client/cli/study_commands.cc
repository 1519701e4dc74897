#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <fstream>
#include <memory>
#include <ostream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cli/best.h"
#include "client/cli/command.h"
#include "client/cli/connection.h"
#include "client/cli/export.h"
#include "client/cli/format.h"
#include "client/cli/insight_view.h"
#include "client/cli/json.h"
#include "client/cli/retrain.h"
#include "client/cli/rung_table.h"
#include "client/cli/study_export.h"
#include "client/cli/study_file.h"
#include "client/cli/table.h"
#include "client/cli/watch.h"
#include "search/base/status_macros.h"

namespace assay {
namespace {

volatile std::sig_atomic_t interrupted = 0;

void Print(Context& context, const std::vector<std::string>& lines) {
  for (const std::string& line : lines) context.out << line << "\n";
}

void PrintJson(Context& context, const google::protobuf::Message& message) {
  context.out << ToJson(message).dump(2) << "\n";
}

// --- create, list, show -----------------------------------------------------

// "ada/mnist (id 3, SIMILAR): 40 of 42 trials; 2 not: lr is not in its ...".
std::string DescribeEarlier(const v1::EarlierStudy& earlier) {
  std::string text = absl::StrCat(
      earlier.name(), " (id ", earlier.id(), ", ",
      v1::Trust_Name(earlier.trust()), ", as of revision ", earlier.revision(),
      "): ", earlier.used(), " of ", earlier.ended(), " trials");
  for (const v1::UnusedTrials& unused : earlier.unused()) {
    absl::StrAppend(&text, "; ", unused.count(), " not: ", unused.reason());
  }
  return text;
}

absl::StatusOr<ExitCode> Create(Context& context, const std::string& file) {
  v1::CreateStudyRequest request;
  ASSAY_ASSIGN_OR_RETURN(*request.mutable_spec(), ReadStudyFile(file));
  const Connection connection(context.server);
  ASSAY_ASSIGN_OR_RETURN(
      const v1::Study study,
      connection.Call(&v1::StudyService::Stub::Create, request));
  if (context.json) {
    PrintJson(context, study);
    return kExitOk;
  }
  const bool is_new = study.revision() == 1;
  context.out << (is_new ? "created study " : "there already: study ")
              << Printable(FormatName(study)) << " (id " << study.id()
              << ", seed " << study.seed() << ")\n"
              << "  assay study watch " << Printable(FormatName(study)) << "\n";
  for (const v1::EarlierStudy& earlier : study.earlier()) {
    context.out << "  learns from " << Printable(DescribeEarlier(earlier))
                << "\n";
  }
  if (!study.waiting().empty()) {
    context.out << Paint(
                       absl::StrCat("  waiting: ", Printable(study.waiting())),
                       Style::kYellow, context.look)
                << "\n";
  }
  return kExitOk;
}

// Calls `use` with each study that passes the filter.
template <typename Use>
absl::Status EachStudy(const Connection& connection, const std::string& filter,
                       Use use) {
  v1::ListStudiesRequest request;
  request.set_filter(filter);
  request.set_page_size(1000);
  while (true) {
    ASSAY_ASSIGN_OR_RETURN(
        const v1::ListStudiesResponse page,
        connection.Call(&v1::StudyService::Stub::List, request));
    for (const v1::Study& study : page.studies()) use(study);
    if (page.next_page_token().empty()) return absl::OkStatus();
    request.set_page_token(page.next_page_token());
  }
}

absl::StatusOr<ExitCode> List(Context& context, const std::string& filter) {
  const Connection connection(context.server);
  Table table({{"id", true},
               {"name", false, true},
               {"state"},
               {"ended", true},
               {"running", true},
               {"failed", true},
               {"created"},
               {"why", false, true}});
  auto json = nlohmann::ordered_json::array();
  ASSAY_RETURN_IF_ERROR(
      EachStudy(connection, filter, [&](const v1::Study& study) {
        if (context.json) json.push_back(ToJson(study));
        const std::string& why = study.state() == v1::Study::ACTIVE
                                     ? study.waiting()
                                     : study.reason();
        table.AddRow({{absl::StrCat(study.id())},
                      {FormatName(study)},
                      {FormatState(study)},
                      {absl::StrCat(Ended(study.counts()))},
                      {absl::StrCat(study.counts().running())},
                      {absl::StrCat(study.counts().failed())},
                      {FormatTime(study.created())},
                      {why, Style::kDim}});
      }));
  if (context.json) {
    context.out << json.dump(2) << "\n";
  } else {
    Print(context, table.Lines(context.look));
  }
  return kExitOk;
}

void AddBudgetRows(Table& table, const v1::Study& study) {
  const v1::Budget& budget = study.spec().budget();
  const v1::StudyCounts& counts = study.counts();
  const auto add = [&](const char* name, double used, double limit) {
    table.AddRow(
        {{absl::StrCat("  ", name)},
         {absl::StrCat(FormatNumber(used), " of ", FormatNumber(limit))}});
  };
  if (budget.has_max_trials()) {
    add("max_trials", counts.configurations(), budget.max_trials());
  }
  if (budget.has_max_parallel()) {
    add("max_parallel", counts.running(), budget.max_parallel());
  }
  if (budget.has_max_seconds()) {
    add("max_seconds", study.seconds_used(), budget.max_seconds());
  }
  if (budget.has_max_steps_total()) {
    add("max_steps_total", counts.steps(), budget.max_steps_total());
  }
  if (budget.has_max_training_seconds()) {
    add("max_training_seconds", counts.training_seconds(),
        budget.max_training_seconds());
  }
  if (budget.has_max_failed()) {
    add("max_failed", counts.failed(), budget.max_failed());
  }
}

// The one that is set in the message's first oneof.
template <typename Message>
std::string ChoiceName(const Message& message, const std::string& none) {
  const auto* chosen = message.GetReflection()->GetOneofFieldDescriptor(
      message, Message::descriptor()->oneof_decl(0));
  return chosen == nullptr ? none : chosen->name();
}

// "median", "any of asha, threshold".
std::string DescribeStopping(const v1::Stopping& stopping) {
  if (stopping.any_of().empty()) return ChoiceName(stopping, "none");
  const auto name = [](std::string* out, const v1::Stopping& one) {
    out->append(ChoiceName(one, ""));
  };
  return absl::StrCat("any of ", absl::StrJoin(stopping.any_of(), ", ", name));
}

std::string DescribeCondition(const v1::Condition& condition) {
  std::vector<std::string> values;
  for (const auto& value : condition.values().values()) {
    values.push_back(FormatValue(value));
  }
  return absl::StrCat(" (when ", condition.parent(), " is ",
                      absl::StrJoin(values, " or "), ")");
}

// ", prior around 0.001", ", prior weights 1 3".
std::string DescribePrior(const v1::Prior& prior) {
  if (prior.has_normal()) {
    return absl::StrCat(", prior around ", FormatNumber(prior.normal().mean()));
  }
  std::string text = ", prior weights";
  for (const double weight : prior.weights()) {
    absl::StrAppend(&text, " ", FormatNumber(weight));
  }
  return text;
}

std::string DescribeDomain(const v1::Parameter& parameter) {
  const auto range = [](double min, double max, double step, v1::Scale scale) {
    return absl::StrCat(
        FormatNumber(min), " to ", FormatNumber(max),
        step > 0 ? absl::StrCat(", step ", FormatNumber(step)) : "",
        scale > v1::LINEAR ? absl::StrCat(", ", v1::Scale_Name(scale)) : "");
  };
  switch (parameter.domain_case()) {
    case v1::Parameter::kDouble:
      return range(parameter.double_().min(), parameter.double_().max(),
                   parameter.double_().step(), parameter.double_().scale());
    case v1::Parameter::kInteger:
      return absl::StrCat(
          "integer ",
          range(static_cast<double>(parameter.integer().min()),
                static_cast<double>(parameter.integer().max()),
                parameter.integer().step() > 1
                    ? static_cast<double>(parameter.integer().step())
                    : 0,
                parameter.integer().scale()));
    case v1::Parameter::kCategorical: {
      std::string text = "one of";
      for (const auto& value : parameter.categorical().values().values()) {
        absl::StrAppend(&text, " ", FormatValue(value));
      }
      return text;
    }
    case v1::Parameter::kDiscrete: {
      std::string text = "one of";
      for (const double value : parameter.discrete().values()) {
        absl::StrAppend(&text, " ", FormatNumber(value));
      }
      return text;
    }
    default:
      return "";
  }
}

// "asha, to 27 steps".
std::string DescribeSchedule(const v1::Schedule& schedule) {
  const char* unit = schedule.unit() == v1::Schedule::SECONDS    ? "seconds"
                     : schedule.unit() == v1::Schedule::EXAMPLES ? "examples"
                                                                 : "steps";
  return absl::StrCat(ChoiceName(schedule, "asha"), ", to ",
                      schedule.max_steps(), " ", unit);
}

// "loss by optimizer.learning_rate, truncated".
std::string DescribeGradients(const v1::StudySpec& spec) {
  const v1::GradientRequest& asked = spec.gradients();
  std::string text =
      asked.metric().empty() ? "the first objective" : asked.metric();
  if (asked.parameters_size() > 0) {
    absl::StrAppend(&text, " by ", absl::StrJoin(asked.parameters(), ", "));
  }
  if (!asked.method().empty()) absl::StrAppend(&text, "; ", asked.method());
  return text;
}

// What early stopping or the schedule saved; "" if neither did, or the server
// takes long to say.
std::string SavedText(const Connection& connection, const v1::Study& study) {
  constexpr absl::Duration kPatience = absl::Seconds(2);
  const v1::StudySpec& spec = study.spec();
  const bool has_rule = DescribeStopping(spec.stopping()) != "none";
  const bool stopped = has_rule && study.counts().stopped() > 0;
  if (!stopped && !spec.has_schedule()) return "";
  v1::SavingsRequest request;
  request.set_study(absl::StrCat(study.id()));
  const absl::StatusOr<v1::SavingsResponse> response =
      connection.Call(&v1::InsightService::Stub::Savings, request, kPatience);
  const bool saved = response.ok() && (response->stopped() > 0 ||
                                       response->configurations_left() > 0);
  return saved ? SavingsLines(*response)[0] : "";
}

absl::StatusOr<ExitCode> Show(Context& context, const std::string& name) {
  const Connection connection(context.server);
  ASSAY_ASSIGN_OR_RETURN(const v1::Study study, GetStudy(connection, name));
  if (context.json) {
    PrintJson(context, study);
    return kExitOk;
  }
  const v1::StudyCounts& counts = study.counts();
  Table table({{Printable(FormatName(study))}, {"", false, true}});
  table.AddRow({{"id"}, {absl::StrCat(study.id())}});
  table.AddRow({{"state"}, {FormatState(study), Style::kBold}});
  if (!study.reason().empty()) table.AddRow({{"because"}, {study.reason()}});
  if (!study.waiting().empty()) {
    table.AddRow({{"waiting"}, {study.waiting(), Style::kYellow}});
  }
  table.AddRow(
      {{"trials"},
       {absl::StrCat(counts.completed(), " completed, ", counts.stopped(),
                     " stopped early, ", counts.failed(), " failed, ",
                     counts.infeasible(), " infeasible, ", counts.running(),
                     " running, ", counts.pending(), " waiting")}});
  table.AddRow({{"measurements"}, {absl::StrCat(counts.measurements())}});
  table.AddRow(
      {{"training time"}, {FormatDuration(counts.training_seconds())}});
  AddBudgetRows(table, study);
  table.AddRow({{"algorithm"}, {ChoiceName(study.spec().algorithm(), "auto")}});
  table.AddRow({{"stopping"}, {DescribeStopping(study.spec().stopping())}});
  const std::string saved = SavedText(connection, study);
  if (!saved.empty()) table.AddRow({{"early stopping"}, {saved}});
  if (study.spec().has_schedule()) {
    table.AddRow({{"schedule"}, {DescribeSchedule(study.spec().schedule())}});
  }
  if (study.spec().has_gradients()) {
    table.AddRow({{"gradients of"}, {DescribeGradients(study.spec())}});
  }
  if (study.spec().replicates().count() > 1) {
    table.AddRow({{"replicates"},
                  {absl::StrCat(study.spec().replicates().count(),
                                " of each configuration")}});
  }
  for (const v1::EarlierStudy& earlier : study.earlier()) {
    table.AddRow({{"learns from"}, {DescribeEarlier(earlier)}});
  }
  table.AddRow({{"seed"}, {absl::StrCat(study.seed())}});
  table.AddRow({{"created"}, {FormatTime(study.created())}});
  table.AddRow({{"revision"}, {absl::StrCat(study.revision())}});
  for (const v1::Metric& metric : study.spec().metrics()) {
    std::string goal = v1::Goal_Name(metric.goal());
    if (metric.has_bound()) {
      goal = absl::StrCat(metric.goal() == v1::MAXIMIZE ? ">= " : "<= ",
                          FormatNumber(metric.bound()));
    }
    table.AddRow({{absl::StrCat("metric ", metric.name())}, {goal}});
  }
  for (const v1::Parameter& parameter : study.spec().parameters()) {
    table.AddRow(
        {{absl::StrCat("parameter ", parameter.name())},
         {DescribeDomain(parameter) +
          (parameter.has_prior() ? DescribePrior(parameter.prior()) : "") +
          (parameter.has_when() ? DescribeCondition(parameter.when()) : "")}});
  }
  if (!study.spec().note().empty()) {
    table.AddRow({{"note"}, {study.spec().note()}});
  }
  Print(context, table.Lines(context.look));
  if (study.spec().has_schedule()) {
    ASSAY_RETURN_IF_ERROR(PrintRungs(context, connection, study));
  }
  return kExitOk;
}

// --- watch, best ------------------------------------------------------------

absl::StatusOr<ExitCode> Watch(Context& context, const std::string& name) {
  const Connection connection(context.server);
  std::signal(SIGINT, [](int) { interrupted = 1; });
  return WatchStudy(context, connection, name, [] { return interrupted != 0; });
}

struct Ranking {
  std::string where, prefer;
  int count = 1;
  int retrain = 0;
};

absl::StatusOr<ExitCode> Best(Context& context, const std::string& name,
                              const Ranking& ranking) {
  const Connection connection(context.server);
  if (ranking.retrain > 0) {
    ASSAY_RETURN_IF_ERROR(Retrain(context, connection, name, ranking.retrain));
    return kExitOk;
  }
  v1::OptimalRequest request;
  request.set_study(name);
  request.set_count(ranking.count);
  request.set_where(ranking.where);
  request.set_prefer(ranking.prefer);
  ASSAY_RETURN_IF_ERROR(PrintBest(context, connection, request));
  return kExitOk;
}

// --- pause, resume, stop, delete, update ------------------------------------

using StudyMethod = grpc::Status (v1::StudyService::Stub::*)(
    grpc::ClientContext*, const v1::GetStudyRequest&, v1::Study*);

absl::StatusOr<ExitCode> Change(Context& context, StudyMethod method,
                                const std::string& name) {
  const Connection connection(context.server);
  v1::GetStudyRequest request;
  request.set_study(name);
  ASSAY_ASSIGN_OR_RETURN(const v1::Study study,
                         connection.Call(method, request));
  if (context.json) {
    PrintJson(context, study);
  } else {
    context.out << Printable(FormatName(study)) << " is " << FormatState(study);
    if (study.counts().running() > 0) {
      context.out << "; " << study.counts().running() << " trials still run";
    }
    context.out << "\n";
  }
  return kExitOk;
}

absl::StatusOr<ExitCode> Delete(Context& context, const std::string& name) {
  const Connection connection(context.server);
  v1::GetStudyRequest request;
  request.set_study(name);
  ASSAY_RETURN_IF_ERROR(
      connection.Call(&v1::StudyService::Stub::Delete, request).status());
  context.out << "deleted " << Printable(name) << "\n";
  return kExitOk;
}

struct Edits {
  std::string study;
  std::optional<int64_t> max_trials, max_parallel, max_steps_total, max_failed;
  std::optional<double> max_seconds, max_training_seconds, target;
  std::optional<int32_t> priority;
  std::optional<std::string> note;
};

absl::StatusOr<ExitCode> Update(Context& context, const Edits& edits) {
  const Connection connection(context.server);
  ASSAY_ASSIGN_OR_RETURN(const v1::Study study,
                         GetStudy(connection, edits.study));
  v1::UpdateStudyRequest request;
  request.set_study(absl::StrCat(study.id()));
  v1::Budget budget = study.spec().budget();
  if (edits.max_trials) budget.set_max_trials(*edits.max_trials);
  if (edits.max_parallel) budget.set_max_parallel(*edits.max_parallel);
  if (edits.max_steps_total) budget.set_max_steps_total(*edits.max_steps_total);
  if (edits.max_failed) budget.set_max_failed(*edits.max_failed);
  if (edits.max_seconds) budget.set_max_seconds(*edits.max_seconds);
  if (edits.max_training_seconds) {
    budget.set_max_training_seconds(*edits.max_training_seconds);
  }
  if (edits.target) budget.set_target(*edits.target);
  if (budget.SerializeAsString() != study.spec().budget().SerializeAsString()) {
    *request.mutable_budget() = budget;
  }
  if (edits.priority) request.set_priority(*edits.priority);
  if (edits.note) request.set_note(*edits.note);
  if (const char* user = getenv("USER")) request.set_author(user);
  ASSAY_ASSIGN_OR_RETURN(
      const v1::Study updated,
      connection.Call(&v1::StudyService::Stub::Update, request));
  if (context.json) {
    PrintJson(context, updated);
  } else {
    context.out << Printable(FormatName(updated)) << " is "
                << FormatState(updated) << ", spec revision "
                << updated.spec_revision() << "\n";
  }
  return kExitOk;
}

// --- export -----------------------------------------------------------------

absl::StatusOr<ExitCode> Export(Context& context, const std::string& name,
                                const std::string& format,
                                const std::string& path) {
  const Connection connection(context.server);
  ASSAY_ASSIGN_OR_RETURN(const ExportedStudy exported,
                         FetchStudy(connection, name));
  const std::vector<v1::Trial>& trials = exported.trials;
  std::ofstream file;
  if (!path.empty()) {
    file.open(path, std::ios::binary);
    if (!file) {
      return absl::InvalidArgumentError(absl::StrCat("cannot write ", path));
    }
  }
  std::ostream& out = path.empty() ? context.out : file;
  if (format == "csv") {
    CsvExport csv(exported.study.spec(), trials, out);
    csv.WriteHeader();
    for (const v1::Trial& trial : trials) csv.Write(trial);
  } else {
    for (const v1::Trial& trial : trials) out << ToJson(trial).dump() << "\n";
  }
  out.flush();
  if (!out) return absl::DataLossError(absl::StrCat("cannot write ", path));
  return kExitOk;
}

// A subcommand with one argument: the study.
CLI::App* WithStudy(CLI::App* group, const char* name, const char* help,
                    std::string& study) {
  CLI::App* app = group->add_subcommand(name, help);
  app->add_option("study", study, "Its name, owner/name, or id")->required();
  return app;
}

}  // namespace

void AddStudyCommands(CLI::App& app, Command& command) {
  CLI::App* group = app.add_subcommand("study", "Studies");
  group->require_subcommand(1);
  struct Options {
    std::string file, study, filter, format = "csv", output;
    Ranking ranking;
    Edits edits;
  };
  const auto options = std::make_shared<Options>();

  CLI::App* create = group->add_subcommand("create", "Create a study");
  create->add_option("-f,--file", options->file, "YAML or JSON; - for stdin")
      ->required();
  create->callback([&command, options] {
    command = [options](Context& c) { return Create(c, options->file); };
  });

  CLI::App* list = group->add_subcommand("list", "List studies");
  list->add_option("--filter", options->filter,
                   "Only those: \"state == 'ACTIVE' and trials > 10\"");
  list->callback([&command, options] {
    command = [options](Context& c) { return List(c, options->filter); };
  });

  WithStudy(group, "show", "Show one study", options->study)
      ->callback([&command, options] {
        command = [options](Context& c) { return Show(c, options->study); };
      });
  WithStudy(group, "watch", "Watch a study live, until it is over",
            options->study)
      ->callback([&command, options] {
        command = [options](Context& c) { return Watch(c, options->study); };
      });
  CLI::App* best = WithStudy(
      group, "best", "The best trial, or the Pareto front", options->study);
  Ranking& ranking = options->ranking;
  best->add_option("-n,--count", ranking.count, "How many")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  best->add_option("--retrain", ranking.retrain,
                   "Train the best from its start so often, with other seeds, "
                   "and measure it on the test part of the data")
      ->check(CLI::Range(1, 100));
  best->add_option("--where", ranking.where,
                   "Only of those: \"latency <= 20 and accuracy > 0.8\"");
  best->add_option("--prefer", ranking.prefer,
                   "Of the Pareto front the best by this metric");
  best->callback([&command, options] {
    command = [options](Context& c) {
      return Best(c, options->study, options->ranking);
    };
  });
  WithStudy(group, "pause", "Hand out nothing more; running trials go on",
            options->study)
      ->callback([&command, options] {
        command = [options](Context& c) {
          return Change(c, &v1::StudyService::Stub::Pause, options->study);
        };
      });
  WithStudy(group, "resume", "Go on after a pause", options->study)
      ->callback([&command, options] {
        command = [options](Context& c) {
          return Change(c, &v1::StudyService::Stub::Resume, options->study);
        };
      });
  WithStudy(group, "stop", "End a study for good", options->study)
      ->callback([&command, options] {
        command = [options](Context& c) {
          return Change(c, &v1::StudyService::Stub::Stop, options->study);
        };
      });
  WithStudy(group, "delete", "Delete a study; stops it first", options->study)
      ->callback([&command, options] {
        command = [options](Context& c) { return Delete(c, options->study); };
      });

  CLI::App* update = WithStudy(group, "update", "Edit budget, priority or note",
                               options->edits.study);
  Edits& edits = options->edits;
  update->add_option("--max-trials", edits.max_trials, "Configurations");
  update->add_option("--max-parallel", edits.max_parallel, "Running trials");
  update->add_option("--max-seconds", edits.max_seconds, "Wall time");
  update->add_option("--max-steps-total", edits.max_steps_total,
                     "Steps of all trials");
  update->add_option("--max-training-seconds", edits.max_training_seconds,
                     "Training time of all attempts");
  update->add_option("--max-failed", edits.max_failed, "FAILED trials");
  update->add_option("--target", edits.target, "Of the first objective");
  update->add_option("--priority", edits.priority, "Higher is served first");
  update->add_option("--note", edits.note, "For people");
  update->callback([&command, options] {
    command = [options](Context& c) { return Update(c, options->edits); };
  });

  CLI::App* exports =
      WithStudy(group, "export", "Every trial, one a row", options->study);
  exports->add_option("--format", options->format, "csv or jsonl")
      ->check(CLI::IsMember({"csv", "jsonl"}))
      ->capture_default_str();
  exports->add_option("-o", options->output, "This file; else stdout");
  exports->callback([&command, options] {
    command = [options](Context& c) {
      return Export(c, options->study, options->format, options->output);
    };
  });
}

}  // namespace assay
