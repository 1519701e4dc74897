#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <ostream>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
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
constexpr absl::Duration kTrialsEnd = absl::Seconds(5);
constexpr absl::Duration kTrialsToldToEnd = absl::Seconds(10);
constexpr absl::Duration kWorkerEnd = absl::Seconds(5);
constexpr absl::Duration kServerEnd = absl::Seconds(10);
constexpr std::streamoff kTail = 2000;  // Bytes of a log in an error.
constexpr size_t kMaxSocketPath = 107;
constexpr char kSocket[] = "/grpc";
constexpr char kServerLog[] = "/server.log";
constexpr char kWorkerLog[] = "/worker.log";

struct RunOptions {
  std::string file, data_dir;
  int slots = 0;
};

// How often the user pressed Ctrl-C, or somebody sent SIGTERM or SIGHUP.
std::atomic<int> interrupts = 0;
static_assert(std::atomic<int>::is_always_lock_free);  // For a handler.

void CountInterrupts() {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    const auto before = std::signal(signal, [](int) { ++interrupts; });
    // nohup goes on without its terminal.
    if (signal == SIGHUP && before == SIG_IGN) std::signal(signal, SIG_IGN);
  }
  // A reader of our output that left: once, however much is still written.
  std::signal(SIGPIPE, [](int) {
    int none = 0;
    interrupts.compare_exchange_strong(none, 1);
  });
}

std::filesystem::path ProgramFolder() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path();
}

// A folder that only this user can enter, with a short name: a socket's path
// is limited. Removed with the object.
class PrivateFolder {
 public:
  static absl::StatusOr<std::unique_ptr<PrivateFolder>> Create() {
    const char* runtime = std::getenv("XDG_RUNTIME_DIR");
    for (const char* parent : {runtime, "/tmp"}) {
      if (parent == nullptr || *parent != '/') continue;
      std::string name = absl::StrCat(parent, "/assay-XXXXXX");
      if (name.size() + std::strlen(kSocket) > kMaxSocketPath) continue;
      if (mkdtemp(name.data()) == nullptr) continue;
      return std::unique_ptr<PrivateFolder>(new PrivateFolder(std::move(name)));
    }
    return absl::InternalError(
        absl::StrCat("cannot create a folder in /tmp: ", std::strerror(errno)));
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

// Creates the folder of a run.
absl::StatusOr<std::string> MakeFolder(const std::string& study,
                                       const RunOptions& options) {
  std::string folder = options.data_dir;
  if (folder.empty()) {
    if (study.empty() || absl::StrContains(study, "/")) {
      return absl::InvalidArgumentError(absl::StrCat(
          options.file, ": name: \"", study, "\"; 1 to 256 bytes without '/'"));
    }
    folder = absl::StrCat(
        study, "-",
        absl::FormatTime("%Y%m%d-%H%M%S", absl::Now(), absl::LocalTimeZone()));
  }
  if (folder[0] == '-') folder = "./" + folder;  // No option.
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (!error) return folder;
  return absl::InvalidArgumentError(
      absl::StrCat("cannot create ", folder, ": ", error.message()));
}

// As a shell reads it back.
std::string Quoted(const std::string& word) {
  const bool plain = std::all_of(word.begin(), word.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
           absl::StrContains("_-./:,=@%+", absl::string_view(&c, 1));
  });
  if (plain) return word;
  return absl::StrCat("'", absl::StrReplaceAll(word, {{"'", "'\\''"}}), "'");
}

// The last lines of a file.
std::string Tail(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  const auto size = static_cast<std::streamoff>(file.tellg());
  const bool cut = size > kTail;
  file.seekg(cut ? size - kTail : 0);
  std::string text((std::istreambuf_iterator<char>(file)),
                   std::istreambuf_iterator<char>());
  if (cut) text = text.substr(text.find('\n') + 1);
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

using StudyMethod = grpc::Status (v1::StudyService::Stub::*)(
    grpc::ClientContext*, const v1::GetStudyRequest&, v1::Study*);

absl::StatusOr<v1::Study> Call(const Connection& connection, StudyMethod method,
                               int64_t study) {
  v1::GetStudyRequest request;
  request.set_study(absl::StrCat(study));
  return connection.Call(method, request);
}

// The same, of a study that may just have come to its own end.
absl::Status CallUnlessOver(const Connection& connection, StudyMethod method,
                            int64_t study) {
  const absl::Status status = Call(connection, method, study).status();
  return absl::IsFailedPrecondition(status) ? absl::OkStatus() : status;
}

// A study that was interrupted goes on.
absl::StatusOr<v1::Study> CreateOrGoOn(Context& context,
                                       const Connection& connection,
                                       const v1::CreateStudyRequest& request) {
  ASSAY_ASSIGN_OR_RETURN(
      v1::Study study,
      connection.Call(&v1::StudyService::Stub::Create, request));
  if (study.state() == v1::Study::PAUSED) {
    ASSAY_ASSIGN_OR_RETURN(
        study, Call(connection, &v1::StudyService::Stub::Resume, study.id()));
  }
  if (study.counts().trials() > 0) {
    context.error << Printable(FormatName(study))
                  << " is there already: " << FormatProgress(study) << "\n";
  }
  return study;
}

// The programs of a run.
struct Programs {
  std::unique_ptr<ChildProgram> server, worker;

  bool BothRun() { return !server->HasEnded() && !worker->HasEnded(); }
};

absl::StatusOr<std::unique_ptr<ChildProgram>> StartServer(
    const std::string& address, const std::string& folder) {
  return ChildProgram::Start(
      {ProgramFolder() / "assay-server", "--data-dir=" + folder,
       "--grpc=" + address, "--http=none"},
      folder + kServerLog);
}

absl::StatusOr<std::unique_ptr<ChildProgram>> StartWorker(
    const std::string& address, const std::string& folder, int slots) {
  return ChildProgram::Start(
      {ProgramFolder() / "assay-worker", "--server=" + address, "--name=local",
       "--state-dir=" + folder + "/worker", "--allow-any-command",
       absl::StrCat("--slots=", slots)},
      folder + kWorkerLog);
}

// Lets running trials end, until the second interrupt, which stops the study.
absl::Status PauseAndWait(Context& context, const Connection& connection,
                          int64_t study, Programs& programs) {
  context.error << "\npausing: running trials go on to their end; once more "
                   "stops them\n";
  ASSAY_RETURN_IF_ERROR(
      CallUnlessOver(connection, &v1::StudyService::Stub::Pause, study));
  while (interrupts < 2) {
    if (!programs.BothRun()) return absl::OkStatus();
    ASSAY_ASSIGN_OR_RETURN(const v1::Study now,
                           GetStudy(connection, absl::StrCat(study)));
    if (now.counts().running() == 0) return absl::OkStatus();
    absl::SleepFor(kPoll);
  }
  context.error << "stopping; once more kills\n";
  return CallUnlessOver(connection, &v1::StudyService::Stub::Stop, study);
}

// Shows the study until it is over, and the best of it.
absl::StatusOr<ExitCode> WatchToTheEnd(Context& context,
                                       const Connection& connection,
                                       int64_t study, const std::string& folder,
                                       Programs& programs) {
  const std::string id = absl::StrCat(study);
  const absl::StatusOr<ExitCode> code =
      WatchStudy(context, connection, id,
                 [&] { return interrupts > 0 || !programs.BothRun(); });
  if (interrupts > 0) {
    const absl::Status status =
        PauseAndWait(context, connection, study, programs);
    // Whoever interrupted us may have ended the server too.
    if (status.ok() || absl::IsUnavailable(status) ||
        absl::IsCancelled(status)) {
      return kExitInterrupted;
    }
    return status;
  }
  if (programs.server->HasEnded()) {
    return Died("assay-server", folder + kServerLog);
  }
  if (programs.worker->HasEnded()) {
    return Died("assay-worker", folder + kWorkerLog);
  }
  if (!code.ok()) return code;
  ASSAY_ASSIGN_OR_RETURN(const v1::Study now, GetStudy(connection, id));
  if (!context.json) context.out << "\n";
  const absl::Status best = PrintBest(context, connection, id, 1);
  if (!best.ok() && !absl::IsNotFound(best)) return best;
  if (!best.ok()) {
    context.error << "assay: " << Printable(best.message()) << "\n";
  }
  return now.counts().completed() > 0 ? *code : kExitError;
}

// The worker lets its trials end at the first SIGTERM, tells them to at the
// second, and kills them with all that they started at the third.
void End(Programs& programs) {
  const auto hurry = [&] {
    return interrupts > 2 || programs.server->HasEnded();
  };
  programs.worker->Signal(SIGTERM);
  programs.worker->WaitForEnd(kTrialsEnd, hurry);
  programs.worker->Signal(SIGTERM);
  programs.worker->WaitForEnd(kTrialsToldToEnd, hurry);
  programs.worker->Stop(kWorkerEnd);
  programs.server->Stop(kServerEnd);
}

absl::StatusOr<ExitCode> RunIn(Context& context, const std::string& folder,
                               const v1::CreateStudyRequest& request,
                               int slots) {
  ASSAY_ASSIGN_OR_RETURN(const auto sockets, PrivateFolder::Create());
  const std::string address = absl::StrCat("unix:", sockets->path(), kSocket);
  CountInterrupts();
  Programs programs;
  ASSAY_ASSIGN_OR_RETURN(programs.server, StartServer(address, folder));
  const Connection connection(address);
  ASSAY_RETURN_IF_ERROR(
      WaitForServer(connection, *programs.server, folder + kServerLog));
  ASSAY_ASSIGN_OR_RETURN(const v1::Study study,
                         CreateOrGoOn(context, connection, request));
  ASSAY_ASSIGN_OR_RETURN(programs.worker, StartWorker(address, folder, slots));
  const absl::StatusOr<ExitCode> code =
      WatchToTheEnd(context, connection, study.id(), folder, programs);
  End(programs);
  return code;
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
  ASSAY_ASSIGN_OR_RETURN(const std::string folder,
                         MakeFolder(request.spec().name(), options));
  const absl::StatusOr<ExitCode> code =
      RunIn(context, folder, request, options.slots);
  if (code.ok() && !context.json) {
    context.out << "\nEverything is in " << Printable(folder)
                << ". To look at it later:\n  assay-server --data-dir "
                << Printable(Quoted(folder)) << "\n";
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
