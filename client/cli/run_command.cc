#include <CLI/CLI.hpp>
#include <memory>
#include <ostream>

#include "absl/strings/str_cat.h"
#include "client/cli/best.h"
#include "client/cli/command.h"
#include "client/cli/connection.h"
#include "client/cli/format.h"
#include "client/cli/interrupts.h"
#include "client/cli/local_programs.h"
#include "client/cli/run_folder.h"
#include "client/cli/study_file.h"
#include "client/cli/watch.h"
#include "search/base/status_macros.h"

namespace assay {
namespace {

struct RunOptions {
  std::string file, data_dir;
  int slots = 0;
};

// What the steps of a run share.
struct Run {
  Context& context;
  const Connection& connection;
  LocalPrograms& programs;
  std::string study;    // Its id.
  std::string command;  // That goes on with it.
};

using StudyMethod = grpc::Status (v1::StudyService::Stub::*)(
    grpc::ClientContext*, const v1::GetStudyRequest&, v1::Study*);

absl::StatusOr<v1::Study> Call(const Connection& connection, StudyMethod method,
                               const std::string& study) {
  v1::GetStudyRequest request;
  request.set_study(study);
  return connection.Call(method, request);
}

// One that was interrupted goes on.
absl::StatusOr<v1::Study> CreateOrGoOn(Context& context,
                                       const Connection& connection,
                                       const v1::CreateStudyRequest& request) {
  ASSAY_ASSIGN_OR_RETURN(
      v1::Study study,
      connection.Call(&v1::StudyService::Stub::Create, request));
  if (study.counts().trials() > 0) {
    context.error << Printable(FormatName(study))
                  << " is there already: " << FormatProgress(study) << "\n";
  }
  if (study.state() != v1::Study::PAUSED) return study;
  return Call(connection, &v1::StudyService::Stub::Resume,
              absl::StrCat(study.id()));
}

absl::StatusOr<ExitCode> ShowBest(const Run& run, ExitCode code) {
  if (!run.context.json) run.context.out << "\n";
  const absl::Status best =
      PrintBest(run.context, run.connection, run.study, 1);
  if (!best.ok() && !absl::IsNotFound(best)) return best;
  ASSAY_ASSIGN_OR_RETURN(const v1::Study study,
                         GetStudy(run.connection, run.study));
  if (study.counts().completed() > 0) return code;
  run.context.error << "assay: no trial of " << Printable(FormatName(study))
                    << " is COMPLETED\n";
  return kExitError;
}

// Nothing new is handed out, and running trials end: by themselves, at the
// second interrupt because they have to, at the third they are killed.
void PauseAndDrain(const Run& run) {
  // A study that is over cannot be paused; a server that is gone cannot either.
  Call(run.connection, &v1::StudyService::Stub::Pause, run.study)
      .status()
      .IgnoreError();
  run.programs.Drain();
  run.context.error << "\npaused: running trials go on to their end; once "
                       "more hands them back\n";
  WatchStudy(run.context, run.connection, run.study,
             [&] { return Interrupts() > 1 || !run.programs.BothRun(); })
      .status()
      .IgnoreError();
  run.programs.WaitForWorker();
  if (Interrupts() > 1) {
    run.context.error
        << "\nhanding back running trials; once more kills them\n";
    run.programs.HandBack();
  }
}

absl::StatusOr<ExitCode> Interrupted(const Run& run) {
  PauseAndDrain(run);
  const absl::StatusOr<v1::Study> study = GetStudy(run.connection, run.study);
  if (study.ok() && study->state() == v1::Study::COMPLETED) {
    return ShowBest(run, kExitOk);
  }
  run.context.error << "To go on:\n  " << run.command << "\n";
  return kExitInterrupted;
}

// Shows the study until it is over, and the best of it.
absl::StatusOr<ExitCode> WatchToTheEnd(const Run& run) {
  while (true) {
    const absl::StatusOr<ExitCode> code =
        WatchStudy(run.context, run.connection, run.study,
                   [&] { return Interrupts() > 0 || !run.programs.BothRun(); });
    if (code.ok() && *code != kExitInterrupted) return ShowBest(run, *code);
    if (Interrupts() > 0) return Interrupted(run);
    ASSAY_ASSIGN_OR_RETURN(const std::string restarted,
                           run.programs.RestartWorker());
    if (!code.ok() && restarted.empty()) return code;
    run.context.error << restarted << "\n";
  }
}

// With the folder, and its slots if they were given.
std::string CommandToGoOn(const RunOptions& options, const RunFolder& folder) {
  return Printable(absl::StrCat(
      "assay run ", ShellQuoted(options.file), " --data-dir ",
      ShellQuoted(folder.path()),
      options.slots > 0 ? absl::StrCat(" --slots ", options.slots) : ""));
}

absl::StatusOr<ExitCode> RunIn(RunFolder& folder, Context& context,
                               const v1::CreateStudyRequest& request,
                               const RunOptions& options) {
  ASSAY_ASSIGN_OR_RETURN(const auto programs,
                         LocalPrograms::Start(folder, options.slots));
  const Connection connection(programs->address());
  ASSAY_RETURN_IF_ERROR(programs->WaitForServer(connection));
  ASSAY_ASSIGN_OR_RETURN(const v1::Study study,
                         CreateOrGoOn(context, connection, request));
  folder.Keep();
  ASSAY_RETURN_IF_ERROR(programs->StartWorker());
  return WatchToTheEnd({.context = context,
                        .connection = connection,
                        .programs = *programs,
                        .study = absl::StrCat(study.id()),
                        .command = CommandToGoOn(options, folder)});
}

absl::StatusOr<ExitCode> RunStudy(Context& context, const RunOptions& options) {
  v1::CreateStudyRequest request;
  ASSAY_ASSIGN_OR_RETURN(*request.mutable_spec(), ReadStudyFile(options.file));
  if (!request.spec().has_trial()) {
    return absl::InvalidArgumentError(
        absl::StrCat(options.file,
                     ": trial: missing; assay run needs to know how a trial "
                     "is run: builtin or command"));
  }
  CountInterrupts();
  ASSAY_ASSIGN_OR_RETURN(
      const auto folder,
      RunFolder::Open(options.data_dir, request.spec().name()));
  ASSAY_ASSIGN_OR_RETURN(const ExitCode code,
                         RunIn(*folder, context, request, options));
  if (code == kExitInterrupted || context.json) return code;
  context.out << "\nEverything is in " << Printable(folder->path())
              << ". To look at it later:\n  assay-server --data-dir "
              << Printable(ShellQuoted(folder->path())) << "\n";
  return code;
}

}  // namespace

void AddRunCommand(CLI::App& app, Command& command) {
  const auto options = std::make_shared<RunOptions>();
  CLI::App* run = app.add_subcommand(
      "run",
      "Run a study on this machine, with a server and a worker of its own");
  run->add_option("file", options->file, "The study: YAML or JSON; - for stdin")
      ->required();
  run->add_option("--data-dir", options->data_dir,
                  "Keep everything in here; default: NAME-DATE-TIME. One that "
                  "is there goes on")
      ->type_name("FOLDER");
  run->add_option("--slots", options->slots,
                  "Trials at a time; default: one a GPU, else one a core")
      ->check(CLI::Range(1, 1024));
  run->callback([&command, options] {
    command = [options](Context& c) { return RunStudy(c, *options); };
  });
}

}  // namespace assay
