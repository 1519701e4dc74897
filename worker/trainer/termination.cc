#include "worker/trainer/termination.h"

#include <csignal>

namespace assay {
namespace {

volatile std::sig_atomic_t requested = 0;

extern "C" void RememberTermination(int /*signal*/) { requested = 1; }

}  // namespace

void CatchTermination() {
  struct sigaction action = {};
  action.sa_handler = RememberTermination;
  sigemptyset(&action.sa_mask);
  sigaction(SIGTERM, &action, nullptr);
}

bool TerminationRequested() { return requested != 0; }

}  // namespace assay
