#include <csignal>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <ostream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/cli/best.h"
#include "client/cli/child_program.h"
#include "client/cli/command.h"
#include "client/cli/connection.h"
#include "client/cli/format.h"
#include "client/cli/study_file.h"
#include "client/cli/watch.h"
#include "search/base/status_macros.h"

namespace assay {
namespace {

constexpr absl::Duration kServerStart = absl::Seconds(30);
constexpr absl::Duration kPoll = absl::Milliseconds(100);
constexpr absl::Duration kWorkerEnd = absl::Seconds(15);
constexpr absl::Duration kServerEnd = absl::Seconds(10);
constexpr size_t kTail = 2000;  // Bytes of a log in an error.

struct RunOptions {
  std::string file, data_dir;
  int slots = 0;
};

// How often the user pressed Ctrl-C, or somebody sent SIGTERM or SIGHUP.
volatile std::sig_atomic_t interrupts = 0;

std::filesystem::path ProgramFolder() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path();
}

// A folder that only this user can enter, with a short name: a socket's path
// holds 107 bytes. Removed with the object.
class PrivateFolder {
 public:
  static absl::StatusOr<std::unique_ptr<PrivateFolder>> Create() {
    const char* runtime = std::getenv("XDG_RUNTIME_DIR");
    std::string name =
        absl::StrCat(runtime != nullptr && *runtime != '\0' ? runtime : "/tmp",
                     "/assay-XXXXXX");
    if (mkdtemp(name.data()) == nullptr) {
      return absl::UnavailableError(absl::StrCat("cannot create ", name));
    }
    return std::unique_ptr<PrivateFolder>(new PrivateFolder(std::move(name)));
  }
  ~PrivateFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  explicit PrivateFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

std::string DefaultFolder(const std::string& study) {
  return absl::StrCat(
      study, "-",
      absl::FormatTime("%Y%m%d-%H%M%S", absl::Now(), absl::LocalTimeZone()));
}

std::string Tail(const std::string& path) {
  std::ifstream file(path);
  std::string text((std::istreambuf_iterator<char>(file)),
                   std::istreambuf_iterator<char>());
  if (text.size() > kTail) {
    text = text.substr(text.size() - kTail);
    text = text.substr(text.find('\n') + 1);  // Whole lines.
  }
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

absl::Status Died(const char* what, const std::string& log) {
  return absl::UnavailableError(
      absl::StrCat(what, " ended; the end of ", log, ":\n", Tail(log)));
}

absl::Status WaitForServer(const Connection& connection, ChildProgram& server,
                           const std::string& log) {
  const absl::Time deadline = absl::Now() + kServerStart;
  while (absl::Now() < deadline) {
    if (interrupts > 0) return absl::CancelledError("interrupted");
    if (server.HasEnded()) return Died("assay-server", log);
    if (connection.WaitUntilConnected(kPoll)) return absl::OkStatus();
  }
  return absl::UnavailableError(
      absl::StrCat("assay-server does not answer; see ", log));
}

absl::Status Call(const Connection& connection,
                  grpc::Status (v1::StudyService::Stub::*method)(
                      grpc::ClientContext*, const v1::GetStudyRequest&,
                      v1::Study*),
                  const std::string& study) {
  v1::GetStudyRequest request;
  request.set_study(study);
  return connection.Call(method, request).status();
}

// Shows the study to its end. The first interrupt pauses it and lets running
// trials end, the second stops it.
absl::StatusOr<ExitCode> WatchToTheEnd(Context& context,
                                       const Connection& connection,
                                       const std::string& study,
                                       ChildProgram& server,
                                       ChildProgram& worker) {
  const auto interrupted_or_dead = [&](int seen) {
    return interrupts > seen || server.HasEnded() || worker.HasEnded();
  };
  ASSAY_ASSIGN_OR_RETURN(ExitCode code,
                         WatchStudy(context, connection, study,
                                    [&] { return interrupted_or_dead(0); }));
  if (code != kExitInterrupted || interrupts == 0) return code;
  context.error << "\npausing: running trials go on to their end; once more "
                   "stops them\n";
  ASSAY_RETURN_IF_ERROR(
      Call(connection, &v1::StudyService::Stub::Pause, study));
  while (!interrupted_or_dead(1)) {
    ASSAY_ASSIGN_OR_RETURN(const v1::Study now, GetStudy(connection, study));
    if (now.counts().running() == 0) return kExitInterrupted;
    absl::SleepFor(kPoll);
  }
  context.error << "stopping\n";
  ASSAY_RETURN_IF_ERROR(Call(connection, &v1::StudyService::Stub::Stop, study));
  return kExitInterrupted;
}

absl::StatusOr<ExitCode> Run(Context& context, const RunOptions& options) {
  v1::CreateStudyRequest request;
  ASSAY_ASSIGN_OR_RETURN(*request.mutable_spec(), ReadStudyFile(options.file));
  if (!request.spec().has_trial()) {
    return absl::InvalidArgumentError(
        absl::StrCat(options.file,
                     ": trial: missing; assay run needs to know how a trial "
                     "is run: builtin or command"));
  }
  const std::string folder = options.data_dir.empty()
                                 ? DefaultFolder(request.spec().name())
                                 : options.data_dir;
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) {
    return absl::InvalidArgumentError(
        absl::StrCat("cannot create ", folder, ": ", error.message()));
  }
  ASSAY_ASSIGN_OR_RETURN(const auto sockets, PrivateFolder::Create());
  const std::string address = absl::StrCat("unix:", sockets->path(), "/grpc");
  const std::string bin = ProgramFolder().string();
  const std::string server_log = folder + "/server.log";
  const std::string worker_log = folder + "/worker.log";
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    std::signal(signal, [](int) { interrupts = interrupts + 1; });
  }

  ASSAY_ASSIGN_OR_RETURN(
      const auto server,
      ChildProgram::Start({bin + "/assay-server", "--data-dir", folder,
                           "--grpc", address, "--http", "none"},
                          server_log));
  const Connection connection(address);
  ASSAY_RETURN_IF_ERROR(WaitForServer(connection, *server, server_log));
  ASSAY_ASSIGN_OR_RETURN(
      const v1::Study study,
      connection.Call(&v1::StudyService::Stub::Create, request));
  std::vector<std::string> worker_argv = {bin + "/assay-worker",
                                          "--server",
                                          address,
                                          "--name",
                                          "local",
                                          "--state-dir",
                                          folder + "/worker",
                                          "--allow-any-command"};
  if (options.slots > 0) {
    worker_argv.push_back("--slots");
    worker_argv.push_back(absl::StrCat(options.slots));
  }
  ASSAY_ASSIGN_OR_RETURN(const auto worker,
                         ChildProgram::Start(worker_argv, worker_log));

  const std::string id = absl::StrCat(study.id());
  absl::StatusOr<ExitCode> code =
      WatchToTheEnd(context, connection, id, *server, *worker);
  if (server->HasEnded()) return Died("assay-server", server_log);
  if (worker->HasEnded() && interrupts == 0) {
    return Died("assay-worker", worker_log);
  }
  if (code.ok() && *code != kExitInterrupted) {
    context.out << "\n";
    if (const absl::Status none = PrintBest(context, connection, id, 1);
        !none.ok()) {
      context.error << "assay: " << Printable(std::string(none.message()))
                    << "\n";
      code = kExitError;
    }
  }
  worker->Stop(kWorkerEnd);
  server->Stop(kServerEnd);
  if (!context.json) {
    context.out << "\nEverything is in " << folder
                << ". To look at it later:\n  assay-server --data-dir "
                << folder << "\n";
  }
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
    command = [options](Context& c) { return Run(c, *options); };
  });
}

}  // namespace assay
