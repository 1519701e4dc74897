#include "worker/state_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <random>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "search/base/status_macros.h"
#include "worker/read_file.h"
#include "worker/spawner.h"
#include "worker/system_error.h"
#include "worker/trial_output.h"

namespace assay {
namespace {

namespace fs = std::filesystem;

constexpr char kMarkVariable[] = "ASSAY_WORKER_MARK=";

std::string ReadText(const std::string& path) {
  return ReadWholeFile(path).value_or("");
}

// Start times count from the boot, so they mean nothing after another.
std::string BootId() {
  return std::string(
      absl::StripAsciiWhitespace(ReadText("/proc/sys/kernel/random/boot_id")));
}

std::string RandomMark() {
  std::random_device random;
  return absl::StrCat(absl::Hex(random(), absl::kZeroPad8),
                      absl::Hex(random(), absl::kZeroPad8));
}

struct ProcessRecord {
  pid_t leader = 0;
  int64_t start_time = 0;
  std::string boot;
  std::string mark;
};

absl::StatusOr<ProcessRecord> ReadRecord(const fs::path& path) {
  const std::vector<std::string> fields =
      absl::StrSplit(ReadText(path), ' ', absl::SkipEmpty());
  ProcessRecord record;
  if (fields.size() != 3 ||
      !absl::SimpleAtoi(path.filename().string(), &record.leader) ||
      !absl::SimpleAtoi(fields[0], &record.start_time) || record.leader <= 1) {
    return absl::DataLossError(path.string());
  }
  record.boot = fields[1];
  record.mark = fields[2];
  return record;
}

bool CarriesMark(pid_t pid, const std::string& mark) {
  const std::string environment =
      ReadText(absl::StrCat("/proc/", pid, "/environ"));
  for (absl::string_view entry : absl::StrSplit(environment, '\0')) {
    if (entry == absl::StrCat(kMarkVariable, mark)) return true;
  }
  return false;
}

std::vector<pid_t> AllProcesses() {
  std::vector<pid_t> pids;
  std::error_code ignored;
  for (const fs::directory_entry& entry :
       fs::directory_iterator("/proc", ignored)) {
    pid_t pid;
    if (absl::SimpleAtoi(entry.path().filename().string(), &pid)) {
      pids.push_back(pid);
    }
  }
  return pids;
}

// The leader died with the worker, but some of its group may live on. A
// number is not given again while a group has it; the mark guards against a
// group that ended and whose number was.
bool GroupCarriesMark(const ProcessRecord& record) {
  for (pid_t pid : AllProcesses()) {
    if (getpgid(pid) == record.leader && CarriesMark(pid, record.mark)) {
      return true;
    }
  }
  return false;
}

bool IsLeftover(const ProcessRecord& record) {
  if (record.boot != BootId()) return false;
  const absl::StatusOr<int64_t> start_time = StartTimeOf(record.leader);
  if (start_time.ok()) return *start_time == record.start_time;
  return GroupCarriesMark(record);
}

// Files of `folder`, oldest first.
std::vector<fs::path> FilesByAge(const fs::path& folder) {
  std::vector<std::pair<fs::file_time_type, fs::path>> files;
  std::error_code ignored;
  for (const fs::directory_entry& entry :
       fs::directory_iterator(folder, ignored)) {
    files.emplace_back(entry.last_write_time(ignored), entry.path());
  }
  std::sort(files.begin(), files.end());
  std::vector<fs::path> paths;
  for (auto& [time, path] : files) paths.push_back(std::move(path));
  return paths;
}

std::string NameOf(AttemptKey key) {
  return absl::StrCat(key.trial, "-", key.attempt);
}

}  // namespace

absl::StatusOr<std::unique_ptr<StateFolder>> StateFolder::Open(
    const std::string& path) {
  std::error_code error;
  const std::string absolute = fs::absolute(path, error).string();
  for (const char* folder : {"processes", "trials", "checkpoints", "output"}) {
    fs::create_directories(fs::path(absolute) / folder, error);
    if (error) {
      return SystemError(absl::StrCat("state folder ", absolute),
                         error.value());
    }
  }
  fs::permissions(absolute, fs::perms::owner_all, error);
  Descriptor lock(open(absl::StrCat(absolute, "/lock").c_str(),
                       O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock) return SystemError(absl::StrCat(absolute, "/lock"));
  if (flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    return absl::AlreadyExistsError(
        absl::StrCat("another worker uses the state folder ", absolute,
                     "; give this one its own with --state-dir"));
  }
  std::unique_ptr<StateFolder> folder(
      new StateFolder(absolute, std::move(lock)));
  folder->ClearLeftovers();
  ASSAY_ASSIGN_OR_RETURN(folder->sockets_, SocketFolder::Create());
  return folder;
}

StateFolder::StateFolder(std::string path, Descriptor lock)
    : path_(std::move(path)), lock_(std::move(lock)), mark_(RandomMark()) {}

std::string StateFolder::NewSocket() {
  return absl::StrCat(sockets_->path(), "/", ++last_socket_);
}

std::string StateFolder::ScratchOf(AttemptKey key) const {
  return absl::StrCat(path_, "/trials/", NameOf(key));
}

std::string StateFolder::OutputOf(AttemptKey key) const {
  return absl::StrCat(path_, "/output/", NameOf(key));
}

std::string StateFolder::ProcessMark() const {
  return absl::StrCat(kMarkVariable, mark_);
}

std::string StateFolder::RecordOf(pid_t leader) const {
  return absl::StrCat(path_, "/processes/", leader);
}

void StateFolder::Record(pid_t leader, int64_t start_time) {
  std::ofstream(RecordOf(leader))
      << start_time << ' ' << BootId() << ' ' << mark_;
}

void StateFolder::Forget(pid_t leader) { unlink(RecordOf(leader).c_str()); }

std::vector<pid_t> StateFolder::Groups() const {
  std::vector<pid_t> leaders;
  std::error_code ignored;
  for (const fs::directory_entry& entry :
       fs::directory_iterator(path_ + "/processes", ignored)) {
    pid_t leader = 0;
    if (absl::SimpleAtoi(entry.path().filename().string(), &leader)) {
      leaders.push_back(leader);
    }
  }
  return leaders;
}

void StateFolder::ClearLeftovers() {
  for (const fs::path& path : FilesByAge(path_ + "/processes")) {
    const absl::StatusOr<ProcessRecord> record = ReadRecord(path);
    if (record.ok() && IsLeftover(*record)) {
      kill(-record->leader, SIGKILL);
      ++leftovers_;
    }
    std::error_code ignored;
    fs::remove(path, ignored);
  }
  std::error_code ignored;
  for (const std::string& folder : {path_ + "/trials", Checkpoints()}) {
    for (const fs::path& path : FilesByAge(folder)) {
      fs::remove_all(path, ignored);
    }
  }
}

void StateFolder::TrimOutput(size_t keep) const {
  std::vector<std::string> logs;
  for (const fs::path& path : FilesByAge(path_ + "/output")) {
    if (path.extension() == ".log") {
      logs.push_back((path.parent_path() / path.stem()).string());
    }
  }
  for (size_t i = 0; i + keep < logs.size(); ++i) TrialOutput::Remove(logs[i]);
}

}  // namespace assay
