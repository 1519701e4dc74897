#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "assay/v1/worker.grpc.pb.h"
#include "search/base/mutex.h"

namespace assay {

// A WorkerService that does what the test says: records what the worker sends
// and sends what the test wants sent.
class FakeCoordinator : public v1::WorkerService::Service {
 public:
  explicit FakeCoordinator(std::string address) : address_(std::move(address)) {
    welcome.set_lease_seconds(60);
    welcome.set_heartbeat_seconds(3600);
    Start();
  }
  ~FakeCoordinator() override { Stop(); }

  void Start() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort(address_, grpc::InsecureServerCredentials());
    builder.RegisterService(this);
    builder.SetMaxReceiveMessageSize(17 << 20);
    server_ = builder.BuildAndStart();
  }
  // Streams break, and connections are refused until Start().
  void Stop() {
    if (server_ == nullptr) return;
    Break();
    server_->Shutdown(std::chrono::system_clock::now());
    server_->Wait();
    server_.reset();
  }
  void Break() {
    MutexLock lock(mutex_);
    if (context_ != nullptr) context_->TryCancel();
  }

  // The answer to each Hello; `on_hello` may change it.
  v1::Welcome welcome;
  std::function<void(const v1::Hello&, v1::Welcome&)> on_hello;

  void Send(const v1::ServerMessage& message) {
    MutexLock lock(mutex_);
    if (stream_ != nullptr) stream_->Write(message);
  }
  void Acknowledge(int64_t trial, int32_t attempt, int64_t through_sequence,
                   int64_t through_offset, bool finished = false) {
    v1::ServerMessage message;
    v1::Acknowledgement& ack = *message.mutable_acknowledgement();
    ack.set_trial_id(trial);
    ack.set_attempt(attempt);
    ack.set_through_sequence(through_sequence);
    ack.set_through_offset(through_offset);
    ack.set_finished(finished);
    Send(message);
  }

  // The oldest message of that kind not taken yet; waits for it up to a
  // minute, then an empty one.
  v1::WorkerMessage Next(v1::WorkerMessage::MessageCase kind) {
    std::optional<v1::WorkerMessage> message =
        NextWithin(kind, std::chrono::minutes(1));
    return message.value_or(v1::WorkerMessage());
  }
  std::optional<v1::WorkerMessage> NextWithin(
      v1::WorkerMessage::MessageCase kind, std::chrono::nanoseconds limit) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    MutexLock lock(mutex_);
    for (;;) {
      for (auto it = received_.begin(); it != received_.end(); ++it) {
        if (it->message_case() != kind) continue;
        v1::WorkerMessage message = std::move(*it);
        received_.erase(it);
        return message;
      }
      if (!changed_.WaitUntil(mutex_, deadline) &&
          std::chrono::steady_clock::now() >= deadline) {
        return std::nullopt;
      }
    }
  }
  // The kinds of what was received and not taken, in order.
  std::vector<v1::WorkerMessage::MessageCase> Kinds() {
    MutexLock lock(mutex_);
    std::vector<v1::WorkerMessage::MessageCase> kinds;
    for (const auto& message : received_)
      kinds.push_back(message.message_case());
    return kinds;
  }

 private:
  using Stream = grpc::ServerReaderWriter<v1::ServerMessage, v1::WorkerMessage>;

  grpc::Status Connect(grpc::ServerContext* context, Stream* stream) override {
    v1::WorkerMessage message;
    if (!stream->Read(&message)) return grpc::Status::OK;
    v1::ServerMessage answer;
    *answer.mutable_welcome() = welcome;
    if (on_hello) on_hello(message.hello(), *answer.mutable_welcome());
    {
      MutexLock lock(mutex_);
      context_ = context;
      stream_ = stream;
      received_.push_back(message);
      stream->Write(answer);
    }
    changed_.NotifyAll();
    while (stream->Read(&message)) {
      {
        MutexLock lock(mutex_);
        received_.push_back(message);
      }
      changed_.NotifyAll();
    }
    MutexLock lock(mutex_);
    if (stream_ == stream) {
      context_ = nullptr;
      stream_ = nullptr;
    }
    return grpc::Status(grpc::StatusCode::UNAVAILABLE, "broken by the test");
  }

  const std::string address_;
  std::unique_ptr<grpc::Server> server_;
  Mutex mutex_;
  CondVar changed_;
  std::deque<v1::WorkerMessage> received_ ABSL_GUARDED_BY(mutex_);
  grpc::ServerContext* context_ ABSL_GUARDED_BY(mutex_) = nullptr;
  Stream* stream_ ABSL_GUARDED_BY(mutex_) = nullptr;
};

// An assignment of trial `id` of one parameter, lr: 0.5, with the objective
// "loss", that runs `argv`.
inline v1::ServerMessage Assign(int64_t id, int32_t attempt,
                                const std::vector<std::string>& argv) {
  v1::ServerMessage message;
  v1::WorkerAssignment& assignment = *message.mutable_assignment();
  assignment.mutable_trial()->set_id(id);
  assignment.mutable_trial()->set_study_id(1);
  assignment.mutable_trial()->set_seed(7);
  (*assignment.mutable_trial()->mutable_parameters())["lr"].set_number_value(
      0.5);
  assignment.set_attempt(attempt);
  assignment.set_study("study");
  for (const std::string& argument : argv) {
    assignment.mutable_template_()->mutable_command()->add_argv(argument);
  }
  v1::Metric& metric = *assignment.add_metrics();
  metric.set_name("loss");
  metric.set_goal(v1::Goal::MINIMIZE);
  return message;
}

inline v1::ServerMessage StopMessage(int64_t id, int32_t attempt,
                                     const std::string& reason, bool kill) {
  v1::ServerMessage message;
  message.mutable_stop()->set_trial_id(id);
  message.mutable_stop()->set_attempt(attempt);
  message.mutable_stop()->set_reason(reason);
  message.mutable_stop()->set_kill(kill);
  return message;
}

}  // namespace assay
