#include "worker/machine_usage.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "search/base/status_macros.h"
#include "worker/read_file.h"

namespace assay {
namespace {

namespace fs = std::filesystem;

double Seconds(double ticks) {
  return ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
}

std::vector<double> Numbers(absl::string_view text) {
  std::vector<double> numbers;
  for (absl::string_view word : absl::StrSplit(text, ' ', absl::SkipEmpty())) {
    double number = 0;
    if (absl::SimpleAtod(word, &number)) numbers.push_back(number);
  }
  return numbers;
}

// "MemTotal:       16318460 kB".
double MemoryField(absl::string_view meminfo, absl::string_view name) {
  for (absl::string_view line : absl::StrSplit(meminfo, '\n')) {
    if (!absl::StartsWith(line, name)) continue;
    const std::vector<double> numbers = Numbers(line);
    return numbers.empty() ? 0 : numbers[0] * 1024;
  }
  return 0;
}

struct ProcessStat {
  pid_t group = 0;
  double cpu_ticks = 0;
  double resident_pages = 0;
};

// proc(5), from field 3 on: what stands before may hold anything.
std::optional<ProcessStat> ReadStat(const std::string& pid) {
  const absl::StatusOr<std::string> text =
      ReadWholeFile(absl::StrCat("/proc/", pid, "/stat"));
  const size_t name_end = text.ok() ? text->rfind(')') : std::string::npos;
  if (name_end == std::string::npos) return std::nullopt;
  const std::vector<std::string> fields =
      absl::StrSplit(text->substr(name_end + 1), ' ', absl::SkipEmpty());
  const auto field = [&](size_t number) {
    double value = 0;
    const size_t i = number - 3;
    return i < fields.size() && absl::SimpleAtod(fields[i], &value) ? value : 0;
  };
  return ProcessStat{.group = static_cast<pid_t>(field(5)),
                     .cpu_ticks = field(14) + field(15) + field(16) + field(17),
                     .resident_pages = field(24)};
}

}  // namespace

absl::StatusOr<MachineUsage> ReadMachineUsage() {
  ASSAY_ASSIGN_OR_RETURN(const std::string stat, ReadWholeFile("/proc/stat"));
  ASSAY_ASSIGN_OR_RETURN(const std::string memory,
                         ReadWholeFile("/proc/meminfo"));
  // "cpu  user nice system idle iowait irq softirq steal ...": guests are
  // within user and nice.
  const std::vector<double> ticks = Numbers(stat.substr(0, stat.find('\n')));
  MachineUsage usage = {
      .memory_bytes = MemoryField(memory, "MemTotal:"),
      .available_bytes = MemoryField(memory, "MemAvailable:")};
  for (size_t i = 0; i < ticks.size() && i < 8; ++i) {
    const bool is_idle = i == 3 || i == 4;
    (is_idle ? usage.idle_seconds : usage.busy_seconds) += Seconds(ticks[i]);
  }
  return usage;
}

ProcessUsage ReadUsageOf(const absl::flat_hash_set<pid_t>& groups) {
  ProcessUsage usage;
  if (groups.empty()) return usage;
  std::error_code ignored;
  for (const fs::directory_entry& entry :
       fs::directory_iterator("/proc", ignored)) {
    const std::string pid = entry.path().filename().string();
    if (pid.find_first_not_of("0123456789") != std::string::npos) continue;
    const std::optional<ProcessStat> stat = ReadStat(pid);
    if (!stat || !groups.contains(stat->group)) continue;
    ++usage.processes;
    usage.cpu_seconds += Seconds(stat->cpu_ticks);
    usage.resident_bytes +=
        stat->resident_pages * static_cast<double>(sysconf(_SC_PAGESIZE));
  }
  return usage;
}

double CpuSecondsOfEndedChildren() {
  rusage usage;
  if (getrusage(RUSAGE_CHILDREN, &usage) != 0) return 0;
  return absl::ToDoubleSeconds(absl::DurationFromTimeval(usage.ru_utime) +
                               absl::DurationFromTimeval(usage.ru_stime));
}

}  // namespace assay
