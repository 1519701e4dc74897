#pragma once

#include <algorithm>
#include <string>

#include <grpcpp/client_context.h>
#include <grpcpp/support/status.h>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace assay {

// The same code and message.
absl::Status ToAbslStatus(const grpc::Status& status);

// How long and how often a call is tried.
struct CallOptions {
  // All attempts together.
  absl::Duration timeout = absl::Seconds(30);
  // One attempt; a lost answer is noticed after this.
  absl::Duration attempt_timeout = absl::Seconds(15);
  // Before the second attempt; doubles from one to the next, up to 2 s.
  absl::Duration backoff = absl::Milliseconds(50);
  // True: a server that is away is waited for. False: three attempts.
  bool wait_for_server = true;
};

// Calls until it succeeds, fails for good or `options.timeout` is over. Tried
// again: Unavailable, a lost answer, and five times ResourceExhausted ("too
// many writes wait"). Only for requests that may be repeated: all of assay.v1
// that carry their key.
template <typename Stub, typename Request, typename Response>
absl::StatusOr<Response> Call(Stub& stub,
                              grpc::Status (Stub::*method)(grpc::ClientContext*,
                                                           const Request&,
                                                           Response*),
                              const Request& request,
                              const CallOptions& options = {});

// Decides what follows a failed attempt.
class Retry {
 public:
  explicit Retry(const CallOptions& options);

  // Of the next attempt.
  std::chrono::system_clock::time_point AttemptDeadline() const;

  // True after a pause if it is worth another attempt, false if `status` is the
  // answer.
  bool Again(const grpc::Status& status);

 private:
  const CallOptions options_;
  const absl::Time deadline_;
  absl::Duration backoff_;
  int unavailable_ = 0;
  int exhausted_ = 0;
};

template <typename Stub, typename Request, typename Response>
absl::StatusOr<Response> Call(Stub& stub,
                              grpc::Status (Stub::*method)(grpc::ClientContext*,
                                                           const Request&,
                                                           Response*),
                              const Request& request,
                              const CallOptions& options) {
  Retry retry(options);
  while (true) {
    grpc::ClientContext context;
    context.set_wait_for_ready(options.wait_for_server);
    context.set_deadline(retry.AttemptDeadline());
    Response response;
    const grpc::Status status = (stub.*method)(&context, request, &response);
    if (status.ok()) return response;
    if (!retry.Again(status)) return ToAbslStatus(status);
  }
}

}  // namespace assay
