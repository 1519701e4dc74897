#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "search/base/clock.h"
#include "server/change_feed.h"
#include "server/executor.h"
#include "server/metrics.h"
#include "server/study_registry.h"
#include "server/trial_dispatcher.h"
#include "server/trial_editor.h"
#include "server/trial_recorder.h"
#include "server/worker_registry.h"
#include "storage/storage.h"

namespace assay {

// Who calls.
struct Caller {
  std::string peer;  // "ipv4:127.0.0.1:41234".
};

// Identity, role and quota: OK, or Unauthenticated, PermissionDenied,
// ResourceExhausted. Called for every call of every service of ours before it
// acts. Quick, thread-safe.
using Admission =
    std::function<absl::Status(const Caller&, const std::string& method)>;

// Everyone, for a server that only this machine can reach.
absl::Status AdmitEveryone(const Caller& caller, const std::string& method);

// What the services stand on. All must outlive them.
struct ServiceContext {
  StudyRegistry& studies;
  TrialDispatcher& dispatcher;
  TrialRecorder& recorder;
  TrialEditor& editor;
  WorkerRegistry& workers;
  ChangeFeed& feed;
  Storage& storage;
  Executor& pool;
  const Clock& clock;
  ServerMetrics& metrics;
  Admission admit;
  absl::Duration started;  // Since boot.
  std::string data_dir;
};

}  // namespace assay
