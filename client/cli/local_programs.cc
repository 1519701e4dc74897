#include "client/cli/local_programs.h"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/cli/interrupts.h"
#include "search/base/status_macros.h"

namespace assay {
namespace {

constexpr absl::Duration kServerStart = absl::Seconds(30);
constexpr absl::Duration kPoll = absl::Milliseconds(100);
constexpr absl::Duration kHandBack = absl::Minutes(1);
constexpr absl::Duration kWorkerEnd = absl::Seconds(15);
constexpr absl::Duration kWorkerKills = absl::Seconds(5);
constexpr absl::Duration kServerEnd = absl::Seconds(10);
// How soon the trials of a worker that was killed are run again. The default
// of a minute is for networks.
constexpr char kLease[] = "15";
// A worker that ends so soon, so often, does not get better.
constexpr absl::Duration kEarly = absl::Seconds(10);
constexpr int kEarlyEnds = 3;
constexpr std::streamoff kTail = 2000;  // Bytes of a log in an error.

std::string Program(const std::string& name) {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path() / name;
}

// The last lines of a file.
std::string Tail(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  const auto size = static_cast<std::streamoff>(file.tellg());
  file.seekg(std::max<std::streamoff>(0, size - kTail));
  std::string text((std::istreambuf_iterator<char>(file)),
                   std::istreambuf_iterator<char>());
  if (size > kTail) text = text.substr(text.find('\n') + 1);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

absl::Status Ended(const char* program, const ChildProgram& child,
                   const std::string& log) {
  return absl::InternalError(absl::StrCat(program, " ended with ",
                                          child.HowItEnded(), "; the end of ",
                                          log, ":\n", Tail(log)));
}

// Its third SIGTERM lets a worker kill its trials with all that they started;
// one that comes before the last was read is none.
void KillWithTrials(ChildProgram& worker) {
  const absl::Time deadline = absl::Now() + kWorkerKills;
  while (absl::Now() < deadline && !worker.WaitForEnd(kPoll)) {
    worker.Signal(SIGTERM);
  }
  worker.Stop(absl::ZeroDuration());
}

}  // namespace

absl::StatusOr<std::unique_ptr<LocalPrograms>> LocalPrograms::Start(
    const RunFolder& folder, int slots) {
  ASSAY_ASSIGN_OR_RETURN(auto sockets, PrivateFolder::Create());
  std::unique_ptr<LocalPrograms> programs(
      new LocalPrograms(folder, slots, std::move(sockets)));
  ASSAY_RETURN_IF_ERROR(programs->StartServer());
  return programs;
}

LocalPrograms::LocalPrograms(const RunFolder& folder, int slots,
                             std::unique_ptr<PrivateFolder> sockets)
    : folder_(folder),
      slots_(slots),
      sockets_(std::move(sockets)),
      address_(absl::StrCat("unix:", sockets_->path(), "/grpc")) {}

LocalPrograms::~LocalPrograms() {
  if (worker_ != nullptr) EndWorker();
  if (server_ == nullptr) return;
  server_->Stop(Interrupts() > 2 ? absl::ZeroDuration() : kServerEnd);
}

void LocalPrograms::EndWorker() {
  worker_->Signal(SIGTERM);
  if (!WaitForWorker(kWorkerEnd, 3)) KillWithTrials(*worker_);
}

absl::Status LocalPrograms::StartServer() {
  ASSAY_ASSIGN_OR_RETURN(
      server_,
      ChildProgram::Start(
          {Program("assay-server"), absl::StrCat("--data-dir=", folder_.path()),
           absl::StrCat("--grpc=", address_), "--http=none",
           absl::StrCat("--worker-lease=", kLease)},
          folder_.server_log()));
  return absl::OkStatus();
}

absl::Status LocalPrograms::WaitForServer(const Connection& connection) {
  const absl::Time deadline = absl::Now() + kServerStart;
  while (absl::Now() < deadline) {
    if (Interrupts() > 0) return absl::CancelledError("interrupted");
    if (server_->HasEnded()) {
      return Ended("assay-server", *server_, folder_.server_log());
    }
    if (connection.WaitUntilConnected(kPoll)) return absl::OkStatus();
  }
  return absl::InternalError(
      absl::StrCat("assay-server does not answer; the end of ",
                   folder_.server_log(), ":\n", Tail(folder_.server_log())));
}

absl::Status LocalPrograms::StartWorker() {
  std::vector<std::string> argv = {
      Program("assay-worker"), absl::StrCat("--server=", address_),
      "--name=local", absl::StrCat("--state-dir=", folder_.worker_state()),
      "--allow-any-command"};
  if (slots_ > 0) argv.push_back(absl::StrCat("--slots=", slots_));
  ASSAY_ASSIGN_OR_RETURN(worker_,
                         ChildProgram::Start(argv, folder_.worker_log()));
  worker_started_ = absl::Now();
  return absl::OkStatus();
}

bool LocalPrograms::BothRun() {
  return !server_->HasEnded() && !worker_->HasEnded();
}

absl::StatusOr<std::string> LocalPrograms::RestartWorker() {
  if (server_->HasEnded()) {
    return Ended("assay-server", *server_, folder_.server_log());
  }
  if (!worker_->HasEnded()) return "";
  const bool early = absl::Now() - worker_started_ < kEarly;
  early_ends_ = early ? early_ends_ + 1 : 0;
  if (early_ends_ >= kEarlyEnds) {
    return Ended("assay-worker", *worker_, folder_.worker_log());
  }
  std::string words = absl::StrCat("assay-worker ended with ",
                                   worker_->HowItEnded(), ": started again");
  ASSAY_RETURN_IF_ERROR(StartWorker());
  return words;
}

void LocalPrograms::Drain() { worker_->Signal(SIGTERM); }

void LocalPrograms::WaitForWorker() {
  WaitForWorker(absl::InfiniteDuration(), 2);
}

void LocalPrograms::HandBack() {
  worker_->Signal(SIGINT);  // A second SIGTERM may be taken for the first.
  WaitForWorker(kHandBack, 3);
}

bool LocalPrograms::WaitForWorker(absl::Duration time, int interrupts) {
  return worker_->WaitForEnd(
      time, [&] { return Interrupts() >= interrupts || server_->HasEnded(); });
}

}  // namespace assay
