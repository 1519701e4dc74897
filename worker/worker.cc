#include "worker/worker.h"

#include <unistd.h>

#include <algorithm>
#include <random>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"
#include "proto/convert.h"
#include "proto/convert_checkpoint.h"
#include "search/base/clock.h"
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
  ASSAY_ASSIGN_OR_RETURN(std::unique_ptr<ChunkCache> cache,
                         ChunkCache::Open(state->Cache(), config.cache_bytes));
  std::unique_ptr<ChunkFolder> shared;
  if (!config.checkpoint_folder.empty()) {
    ASSAY_ASSIGN_OR_RETURN(shared,
                           ChunkFolder::Open(config.checkpoint_folder,
                                             ChunkFolder::Sync::kDurable));
  }
  const size_t slots = static_cast<size_t>(SlotsOf(config, gpus));
  gpus.resize(std::min(gpus.size(), slots));
  std::unique_ptr<Worker> worker(
      new Worker(std::move(config), gpus, loop, spawner, std::move(state),
                 std::move(cache), std::move(shared)));
  ASSAY_RETURN_IF_ERROR(worker->StartMonitor(std::move(gpus)));
  return worker;
}

Worker::Worker(WorkerConfig config, std::vector<GpuDevice> gpus,
               EventLoop& loop, Spawner& spawner,
               std::unique_ptr<StateFolder> state,
               std::unique_ptr<ChunkCache> cache,
               std::unique_ptr<ChunkFolder> shared)
    : config_(std::move(config)),
      loop_(loop),
      spawner_(spawner),
      state_(std::move(state)),
      standby_(loop, spawner, *state_,
               [this](const std::string& devices) {
                 return StandbyCommand(config_, devices, state_->ProcessMark());
               }),
      slots_(SlotsOf(config_, gpus), Indices(gpus)),
      metrics_(config_.name, gpus, SystemClock().Now()) {
  ShowSlots();
  link_ = std::make_unique<ServerLink>(
      ServerLink::Options{.server = config_.server,
                          .hello = MakeHello(gpus),
                          .spool_bytes = config_.spool_bytes,
                          .self_stop = config_.self_stop},
      MakeLinkEvents());
  checkpoints_ = MakeCheckpoints(std::move(cache), std::move(shared));
  spdlog::info("worker {}: {} slots, {} GPUs, coordinator {}", config_.name,
               slots_.slots(), gpus.size(), config_.server);
}

Worker::~Worker() {
  monitor_.reset();
  checkpoints_.reset();
  link_.reset();
  running_.clear();
}

absl::Status Worker::StartMonitor(std::vector<GpuDevice> gpus) {
  if (config_.http == "none") return absl::OkStatus();
  ASSAY_ASSIGN_OR_RETURN(
      monitor_,
      Monitor::Start({.address = config_.http,
                      .names = config_.http_names,
                      .title = absl::StrCat("Assay worker ", config_.name)},
                     {.loop = loop_,
                      .state = *state_,
                      .metrics = metrics_,
                      .measure_link =
                          [this] {
                            const LinkState link = link_->state();
                            metrics_.SetLink(link.connected, link.streams,
                                             link.spool_bytes);
                          },
                      .gpus = std::move(gpus)}));
  spdlog::info("metrics on port {}", monitor_->port());
  return absl::OkStatus();
}

std::unique_ptr<Checkpoints> Worker::MakeCheckpoints(
    std::unique_ptr<ChunkCache> cache, std::unique_ptr<ChunkFolder> shared) {
  return std::make_unique<Checkpoints>(Checkpoints::Options{
      .loop = &loop_,
      .root = state_->Checkpoints(),
      .channel = OpenCheckpointChannel(config_.server, std::move(shared)),
      .cache = std::move(cache),
      .number = [this](AttemptKey key) { return link_->NumberOf(key); },
      .say = [this](AttemptKey key,
                    absl::string_view text) { Say(key, text); }});
}

// Of any thread.
void Worker::Say(AttemptKey key, absl::string_view text) {
  spdlog::warn("{}: {}", ToText(key), std::string(text));
  link_->AddOutput(key, absl::StrCat("assay-worker: ", text, "\n"));
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
              metrics_.SetDraining(draining || drains_ > 0);
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
    auto slots = TakeSlots(next->assignment.template_().resources().gpus());
    if (!slots.has_value()) {
      ++next;
      continue;
    }
    Waiting taken = std::move(*next);
    next = waiting_.erase(next);
    Start(taken.key, std::move(taken.assignment), *std::move(slots));
  }
}

std::optional<std::vector<int>> Worker::TakeSlots(int gpus) {
  auto taken = slots_.Take(gpus);
  ShowSlots();
  return taken;
}

void Worker::ReleaseSlots(const std::vector<int>& slots) {
  slots_.Release(slots);
  ShowSlots();
}

void Worker::ShowSlots() {
  metrics_.SetSlots(slots_.slots(), slots_.busy());
  metrics_.SetBusyGpus(slots_.BusyGpus());
}

void Worker::Start(AttemptKey key, v1::WorkerAssignment assignment,
                   std::vector<int> slots) {
  link_->SetSlot(key, slots.front() + 1);
  if (assignment.has_resume()) {
    return Fetch(key, std::move(assignment), std::move(slots));
  }
  if (assignment.trial().continues() != 0) {
    Say(key, absl::StrCat("trial ", assignment.trial().continues(),
                          " left no checkpoint: it starts from step 0"));
  }
  Run(key, assignment, std::move(slots), /*resume=*/"");
}

void Worker::Fetch(AttemptKey key, v1::WorkerAssignment assignment,
                   std::vector<int> slots) {
  absl::StatusOr<Checkpoint> checkpoint = ToCheckpoint(assignment.resume());
  fetching_[key] = {std::move(assignment), std::move(slots)};
  if (!checkpoint.ok()) return Fetched(key, checkpoint.status());
  checkpoints_->Fetch(
      key, *std::move(checkpoint),
      [this, key](const absl::Status& status) { Fetched(key, status); });
}

void Worker::Fetched(AttemptKey key, const absl::Status& status) {
  auto fetched = fetching_.extract(key);
  if (fetched.empty()) return;
  Fetching& fetching = fetched.mapped();
  if (status.ok()) {
    return Run(key, fetching.assignment, std::move(fetching.slots),
               checkpoints_->ResumeOf(key));
  }
  Say(key, absl::StrCat("the checkpoint of step ",
                        fetching.assignment.resume().step(),
                        " cannot be had, it starts from step 0: ",
                        std::string(status.message())));
  Run(key, fetching.assignment, std::move(fetching.slots), /*resume=*/"");
}

void Worker::Run(AttemptKey key, const v1::WorkerAssignment& assignment,
                 std::vector<int> slots, const std::string& resume) {
  const std::string devices = slots_.DevicesOf(slots);
  const TrialPlaces places = {.key = key,
                              .scratch = state_->ScratchOf(key),
                              .socket = state_->NewSocket(),
                              .devices = devices,
                              .process_mark = state_->ProcessMark(),
                              .checkpoint = checkpoints_->OutOf(key),
                              .resume = resume};
  absl::StatusOr<TrialPlan> plan = PlanTrial(assignment, config_, places);
  if (plan.ok()) {
    if (absl::Status made = checkpoints_->Open(key); !made.ok()) plan = made;
  }
  if (!plan.ok()) {
    ReleaseSlots(slots);
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
      .checkpoint =
          [this, key](CheckpointNotice notice, TrialSocket::Answer answer) {
            checkpoints_->Take(key, notice.step, std::move(answer));
          },
      .left = [this, key](int64_t step) { checkpoints_->TakeLeft(key, step); },
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
  ReleaseSlots(ended.slots);
  const bool is_of_use = end.kind != AttemptEnd::Kind::kFatal &&
                         end.kind != AttemptEnd::Kind::kInfeasible;
  if (ended.lost) {
    Recorded(key);
  } else if (!is_of_use) {
    Finish(key, end, attributes);
  } else {
    sending_.insert(key);
    checkpoints_->Finish(key, config_.checkpoint_wait,
                         [this, key, end, attributes] {
                           if (sending_.erase(key) == 0) return;
                           Finish(key, end, attributes);
                         });
  }
  state_->TrimOutput(kKeptOutputs);
  StartWaiting();
}

void Worker::Finish(AttemptKey key, const AttemptEnd& end,
                    const std::vector<TrialAttribute>& attributes) {
  spdlog::info("{} ends: {} {}", ToText(key),
               v1::Finish::Kind_Name(static_cast<int>(end.kind)), end.reason);
  metrics_.CountEnd(end.kind);
  unrecorded_.insert(key);
  link_->AddFinish(key, ToMessage(end, attributes));
}

void Worker::StopAttempt(AttemptKey key, const std::string& reason) {
  const auto running = running_.find(key);
  if (running != running_.end()) return running->second.run->Stop(reason);
  EndUnstarted(key, {AttemptEnd::Kind::kStopped, reason, {}});
}

void Worker::EndUnstarted(AttemptKey key, const AttemptEnd& end) {
  auto fetched = fetching_.extract(key);
  const bool was_waiting = std::erase_if(waiting_, [&](const Waiting& entry) {
                             return entry.key == key;
                           }) > 0;
  if (fetched.empty() && !was_waiting) return;  // It just ended.
  if (!fetched.empty()) ReleaseSlots(fetched.mapped().slots);
  Finish(key, end, {});
}

void Worker::Lost(AttemptKey key, const std::string& reason) {
  spdlog::warn("{} is no longer ours: {}", ToText(key), reason);
  metrics_.CountLost();
  std::erase_if(waiting_,
                [&](const Waiting& entry) { return entry.key == key; });
  if (auto fetched = fetching_.extract(key); !fetched.empty()) {
    ReleaseSlots(fetched.mapped().slots);
  }
  sending_.erase(key);
  const auto found = running_.find(key);
  if (found == running_.end()) return Recorded(key);
  found->second.lost = true;
  found->second.run->Kill();
}

void Worker::Recorded(AttemptKey key) {
  unrecorded_.erase(key);
  scratch_folders_.Remove(state_->ScratchOf(key));
  checkpoints_->Forget(key);
  QuitWhenDone();
}

void Worker::Drain() {
  ++drains_;
  link_->SetDraining(true);
  metrics_.SetDraining(true);
  if (drains_ == 1) {
    spdlog::info("draining: takes nothing new, {} trials run", running_.size());
  }
  HandBackWaiting();
  if (drains_ > 1 || config_.drain == DrainMode::kHandBack) {
    for (auto& [key, running] : running_) running.run->HandBack();
  }
  if (drains_ > 1) checkpoints_->HurryUp();
  if (drains_ > 2) return loop_.Quit();
  QuitWhenDone();
}

void Worker::HandBackWaiting() {
  std::vector<AttemptKey> keys;
  for (const Waiting& entry : waiting_) keys.push_back(entry.key);
  for (const auto& [key, fetching] : fetching_) keys.push_back(key);
  for (const AttemptKey key : keys) {
    EndUnstarted(key, {AttemptEnd::Kind::kHandedBack, "the worker drains", {}});
  }
}

void Worker::QuitWhenDone() {
  const bool is_busy = !running_.empty() || !waiting_.empty() ||
                       !fetching_.empty() || !sending_.empty();
  if (drains_ == 0 || is_busy) return;
  // The link may know already what its event has yet to tell us.
  if (unrecorded_.empty() && link_->Idle()) return loop_.Quit();
  loop_.After(kLastWords, [this, alive = std::weak_ptr<bool>(alive_)] {
    if (alive.expired()) return;
    spdlog::error("the coordinator did not record the last results");
    loop_.Quit();
  });
}

}  // namespace assay
