#include "server/http/process_metrics.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>

namespace assay {
namespace {

double CpuSeconds() {
  rusage usage;
  if (getrusage(RUSAGE_SELF, &usage) != 0) return 0;
  return absl::ToDoubleSeconds(absl::DurationFromTimeval(usage.ru_utime) +
                               absl::DurationFromTimeval(usage.ru_stime));
}

// The second figure of statm: pages.
double ResidentBytes() {
  int64_t total = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> total >> resident;
  return static_cast<double>(resident) *
         static_cast<double>(sysconf(_SC_PAGESIZE));
}

double OpenDescriptors() {
  DIR* folder = opendir("/proc/self/fd");
  if (folder == nullptr) return 0;
  int count = 0;
  while (readdir(folder) != nullptr) ++count;
  closedir(folder);
  return count - 3;  // ".", "..", and that of `folder`.
}

double MaxDescriptors() {
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  return static_cast<double>(limit.rlim_cur);
}

}  // namespace

ProcessMetrics::ProcessMetrics(MetricFamilies& families, absl::Time started)
    : cpu_seconds_(families.Counter("process_cpu_seconds_total")),
      resident_bytes_(families.Gauge("process_resident_memory_bytes")),
      open_descriptors_(families.Gauge("process_open_fds")),
      max_descriptors_(families.Gauge("process_max_fds")) {
  families.Gauge("process_start_time_seconds")
      .Set(absl::ToDoubleSeconds(started - absl::UnixEpoch()));
  Measure();
}

void ProcessMetrics::Measure() {
  RaiseTo(cpu_seconds_, CpuSeconds());
  resident_bytes_.Set(ResidentBytes());
  open_descriptors_.Set(OpenDescriptors());
  max_descriptors_.Set(MaxDescriptors());
}

}  // namespace assay
