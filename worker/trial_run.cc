#include "worker/trial_run.h"

#include <filesystem>
#include <fstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"
#include "search/base/clock.h"
#include "search/base/status_macros.h"
#include "worker/system_error.h"

namespace assay {
namespace {

// The line that a waiting trainer reads from its stdin.
std::string StandbyOrder(const TrialPlan& plan) {
  const nlohmann::json order = {{"trial", TrialFileIn(plan.scratch)},
                                {"socket", plan.socket},
                                {"directory", plan.scratch}};
  return order.dump() + "\n";
}

// They travel in one message with the end.
constexpr size_t kMaxAttributeBytes = size_t{4} << 20;

}  // namespace

std::string TrialFileIn(const std::string& scratch) {
  return absl::StrCat(scratch, "/trial.json");
}

TrialRun::TrialRun(Services services, TrialPlan plan, Events events)
    : services_(services),
      plan_(std::move(plan)),
      events_(std::move(events)),
      started_at_(SystemClock().SinceBoot()),
      output_(services.state.OutputOf(plan_.key)) {
  record_.objectives = plan_.objectives;
}

TrialRun::~TrialRun() {
  services_.loop.Cancel(limit_timer_);
  services_.loop.Cancel(grace_timer_);
  services_.loop.Cancel(scratch_timer_);
  if (process_ == nullptr) return;
  const pid_t leader = process_->pid();
  process_.reset();
  services_.state.Forget(leader);
}

void TrialRun::Start() {
  if (const absl::Status status = Prepare(); !status.ok()) {
    return CannotStart(status);
  }
  if (plan_.in_standby) {
    Process process = services_.standby.Take(plan_.devices);
    if (process != nullptr) return Run(std::move(process));
  }
  StartOnLoop(services_.loop, services_.spawner, services_.state, plan_.command,
              [this, alive = std::weak_ptr<bool>(alive_)](
                  absl::StatusOr<Process> process) {
                if (!alive.expired()) Started(std::move(process));
              });
}

absl::Status TrialRun::Prepare() {
  std::error_code error;
  std::filesystem::create_directories(plan_.scratch, error);
  if (error) {
    return SystemError(absl::StrCat("scratch folder ", plan_.scratch),
                       error.value());
  }
  std::ofstream file(TrialFileIn(plan_.scratch));
  file << plan_.trial_file << std::flush;
  if (!file) return SystemError(TrialFileIn(plan_.scratch));
  ASSAY_ASSIGN_OR_RETURN(socket_, TrialSocket::Listen(
                                      services_.loop, plan_.socket,
                                      [this](TrialMessage message) {
                                        return Take(std::move(message));
                                      },
                                      events_.checkpoint));
  return absl::OkStatus();
}

void TrialRun::CannotStart(const absl::Status& status) {
  const bool fatal = absl::IsNotFound(status) ||
                     absl::IsInvalidArgument(status) ||
                     absl::IsPermissionDenied(status);
  AttemptEnd end = {
      .kind = fatal ? AttemptEnd::Kind::kFatal : AttemptEnd::Kind::kFailed,
      .reason = std::string(status.message())};
  // Later, so that `ended` never comes from within Start().
  services_.loop.Post(
      [this, end = std::move(end), alive = std::weak_ptr<bool>(alive_)] {
        if (alive.expired()) return;
        const auto ended = events_.ended;  // It may destroy this.
        ended(end, {});
      });
}

void TrialRun::Started(absl::StatusOr<Process> process) {
  if (!process.ok()) return CannotStart(process.status());
  Run(*std::move(process));
}

void TrialRun::Run(Process process) {
  process_ = std::move(process);
  if (plan_.in_standby) {
    process_->WriteInput(StandbyOrder(plan_));  // If it just died, it shows.
  } else {
    process_->CloseInput();
  }
  process_->Attach({.output =
                        [this](absl::string_view bytes) {
                          output_.Write(bytes);
                          events_.output(bytes);
                        },
                    .end = [this](ProcessEnd end) { Ended(std::move(end)); }});
  if (plan_.max_time < absl::InfiniteDuration()) {
    limit_timer_ = services_.loop.After(plan_.max_time, [this] {
      limit_timer_ = 0;
      End(EndedBy::kTimeLimit,
          absl::StrCat("wall-time limit of ",
                       absl::ToDoubleSeconds(plan_.max_time), " s"));
    });
  }
  MeasureScratchLater();
  // Told while it started.
  if (record_.ended_by != EndedBy::kItself || record_.stop_reason.has_value()) {
    Terminate();
  }
}

void TrialRun::Stop(absl::string_view reason) {
  if (record_.stop_reason.has_value()) return;
  record_.stop_reason = std::string(reason);
  if (socket_ != nullptr) socket_->Stop(reason);
  if (record_.ended_by != EndedBy::kItself) return;  // On its way already.
  grace_timer_ = services_.loop.After(plan_.grace, [this] { Terminate(); });
}

void TrialRun::HandBack() { End(EndedBy::kHandBack, ""); }

void TrialRun::Kill() {
  record_.ended_by = EndedBy::kHandBack;
  if (process_ != nullptr) process_->Kill();
}

void TrialRun::End(EndedBy by, std::string limit) {
  if (record_.ended_by != EndedBy::kItself) return;
  record_.ended_by = by;
  record_.limit = std::move(limit);
  Terminate();
}

void TrialRun::Terminate() {
  services_.loop.Cancel(std::exchange(grace_timer_, 0));
  if (process_ == nullptr) return;  // Run() comes back to it.
  process_->Terminate();
  grace_timer_ = services_.loop.After(plan_.grace, [this] {
    grace_timer_ = 0;
    process_->Kill();
  });
}

void TrialRun::SetPaused(bool paused) {
  if (socket_ != nullptr) socket_->SetPaused(paused);
}

absl::Status TrialRun::Take(TrialMessage message) {
  if (auto* measurement = std::get_if<Measurement>(&message)) {
    TakeMeasurement(std::move(*measurement));
    return absl::OkStatus();
  }
  if (auto* declared = std::get_if<DeclaredEnd>(&message)) {
    record_.declared = std::move(*declared);
    return absl::OkStatus();
  }
  return TakeAttribute(std::get<TrialAttribute>(std::move(message)));
}

absl::Status TrialRun::TakeAttribute(TrialAttribute attribute) {
  const auto size = [](const TrialAttribute& a) {
    return a.name_space.size() + a.key.size() + a.value.size() + 16;
  };
  TrialAttribute& kept = attributes_[{attribute.name_space, attribute.key}];
  const size_t before = kept.key.empty() ? 0 : size(kept);
  if (attribute_bytes_ - before + size(attribute) > kMaxAttributeBytes) {
    if (before == 0) attributes_.erase({attribute.name_space, attribute.key});
    return absl::ResourceExhaustedError(
        "the attributes of a trial may have 4 MiB in total");
  }
  attribute_bytes_ += size(attribute) - before;
  kept = std::move(attribute);
  return absl::OkStatus();
}

void TrialRun::TakeMeasurement(Measurement measurement) {
  measurement.elapsed_seconds =
      absl::ToDoubleSeconds(SystemClock().SinceBoot() - started_at_);
  last_step_ = measurement.step;
  for (const auto& [name, value] : measurement.metrics) {
    record_.last_metrics[name] = value;
  }
  events_.measurement(std::move(measurement));
}

void TrialRun::MeasureScratchLater() {
  if (plan_.scratch_limit == 0) return;
  scratch_timer_ = services_.loop.After(plan_.scratch_check, [this] {
    scratch_timer_ = 0;
    services_.scratch_folders.Measure(
        plan_.scratch, [this, &loop = services_.loop,
                        alive = std::weak_ptr<bool>(alive_)](int64_t bytes) {
          loop.Post([this, alive, bytes] {
            if (alive.expired()) return;
            CheckScratch(bytes);
            MeasureScratchLater();
          });
        });
  });
}

void TrialRun::CheckScratch(int64_t bytes) {
  if (bytes <= plan_.scratch_limit || record_.ended_by != EndedBy::kItself) {
    return;
  }
  record_.ended_by = EndedBy::kScratchLimit;
  record_.limit = absl::StrCat("the scratch folder holds ", bytes,
                               " bytes; the limit is ", plan_.scratch_limit);
  if (process_ != nullptr) process_->Kill();  // It would only write on.
}

void TrialRun::Ended(ProcessEnd end) {
  record_.process = std::move(end);
  services_.state.Forget(process_->pid());
  services_.loop.Cancel(std::exchange(limit_timer_, 0));
  services_.loop.Cancel(std::exchange(grace_timer_, 0));
  services_.loop.Cancel(std::exchange(scratch_timer_, 0));
  socket_->Drain();
  if (plan_.scratch_limit == 0) return EndedForGood();
  services_.scratch_folders.Measure(
      plan_.scratch, [this, &loop = services_.loop,
                      alive = std::weak_ptr<bool>(alive_)](int64_t bytes) {
        loop.Post([this, alive, bytes] {
          if (alive.expired()) return;
          CheckScratch(bytes);
          EndedForGood();
        });
      });
}

void TrialRun::EndedForGood() {
  std::vector<TrialAttribute> attributes;
  for (auto& [key, attribute] : attributes_) {
    attributes.push_back(std::move(attribute));
  }
  const bool is_well = !record_.process.by_signal && record_.process.code == 0;
  if (is_well && events_.left) events_.left(last_step_);
  const auto ended = events_.ended;  // It may destroy this.
  ended(Conclude(record_), std::move(attributes));
}

}  // namespace assay
