#include "worker/server_link.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <utility>

#include "assay/v1/worker.grpc.pb.h"
#include "spdlog/spdlog.h"

namespace assay {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::steady_clock;

constexpr size_t kPressed = 20'000;  // Measurements that wait: read no more.
constexpr size_t kRelieved = 2'000;  // Go on.
constexpr double kOutputBytesPerSecond = 1 << 20;
constexpr milliseconds kOutputInterval(50);
constexpr std::chrono::seconds kUseful(1);
constexpr int kMaxMessageBytes = 17 << 20;

std::shared_ptr<grpc::Channel> MakeChannel(const std::string& server,
                                           absl::Duration patience) {
  grpc::ChannelArguments arguments;
  // A channel of its own, so that the retries are ours, not gRPC's.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS,
                   static_cast<int>(absl::ToInt64Milliseconds(patience)));
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
  // A dead machine is noticed without TCP's quarter of an hour.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 30'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  return grpc::CreateCustomChannel(server, grpc::InsecureChannelCredentials(),
                                   arguments);
}

// Doubles from try to try; half of it is left to chance, so that the workers
// of a coordinator that restarts do not come all at once.
class Backoff {
 public:
  Backoff(absl::Duration first, absl::Duration last)
      : first_(first),
        last_(last),
        next_(first),
        random_(std::random_device()()) {}

  absl::Duration Next() {
    const absl::Duration wait = next_;
    next_ = std::min(next_ * 2, last_);
    return wait * std::uniform_real_distribution<double>(0.5, 1)(random_);
  }
  void Reset() { next_ = first_; }

 private:
  const absl::Duration first_;
  const absl::Duration last_;
  absl::Duration next_;
  std::minstd_rand random_;
};

}  // namespace

// One stream. It is written to by the link's thread alone, which keeps a hold
// on it as long as it does. Fields are guarded by the link's mutex.
class ServerLink::Stream final
    : public grpc::ClientBidiReactor<v1::WorkerMessage, v1::ServerMessage> {
 public:
  explicit Stream(ServerLink& link)
      : link_(link),
        stub_(v1::WorkerService::NewStub(
            MakeChannel(link.options_.server, link.options_.patience))) {}

  void Open() {
    stub_->async()->Connect(&context_, this);
    AddHold();
    StartRead(&incoming_);
    StartCall();
  }

  void Write(v1::WorkerMessage message) {
    outgoing_ = std::move(message);
    StartWrite(&outgoing_);
  }

  // Waits for its end.
  grpc::Status Close() {
    context_.TryCancel();
    RemoveHold();
    MutexLock lock(link_.mutex_);
    while (!done) link_.changed_.Wait(link_.mutex_);
    return status;
  }

  void OnReadDone(bool ok) override {
    if (!ok) return Mark(broken);
    link_.OnMessage(*this, incoming_);
    StartRead(&incoming_);
  }

  void OnWriteDone(bool ok) override {
    {
      MutexLock lock(link_.mutex_);
      writing = false;
      broken = broken || !ok;
    }
    link_.changed_.NotifyAll();
  }

  void OnDone(const grpc::Status& end) override {
    // Notified under the lock: once `done` is seen, this is destroyed.
    MutexLock lock(link_.mutex_);
    status = end;
    done = true;
    link_.changed_.NotifyAll();
  }

  bool hello_sent = false;
  bool draining_sent = false;
  bool welcomed = false;
  bool writing = false;
  bool broken = false;
  bool done = false;
  Time opened = steady_clock::now();
  grpc::Status status;

 private:
  void Mark(bool& flag) {
    {
      MutexLock lock(link_.mutex_);
      flag = true;
    }
    link_.changed_.NotifyAll();
  }

  ServerLink& link_;
  grpc::ClientContext context_;
  const std::unique_ptr<v1::WorkerService::Stub> stub_;
  v1::ServerMessage incoming_;
  v1::WorkerMessage outgoing_;
};

ServerLink::ServerLink(Options options, LinkEvents events)
    : options_(std::move(options)),
      events_(std::move(events)),
      spool_(options_.spool_bytes),
      away_since_(steady_clock::now()),
      heartbeat_interval_(std::chrono::seconds(10)),
      thread_([this] { Run(); }) {}

ServerLink::~ServerLink() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.NotifyAll();
  thread_.join();
}

bool ServerLink::AddMeasurement(AttemptKey key, v1::Measurement measurement) {
  bool more;
  {
    MutexLock lock(mutex_);
    spool_.AddMeasurement(key, std::move(measurement));
    // While the coordinator is away the trial goes on and the spool thins.
    more = !connected_ || spool_.Waiting(key) < kPressed;
    if (!more) pressed_.insert(key);
  }
  changed_.NotifyAll();
  return more;
}

void ServerLink::AddOutput(AttemptKey key, absl::string_view bytes) {
  {
    MutexLock lock(mutex_);
    spool_.AddOutput(key, bytes);
  }
  changed_.NotifyAll();
}

void ServerLink::AddFinish(AttemptKey key, v1::Finish finish) {
  {
    MutexLock lock(mutex_);
    spool_.AddFinish(key, std::move(finish));
  }
  changed_.NotifyAll();
}

void ServerLink::SetSlot(AttemptKey key, int32_t slot) {
  MutexLock lock(mutex_);
  spool_.SetSlot(key, slot);
}

int32_t ServerLink::NumberOf(AttemptKey key) const {
  MutexLock lock(mutex_);
  return spool_.NumberOf(key);
}

void ServerLink::SetDraining(bool draining) {
  {
    MutexLock lock(mutex_);
    draining_ = draining;
  }
  changed_.NotifyAll();
}

bool ServerLink::Idle() const {
  MutexLock lock(mutex_);
  return spool_.empty();
}

bool ServerLink::Connected() const {
  MutexLock lock(mutex_);
  return connected_;
}

LinkState ServerLink::state() const {
  MutexLock lock(mutex_);
  return {connected_, streams_, spool_.bytes()};
}

void ServerLink::Run() {
  Backoff backoff(options_.first_retry, options_.last_retry);
  do {
    if (ServeStream()) backoff.Reset();
  } while (WaitToRetry(backoff.Next()));
}

bool ServerLink::ServeStream() {
  Stream stream(*this);
  {
    MutexLock lock(mutex_);
    spool_.Rewind();
  }
  stream.Open();
  WriteUntilBroken(stream);
  const grpc::Status status = stream.Close();
  Calls calls;
  bool stopping;
  {
    MutexLock lock(mutex_);
    if (connected_) away_since_ = steady_clock::now();
    connected_ = false;
    stopping = stopping_;
    Relieve(std::numeric_limits<size_t>::max(), calls);
  }
  for (const auto& call : calls) call();
  if (!stopping) LogEnd(status.error_message());
  // A stream that is refused as soon as it is welcomed is of no use.
  return stream.welcomed && steady_clock::now() - stream.opened > kUseful;
}

// Once, not at each try.
void ServerLink::LogEnd(const std::string& why) {
  if (why == last_end_) {
    spdlog::debug("{}: {}", options_.server, why);
  } else {
    spdlog::warn("{}: {}; trying again", options_.server,
                 why.empty() ? "the stream ended" : why);
  }
  last_end_ = why;
}

void ServerLink::WriteUntilBroken(Stream& stream) {
  for (;;) {
    std::optional<v1::WorkerMessage> message;
    Calls calls;
    {
      MutexLock lock(mutex_);
      while (!message.has_value()) {
        const bool late =
            !stream.welcomed &&
            steady_clock::now() >
                stream.opened + absl::ToChronoNanoseconds(options_.patience);
        if (stopping_ || stream.broken || late) return;
        if (!stream.writing) message = NextMessage(stream);
        if (!message.has_value()) {
          changed_.WaitUntil(mutex_, Deadline(stream));
        }
      }
      stream.writing = true;
      Relieve(kRelieved, calls);
    }
    stream.Write(*std::move(message));
    for (const auto& call : calls) call();
  }
}

ServerLink::Time ServerLink::Deadline(const Stream& stream) {
  const Time now = steady_clock::now();
  if (!stream.welcomed) {
    return stream.opened + absl::ToChronoNanoseconds(options_.patience) +
           milliseconds(1);
  }
  if (stream.writing) return now + std::chrono::hours(1);  // Woken by its end.
  return spool_.HasOutput() ? std::min(next_heartbeat_, next_output_)
                            : next_heartbeat_;
}

std::optional<v1::WorkerMessage> ServerLink::NextMessage(Stream& stream) {
  if (!stream.hello_sent) {
    stream.hello_sent = true;
    stream.draining_sent = draining_;
    return MakeHello();
  }
  if (!stream.welcomed) return std::nullopt;
  if (steady_clock::now() >= next_heartbeat_) return MakeHeartbeat();
  if (stream.draining_sent != draining_) {
    stream.draining_sent = draining_;
    v1::WorkerMessage message;
    message.mutable_draining()->set_draining(draining_);
    return message;
  }
  std::optional<v1::WorkerMessage> message = spool_.Next();
  return message.has_value() ? std::move(message) : NextOutput();
}

v1::WorkerMessage ServerLink::MakeHello() {
  v1::WorkerMessage message;
  *message.mutable_hello() = options_.hello;
  message.mutable_hello()->set_draining(draining_);
  for (v1::HeldAttempt& held : spool_.Held()) {
    *message.mutable_hello()->add_held() = std::move(held);
  }
  return message;
}

v1::WorkerMessage ServerLink::MakeHeartbeat() {
  next_heartbeat_ = steady_clock::now() + heartbeat_interval_;
  v1::WorkerMessage message;
  message.mutable_heartbeat();
  for (v1::HeldAttempt& held : spool_.Held()) {
    *message.mutable_heartbeat()->add_held() = std::move(held);
  }
  return message;
}

std::optional<v1::WorkerMessage> ServerLink::NextOutput() {
  const Time now = steady_clock::now();
  if (now < next_output_) return std::nullopt;
  std::optional<v1::WorkerMessage> message = spool_.NextOutput();
  if (!message.has_value()) return std::nullopt;
  const std::chrono::duration<double> wait(
      static_cast<double>(message->log().data().size()) /
      kOutputBytesPerSecond);
  next_output_ =
      now + std::max<nanoseconds>(
                kOutputInterval, std::chrono::duration_cast<nanoseconds>(wait));
  return message;
}

void ServerLink::Relieve(size_t below, Calls& calls) {
  for (auto key = pressed_.begin(); key != pressed_.end();) {
    if (spool_.Waiting(*key) >= below) {
      ++key;
      continue;
    }
    calls.push_back([this, relieved = *key] { events_.relieved(relieved); });
    key = pressed_.erase(key);
  }
}

bool ServerLink::WaitToRetry(absl::Duration wait) {
  const Time until = steady_clock::now() + absl::ToChronoNanoseconds(wait);
  CheckSelfStop();
  MutexLock lock(mutex_);
  while (!stopping_ && changed_.WaitUntil(mutex_, until)) {
  }
  return !stopping_;
}

void ServerLink::CheckSelfStop() {
  if (options_.self_stop == absl::InfiniteDuration()) return;
  {
    MutexLock lock(mutex_);
    const auto away = steady_clock::now() - away_since_;
    if (self_stopped_ || absl::FromChrono(away) < options_.self_stop) return;
    self_stopped_ = true;
  }
  events_.self_stop();
}

void ServerLink::OnMessage(Stream& stream, const v1::ServerMessage& message) {
  Calls calls;
  {
    MutexLock lock(mutex_);
    switch (message.message_case()) {
      case v1::ServerMessage::kWelcome:
        OnWelcome(stream, message.welcome(), calls);
        break;
      case v1::ServerMessage::kAssignment:
        OnAssignment(message.assignment(), calls);
        break;
      case v1::ServerMessage::kStop:
        OnStop(message.stop(), calls);
        break;
      case v1::ServerMessage::kAcknowledgement:
        if (const auto key = spool_.Acknowledge(message.acknowledgement())) {
          pressed_.erase(*key);
          calls.push_back([this, key] { events_.recorded(*key); });
        }
        break;
      case v1::ServerMessage::kDrain:
        calls.push_back([this, draining = message.drain().draining()] {
          events_.drain(draining);
        });
        break;
      case v1::ServerMessage::MESSAGE_NOT_SET:
        break;  // Of a newer coordinator.
    }
  }
  changed_.NotifyAll();
  for (const auto& call : calls) call();
}

void ServerLink::OnWelcome(Stream& stream, const v1::Welcome& welcome,
                           Calls& calls) {
  stream.welcomed = true;
  connected_ = true;
  ++streams_;
  self_stopped_ = false;
  if (welcome.heartbeat_seconds() > 0) {
    heartbeat_interval_ =
        absl::ToChronoNanoseconds(absl::Seconds(welcome.heartbeat_seconds()));
  }
  next_heartbeat_ = steady_clock::now() + heartbeat_interval_;
  for (const v1::Verdict& verdict : welcome.verdicts()) {
    OnVerdict(verdict, calls);
  }
  spdlog::info("connected to {}, lease {} s", options_.server,
               welcome.lease_seconds());
}

void ServerLink::OnVerdict(const v1::Verdict& verdict, Calls& calls) {
  const auto key = spool_.Find(verdict.trial_id(), verdict.attempt());
  if (!key.has_value()) return;
  if (!verdict.go_on()) {
    spool_.Forget(*key);
    calls.push_back(
        [this, key, reason = verdict.reason()] { events_.lost(*key, reason); });
  } else if (verdict.new_attempt() != 0) {
    spool_.Renumber(*key, verdict.new_attempt());
  }
}

void ServerLink::OnAssignment(const v1::WorkerAssignment& assignment,
                              Calls& calls) {
  const int64_t trial = assignment.trial().id();
  // Sent again because a stream broke: it runs, or its finish is on its way.
  if (spool_.Find(trial, assignment.attempt()).has_value()) return;
  const AttemptKey key = {trial, assignment.attempt()};
  spool_.Open(key);
  calls.push_back(
      [this, key, assignment] { events_.assigned(key, assignment); });
}

void ServerLink::OnStop(const v1::StopAttempt& stop, Calls& calls) {
  const auto key = spool_.Find(stop.trial_id(), stop.attempt());
  if (!key.has_value()) return;
  if (stop.kill()) {
    spool_.Forget(*key);
    calls.push_back(
        [this, key, reason = stop.reason()] { events_.lost(*key, reason); });
  } else {
    calls.push_back(
        [this, key, reason = stop.reason()] { events_.stop(*key, reason); });
  }
}

}  // namespace assay
