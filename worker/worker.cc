#include "worker/worker.h"

#include <unistd.h>

#include <algorithm>
#include <random>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"
#include "proto/convert.h"
#include "search/base/status_macros.h"
#include "spdlog/spdlog.h"
#include "worker/trial_planner.h"

namespace assay {
namespace {

// Output of so many attempts is kept on this machine.
constexpr size_t kKeptOutputs = 50;
// The coordinator takes 64 KiB; what is no UTF-8 grows when it is replaced.
constexpr size_t kMaxReasonBytes = 20'000;
// A drained worker waits so long for its last results to be recorded.
constexpr absl::Duration kLastWords = absl::Seconds(60);

std::string ToText(AttemptKey key) {
  return absl::StrCat("trial ", key.trial, " attempt ", key.attempt);
}

// The rest of a process's output may be anything; protobuf's text is UTF-8.
std::string ToUtf8(const std::string& text) {
  using nlohmann::json;
  return json::parse(
             json(text).dump(-1, ' ', false, json::error_handler_t::replace))
      .get<std::string>();
}

v1::Finish ToMessage(const AttemptEnd& end,
                     const std::vector<TrialAttribute>& attributes) {
  v1::Finish finish;
  finish.set_kind(static_cast<v1::Finish::Kind>(end.kind));
  finish.set_reason(ToUtf8(end.reason.substr(0, kMaxReasonBytes)));
  for (const auto& [name, value] : end.metrics) {
    (*finish.mutable_metrics())[name] = value;
  }
  for (const TrialAttribute& attribute : attributes) {
    v1::Attribute& message = *finish.add_attributes();
    message.set_namespace_(attribute.name_space);
    message.set_key(attribute.key);
    message.set_value(attribute.value);
  }
  return finish;
}

static_assert(static_cast<int>(AttemptEnd::Kind::kCompleted) ==
              v1::Finish::COMPLETED);
static_assert(static_cast<int>(AttemptEnd::Kind::kStopped) ==
              v1::Finish::STOPPED);
static_assert(static_cast<int>(AttemptEnd::Kind::kFailed) ==
              v1::Finish::FAILED);
static_assert(static_cast<int>(AttemptEnd::Kind::kFatal) == v1::Finish::FATAL);
static_assert(static_cast<int>(AttemptEnd::Kind::kInfeasible) ==
              v1::Finish::INFEASIBLE);
static_assert(static_cast<int>(AttemptEnd::Kind::kHandedBack) ==
              v1::Finish::HANDED_BACK);

std::string RandomInstance() {
  std::random_device random;
  std::string bytes;
  for (int i = 0; i < 4; ++i) {
    absl::StrAppend(&bytes, absl::Hex(random(), absl::kZeroPad8));
  }
  return bytes;
}

std::vector<int> Indices(const std::vector<GpuDevice>& gpus) {
  std::vector<int> indices;
  for (const GpuDevice& gpu : gpus) indices.push_back(gpu.index);
  return indices;
}

int SlotsOf(const WorkerConfig& config, const std::vector<GpuDevice>& gpus) {
  if (config.slots > 0) return config.slots;
  if (!gpus.empty()) return static_cast<int>(gpus.size());
  return static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Worker>> Worker::Create(
    WorkerConfig config, std::vector<GpuDevice> gpus, EventLoop& loop,
    Spawner& spawner) {
  ASSAY_ASSIGN_OR_RETURN(std::unique_ptr<StateFolder> state,
                         StateFolder::Open(config.state_dir));
  if (state->leftovers() > 0) {
    spdlog::warn("killed {} process groups that a worker left behind",
                 state->leftovers());
  }
  return std::unique_ptr<Worker>(new Worker(std::move(config), std::move(gpus),
                                            loop, spawner, std::move(state)));
}

Worker::Worker(WorkerConfig config, std::vector<GpuDevice> gpus,
               EventLoop& loop, Spawner& spawner,
               std::unique_ptr<StateFolder> state)
    : config_(std::move(config)),
      loop_(loop),
      spawner_(spawner),
      state_(std::move(state)),
      standby_(loop, spawner, *state_,
               [this](const std::string& devices) {
                 return StandbyCommand(config_, devices, state_->ProcessMark());
               }),
      slots_(SlotsOf(config_, gpus), Indices(gpus)) {
  gpus.resize(std::min(gpus.size(), static_cast<size_t>(slots_.slots())));
  link_ = std::make_unique<ServerLink>(
      ServerLink::Options{.server = config_.server,
                          .hello = MakeHello(gpus),
                          .spool_bytes = config_.spool_bytes,
                          .self_stop = config_.self_stop},
      MakeLinkEvents());
  spdlog::info("worker {}: {} slots, {} GPUs, coordinator {}", config_.name,
               slots_.slots(), gpus.size(), config_.server);
}

Worker::~Worker() {
  link_.reset();
  running_.clear();
}

v1::Hello Worker::MakeHello(const std::vector<GpuDevice>& gpus) const {
  v1::Hello hello;
  hello.set_name(config_.name);
  hello.set_instance(RandomInstance());
  hello.set_slots(slots_.slots());
  for (const GpuDevice& gpu : gpus) {
    v1::Gpu& message = *hello.add_gpus();
    message.set_index(gpu.index);
    message.set_name(gpu.name);
    message.set_memory_bytes(gpu.memory_bytes);
  }
  for (const auto& [name, runner] : config_.runners) hello.add_runners(name);
  hello.set_any_command(config_.any_command);
  hello.set_builtin(access(config_.trainer.c_str(), X_OK) == 0);
  hello.set_version(ASSAY_VERSION);
  return hello;
}

LinkEvents Worker::MakeLinkEvents() {
  // From the link's threads to the loop's.
  const auto post =
      [this, alive = std::weak_ptr<bool>(alive_)](std::function<void()> task) {
        loop_.Post([alive, task = std::move(task)] {
          if (!alive.expired()) task();
        });
      };
  return {
      .assigned =
          [this, post](AttemptKey key, v1::WorkerAssignment assignment) {
            post([this, key, assignment] { Assigned(key, assignment); });
          },
      .stop =
          [this, post](AttemptKey key, std::string reason) {
            post([this, key, reason] { StopAttempt(key, reason); });
          },
      .lost =
          [this, post](AttemptKey key, std::string reason) {
            post([this, key, reason] { Lost(key, reason); });
          },
      .recorded = [this, post](
                      AttemptKey key) { post([this, key] { Recorded(key); }); },
      .relieved =
          [this, post](AttemptKey key) {
            post([this, key] {
              const auto found = running_.find(key);
              if (found != running_.end()) found->second.run->SetPaused(false);
            });
          },
      .drain =
          [this, post](bool draining) {
            post([this, draining] {
              drained_by_server_ = draining;
              spdlog::info(draining ? "drained by the coordinator"
                                    : "takes trials again");
              link_->SetDraining(draining || drains_ > 0);
            });
          },
      .self_stop =
          [this, post] {
            post([this] {
              spdlog::error("no coordinator for {} s: ending (--self-stop)",
                            absl::ToDoubleSeconds(config_.self_stop));
              loop_.Quit();
            });
          },
  };
}

void Worker::Assigned(AttemptKey key, v1::WorkerAssignment assignment) {
  const int gpus = assignment.template_().resources().gpus();
  if (drains_ > 0 || drained_by_server_) {
    return Finish(key, {AttemptEnd::Kind::kHandedBack, "the worker drains", {}},
                  {});
  }
  if (!slots_.CanEverTake(gpus)) {
    return Finish(
        key,
        {AttemptEnd::Kind::kHandedBack,
         absl::StrCat("gpus: ", gpus, " are more than this worker has"),
         {}},
        {});
  }
  waiting_.push_back({key, std::move(assignment)});
  StartWaiting();
}

void Worker::StartWaiting() {
  for (auto next = waiting_.begin(); next != waiting_.end();) {
    auto slots = slots_.Take(next->assignment.template_().resources().gpus());
    if (!slots.has_value()) {
      ++next;
      continue;
    }
    const Waiting taken = std::move(*next);
    next = waiting_.erase(next);
    Start(taken.key, taken.assignment, *std::move(slots));
  }
}

void Worker::Start(AttemptKey key, const v1::WorkerAssignment& assignment,
                   std::vector<int> slots) {
  const std::string devices = slots_.DevicesOf(slots);
  const TrialPlaces places = {.key = key,
                              .scratch = state_->ScratchOf(key),
                              .socket = state_->NewSocket(),
                              .devices = devices,
                              .process_mark = state_->ProcessMark()};
  absl::StatusOr<TrialPlan> plan = PlanTrial(assignment, config_, places);
  if (!plan.ok()) {
    slots_.Release(slots);
    return Finish(
        key,
        {AttemptEnd::Kind::kFatal, std::string(plan.status().message()), {}},
        {});
  }
  spdlog::info("{} (study {}, number {}) starts", ToText(key),
               assignment.study(), assignment.trial().number());
  const bool builtin = plan->in_standby;
  auto run = std::make_unique<TrialRun>(
      TrialRun::Services{.loop = loop_,
                         .spawner = spawner_,
                         .state = *state_,
                         .scratch_folders = scratch_folders_,
                         .standby = standby_},
      *std::move(plan), MakeRunEvents(key));
  Running& running = running_[key];
  running = {std::move(run), std::move(slots)};
  running.run->Start();
  if (builtin) standby_.Prepare(devices);
}

TrialRun::Events Worker::MakeRunEvents(AttemptKey key) {
  return {
      .measurement =
          [this, key](Measurement measurement) {
            if (link_->AddMeasurement(key, ToMessage(measurement))) return;
            running_.at(key).run->SetPaused(true);
          },
      .output = [this, key](
                    absl::string_view bytes) { link_->AddOutput(key, bytes); },
      .ended =
          [this, key](AttemptEnd end, std::vector<TrialAttribute> attributes) {
            Ended(key, end, attributes);
          },
  };
}

void Worker::Ended(AttemptKey key, const AttemptEnd& end,
                   const std::vector<TrialAttribute>& attributes) {
  const Running ended = std::move(running_.at(key));
  running_.erase(key);
  slots_.Release(ended.slots);
  if (ended.lost) {
    Recorded(key);
  } else {
    Finish(key, end, attributes);
  }
  state_->TrimOutput(kKeptOutputs);
  StartWaiting();
}

void Worker::Finish(AttemptKey key, const AttemptEnd& end,
                    const std::vector<TrialAttribute>& attributes) {
  spdlog::info("{} ends: {} {}", ToText(key),
               v1::Finish::Kind_Name(static_cast<int>(end.kind)), end.reason);
  unrecorded_.insert(key);
  link_->AddFinish(key, ToMessage(end, attributes));
}

void Worker::StopAttempt(AttemptKey key, const std::string& reason) {
  const auto running = running_.find(key);
  if (running != running_.end()) return running->second.run->Stop(reason);
  const auto waiting =
      std::find_if(waiting_.begin(), waiting_.end(),
                   [&](const Waiting& entry) { return entry.key == key; });
  if (waiting == waiting_.end()) return;  // It just ended.
  waiting_.erase(waiting);
  Finish(key, {AttemptEnd::Kind::kStopped, reason, {}}, {});
}

void Worker::Lost(AttemptKey key, const std::string& reason) {
  spdlog::warn("{} is no longer ours: {}", ToText(key), reason);
  std::erase_if(waiting_,
                [&](const Waiting& entry) { return entry.key == key; });
  const auto found = running_.find(key);
  if (found == running_.end()) return Recorded(key);
  found->second.lost = true;
  found->second.run->Kill();
}

void Worker::Recorded(AttemptKey key) {
  unrecorded_.erase(key);
  scratch_folders_.Remove(state_->ScratchOf(key));
  QuitWhenDone();
}

void Worker::Drain() {
  ++drains_;
  link_->SetDraining(true);
  if (drains_ == 1) {
    spdlog::info("draining: takes nothing new, {} trials run", running_.size());
  }
  HandBackWaiting();
  if (drains_ > 1 || config_.drain == DrainMode::kHandBack) {
    for (auto& [key, running] : running_) running.run->HandBack();
  }
  if (drains_ > 2) return loop_.Quit();
  QuitWhenDone();
}

void Worker::HandBackWaiting() {
  const std::deque<Waiting> waiting = std::exchange(waiting_, {});
  for (const Waiting& entry : waiting) {
    Finish(entry.key, {AttemptEnd::Kind::kHandedBack, "the worker drains", {}},
           {});
  }
}

void Worker::QuitWhenDone() {
  if (drains_ == 0 || !running_.empty() || !waiting_.empty()) return;
  // The link may know already what its event has yet to tell us.
  if (unrecorded_.empty() && link_->Idle()) return loop_.Quit();
  loop_.After(kLastWords, [this, alive = std::weak_ptr<bool>(alive_)] {
    if (alive.expired()) return;
    spdlog::error("the coordinator did not record the last results");
    loop_.Quit();
  });
}

}  // namespace assay
