#include "search/base/clock.h"

#include <ctime>

#include "absl/time/clock.h"

namespace assay {
namespace {

class MachineClock final : public Clock {
 public:
  absl::Time Now() const override { return absl::Now(); }

  absl::Duration SinceBoot() const override {
    timespec time;
    clock_gettime(CLOCK_BOOTTIME, &time);
    return absl::DurationFromTimespec(time);
  }
};

}  // namespace

const Clock& SystemClock() {
  static const MachineClock* const clock = new MachineClock;
  return *clock;
}

}  // namespace assay
