#pragma once

#include <utility>

#include "server/grpc/service_context.h"
#include "tests/server/server_fixture.h"

namespace assay {

// What services stand on, over the parts of a core. Both must outlive it.
inline ServiceContext ContextOf(Core& core, ServerMetrics& metrics,
                                Admission admit = AdmitEveryone) {
  return {core.studies, core.dispatcher,  core.recorder,
          core.editor,  core.workers,     core.feed,
          core.storage, core.pool,        core.clock,
          metrics,      std::move(admit), core.clock.SinceBoot(),
          "memory"};
}

}  // namespace assay
