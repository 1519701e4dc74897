#include "client/cli/interrupts.h"

#include <atomic>
#include <csignal>

namespace assay {
namespace {

std::atomic<int> interrupts = 0;
static_assert(std::atomic<int>::is_always_lock_free);  // For a handler.

void CountOne(int) { ++interrupts; }

void CountTheFirst(int) {
  int none = 0;
  interrupts.compare_exchange_strong(none, 1);
}

}  // namespace

void CountInterrupts() {
  std::signal(SIGINT, CountOne);
  std::signal(SIGTERM, CountOne);
  if (std::signal(SIGHUP, CountOne) == SIG_IGN) std::signal(SIGHUP, SIG_IGN);
  std::signal(SIGPIPE, CountTheFirst);
}

int Interrupts() { return interrupts; }

}  // namespace assay
