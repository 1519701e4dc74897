#pragma once

#include <memory>
#include <string>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "server/connect/message_codec.h"
#include "server/http/http_route.h"

namespace assay {

// How the outcome of a call is written over HTTP. From any thread, one call
// after the other: Begin, messages, End.
class ConnectAnswer {
 public:
  // Called, from any thread, once the next call may come; destroyed without a
  // call if the client has left.
  using Next = absl::AnyInvocable<void()>;

  ConnectAnswer(HttpReply reply, MessageFormat format)
      : reply_(std::move(reply)), format_(format) {}
  virtual ~ConnectAnswer() = default;

  // As HttpReply::SetOnCancel().
  void SetOnCancel(HttpSink::OnCancel on_cancel) {
    reply_.SetOnCancel(std::move(on_cancel));
  }

  virtual void Begin(Next next) = 0;
  virtual void Write(std::string message, Next next) = 0;
  // Also without Begin().
  virtual void End(const absl::Status& status) = 0;

 protected:
  HttpReply reply_;
  const MessageFormat format_;
};

// A response with the one message as its body, or with an error and the HTTP
// status of that.
std::unique_ptr<ConnectAnswer> UnaryAnswer(HttpReply reply,
                                           MessageFormat format);

// A response 200 of envelopes; the last one says how it ended.
std::unique_ptr<ConnectAnswer> StreamAnswer(HttpReply reply,
                                            MessageFormat format);

}  // namespace assay
