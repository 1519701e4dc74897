#include "worker/trial_planner.h"

#include <cstdlib>
#include <utility>
#include <variant>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "google/protobuf/util/json_util.h"
#include "nlohmann/json.hpp"
#include "proto/convert.h"
#include "search/base/status_macros.h"
#include "worker/argv_template.h"

extern char** environ;

namespace assay {
namespace {

using nlohmann::json;

// What of the worker's environment its trials get: no secrets.
constexpr const char* kInherited[] = {
    "PATH",          "HOME",        "USER",           "LOGNAME",
    "SHELL",         "LANG",        "LANGUAGE",       "TZ",
    "TMPDIR",        "PYTHONPATH",  "VIRTUAL_ENV",    "CONDA_PREFIX",
    "CUDA_HOME",     "CUDA_PATH",   "XDG_CACHE_HOME", "LD_LIBRARY_PATH",
    "SSL_CERT_FILE", "SSL_CERT_DIR"};
constexpr const char* kInheritedPrefixes[] = {
    "LC_", "OMP_", "OPENBLAS_", "MKL_", "NCCL_", "CUDA_CACHE_", "CUBLAS_"};

bool Inherited(absl::string_view name) {
  for (const char* inherited : kInherited) {
    if (name == inherited) return true;
  }
  for (const char* prefix : kInheritedPrefixes) {
    if (absl::StartsWith(name, prefix)) return true;
  }
  return false;
}

using Environment = std::map<std::string, std::string>;

Environment BaseEnvironment(const WorkerConfig& config,
                            const std::string& devices,
                            const std::string& process_mark) {
  Environment environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::pair<std::string, std::string> split =
        absl::StrSplit(*entry, absl::MaxSplits('=', 1));
    if (Inherited(split.first)) environment.insert(split);
  }
  // So that scripts find `assay report`.
  std::string& path = environment["PATH"];
  if (path.empty()) path = "/usr/local/bin:/usr/bin:/bin";
  if (!config.own_folder.empty())
    absl::StrAppend(&path, ":", config.own_folder);
  environment["CUDA_VISIBLE_DEVICES"] = devices;
  environment["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID";  // NVML counts so.
  environment.insert(static_cast<std::pair<std::string, std::string>>(
      absl::StrSplit(process_mark, absl::MaxSplits('=', 1))));
  return environment;
}

std::vector<std::string> ToList(const Environment& environment) {
  std::vector<std::string> list;
  for (const auto& [name, value] : environment) {
    list.push_back(absl::StrCat(name, "=", value));
  }
  return list;
}

json ToJson(const Parameters& parameters) {
  json object = json::object();
  for (const auto& [name, value] : parameters) {
    std::visit([&, &key = name](const auto& v) { object[key] = v; }, value);
  }
  return object;
}

// Protobuf's numbers are doubles; its JSON writes whole ones as whole.
json ToJson(const google::protobuf::Struct& message) {
  std::string text;
  static_cast<void>(
      google::protobuf::util::MessageToJsonString(message, &text));
  return json::parse(text, nullptr, /*allow_exceptions=*/false);
}

std::vector<std::string> Objectives(const v1::WorkerAssignment& assignment) {
  std::vector<std::string> names;
  for (const v1::Metric& metric : assignment.metrics()) {
    if (!metric.has_bound()) names.push_back(metric.name());
  }
  return names;
}

json BudgetOf(const v1::WorkerAssignment& assignment) {
  const v1::Trial& trial = assignment.trial();
  json budget = {{"from", trial.from_step()}, {"to", trial.to_step()}};
  if (!assignment.has_schedule()) return budget;
  const v1::Schedule& schedule = assignment.schedule();
  budget["max"] = schedule.max_steps();
  budget["unit"] = schedule.unit() == v1::Schedule::UNIT_UNSPECIFIED
                       ? "STEPS"
                       : v1::Schedule::Unit_Name(schedule.unit());
  return budget;
}

json GradientsOf(const v1::GradientRequest& request) {
  return {{"metric", request.metric()},
          {"parameters", std::vector<std::string>(request.parameters().begin(),
                                                  request.parameters().end())},
          {"method", request.method()},
          {"every", request.every()},
          {"work", request.work()},
          {"splits", request.splits()}};
}

std::string MakeTrialFile(const v1::WorkerAssignment& assignment,
                          const Parameters& parameters,
                          const WorkerConfig& config,
                          const TrialPlaces& places) {
  const v1::Trial& trial = assignment.trial();
  json file = {
      {"study", {{"id", trial.study_id()}, {"name", assignment.study()}}},
      {"trial",
       {{"id", trial.id()},
        {"number", trial.number()},
        {"attempt", assignment.attempt()},
        {"replicate", trial.replicate()}}},
      {"parameters", ToJson(parameters)},
      {"budget", BudgetOf(assignment)},
      {"seed", trial.seed()},
      {"metrics", Objectives(assignment)},
  };
  if (!places.checkpoint.empty()) {
    file["checkpoint"] = {{"folder", places.checkpoint},
                          {"final", assignment.final_checkpoint()}};
  }
  if (!places.resume.empty()) {
    file["resume"] = {{"folder", places.resume},
                      {"step", assignment.resume().step()}};
  }
  if (assignment.template_().has_builtin()) {
    file["config"] = ToJson(assignment.template_().builtin().config());
  }
  if (assignment.has_gradients()) {
    file["gradients"] = GradientsOf(assignment.gradients());
  }
  if (assignment.template_().final_test()) file["final_test"] = true;
  if (!config.data_root.empty()) file["data_root"] = config.data_root;
  return file.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

absl::Status UnknownRunner(const std::string& name,
                           const WorkerConfig& config) {
  const std::string known = absl::StrJoin(
      config.runners, ", ", [](std::string* out, const auto& runner) {
        absl::StrAppend(out, runner.first);
      });
  return absl::NotFoundError(absl::StrCat("this worker has no runner \"", name,
                                          "\"; it has ",
                                          known.empty() ? "none" : known));
}

// Fills in what is run, but for the trial's own variables.
absl::Status PlanCommand(const v1::TrialTemplate& how,
                         const WorkerConfig& config,
                         const Parameters& parameters, TrialPlan& plan,
                         Environment& environment) {
  std::vector<std::string> argv;
  switch (how.how_case()) {
    case v1::TrialTemplate::kBuiltin:
      plan.in_standby = true;
      plan.command.argv = {config.trainer, "--standby"};
      return absl::OkStatus();
    case v1::TrialTemplate::kRunner: {
      const auto runner = config.runners.find(how.runner().name());
      if (runner == config.runners.end()) {
        return UnknownRunner(how.runner().name(), config);
      }
      argv = runner->second.argv;
      for (const auto& [name, value] : runner->second.environment) {
        environment[name] = value;
      }
      if (!runner->second.directory.empty()) {
        plan.command.directory = runner->second.directory;
      }
      break;
    }
    case v1::TrialTemplate::kCommand:
      if (!config.any_command) {
        return absl::PermissionDeniedError(
            "this worker runs no commands of studies (start it with "
            "--allow-any-command, or name one of its runners)");
      }
      argv.assign(how.command().argv().begin(), how.command().argv().end());
      break;
    case v1::TrialTemplate::HOW_NOT_SET:
      return absl::InvalidArgumentError("the study does not say what to run");
  }
  // Trials run in a scratch folder: scripts beside the worker are named by
  // this.
  Parameters known = parameters;
  std::error_code ignored;
  known.emplace("worker.directory",
                std::filesystem::current_path(ignored).string());
  ASSAY_ASSIGN_OR_RETURN(plan.command.argv, ExpandArgv(argv, known));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<TrialPlan> PlanTrial(const v1::WorkerAssignment& assignment,
                                    const WorkerConfig& config,
                                    const TrialPlaces& places) {
  const v1::Trial& trial = assignment.trial();
  ASSAY_ASSIGN_OR_RETURN(const Parameters parameters,
                         ToParameters(trial.parameters()));
  TrialPlan plan;
  plan.key = places.key;
  plan.scratch = places.scratch;
  plan.socket = places.socket;
  plan.devices = places.devices;
  plan.objectives = Objectives(assignment);
  plan.trial_file = MakeTrialFile(assignment, parameters, config, places);
  plan.grace = config.grace;
  plan.scratch_limit = config.scratch_limit;
  if (assignment.template_().max_seconds() > 0) {
    plan.max_time = absl::Seconds(assignment.template_().max_seconds());
  }
  plan.command.directory = places.scratch;
  Environment environment =
      BaseEnvironment(config, places.devices, places.process_mark);
  ASSAY_RETURN_IF_ERROR(PlanCommand(assignment.template_(), config, parameters,
                                    plan, environment));
  environment["ASSAY_SOCKET"] = places.socket;
  environment["ASSAY_TRIAL"] = TrialFileIn(places.scratch);
  environment["ASSAY_SCRATCH"] = places.scratch;
  environment["ASSAY_TRIAL_ID"] = absl::StrCat(trial.id());
  environment["ASSAY_TRIAL_NUMBER"] = absl::StrCat(trial.number());
  environment["ASSAY_REPLICATE"] = absl::StrCat(trial.replicate());
  environment["ASSAY_ATTEMPT"] = absl::StrCat(assignment.attempt());
  environment["ASSAY_STUDY"] = assignment.study();
  if (!places.checkpoint.empty()) {
    environment["ASSAY_CHECKPOINT"] = places.checkpoint;
  }
  if (!places.resume.empty()) environment["ASSAY_RESUME"] = places.resume;
  plan.command.environment = ToList(environment);
  return plan;
}

Command StandbyCommand(const WorkerConfig& config, const std::string& devices,
                       const std::string& process_mark) {
  return {.argv = {config.trainer, "--standby"},
          .environment = ToList(BaseEnvironment(config, devices, process_mark)),
          .directory = "/"};
}

}  // namespace assay
