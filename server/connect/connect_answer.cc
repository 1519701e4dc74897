#include "server/connect/connect_answer.h"

#include <utility>

#include "server/connect/connect_error.h"
#include "server/connect/envelope.h"

namespace assay {
namespace {

class Unary final : public ConnectAnswer {
 public:
  using ConnectAnswer::ConnectAnswer;

  void Begin(Next next) override { next(); }

  void Write(std::string message, Next next) override {
    message_ = std::move(message);
    next();
  }

  void End(const absl::Status& status) override {
    HttpResponse response;
    const bool is_json = !status.ok() || format_ == MessageFormat::kJson;
    response.content_type = is_json ? "application/json" : "application/proto";
    response.status = status.ok() ? 200 : HttpStatusOf(status.code());
    response.body = status.ok() ? std::move(message_) : ErrorJson(status);
    reply_.Send(std::move(response));
  }

 private:
  std::string message_;
};

class Stream final : public ConnectAnswer {
 public:
  using ConnectAnswer::ConnectAnswer;

  void Begin(Next next) override {
    begun_ = true;
    reply_.Begin(Head(), std::move(next));
  }

  void Write(std::string message, Next next) override {
    reply_.Write(Envelope(EnvelopeFlag::kMessage, message), std::move(next));
  }

  void End(const absl::Status& status) override {
    std::string last =
        Envelope(EnvelopeFlag::kEndOfStream, EndOfStreamJson(status));
    if (begun_) return reply_.End(std::move(last));
    HttpResponse response = Head();
    response.body = std::move(last);
    reply_.Send(std::move(response));
  }

 private:
  HttpResponse Head() const {
    HttpResponse head;
    head.content_type = format_ == MessageFormat::kJson
                            ? "application/connect+json"
                            : "application/connect+proto";
    return head;
  }

  bool begun_ = false;
};

}  // namespace

std::unique_ptr<ConnectAnswer> UnaryAnswer(HttpReply reply,
                                           MessageFormat format) {
  return std::make_unique<Unary>(std::move(reply), format);
}

std::unique_ptr<ConnectAnswer> StreamAnswer(HttpReply reply,
                                            MessageFormat format) {
  return std::make_unique<Stream>(std::move(reply), format);
}

}  // namespace assay
