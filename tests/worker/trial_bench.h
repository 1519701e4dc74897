#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/worker/temporary_folder.h"
#include "worker/event_loop.h"
#include "worker/scratch_folders.h"
#include "worker/spawner.h"
#include "worker/standby_pool.h"
#include "worker/state_folder.h"
#include "worker/trial_process.h"
#include "worker/trial_run.h"

namespace assay {

// Far above what any test takes; reached only by a defect.
inline constexpr absl::Duration kLong = absl::Seconds(60);

// Everything that trials need, in a temporary folder.
class TrialBench : public testing::Test {
 protected:
  TrialBench() : state_(*StateFolder::Open(folder_.File("state"))) {}

  // Asks after each turn of the loop and, for what the loop cannot see, each
  // few milliseconds.
  bool Until(const std::function<bool()>& done) {
    std::function<void()> ask_again;
    EventLoop::Handle timer = 0;
    ask_again = [&] { timer = loop_.After(absl::Milliseconds(5), ask_again); };
    ask_again();
    const bool became_true = loop_.RunUntil(done, kLong);
    loop_.Cancel(timer);
    return became_true;
  }

  static Command Program(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), TEST_PROGRAM);
    return {.argv = std::move(arguments),
            .environment = {"PATH=/usr/bin:/bin"},
            .directory = "/"};
  }

  std::unique_ptr<TrialProcess> Start(Command command) {
    std::optional<absl::StatusOr<std::unique_ptr<TrialProcess>>> started;
    StartOnLoop(loop_, spawner_, *state_, std::move(command),
                [&](absl::StatusOr<std::unique_ptr<TrialProcess>> process) {
                  started = std::move(process);
                });
    EXPECT_TRUE(Until([&] { return started.has_value(); }));
    EXPECT_TRUE(started->ok()) << started->status();
    return started->ok() ? **std::move(started) : nullptr;
  }

  // Reads what a process says until it ends.
  void Attach(TrialProcess& process) {
    process.Attach(
        {.output =
             [this](absl::string_view bytes) { output_ += std::string(bytes); },
         .end = [this](ProcessEnd end) { end_ = std::move(end); }});
  }
  bool UntilSaid(const std::string& text) {
    return Until([&] { return output_.find(text) != std::string::npos; });
  }
  bool UntilEnd() {
    return Until([&] { return end_.has_value(); });
  }

  const TemporaryFolder folder_;
  EventLoop loop_;
  Spawner spawner_;
  std::unique_ptr<StateFolder> state_;
  ScratchFolders scratch_folders_;
  StandbyPool standby_{loop_, spawner_, *state_, [](const std::string&) {
                         return Program({"--standby"});
                       }};
  std::string output_;
  std::optional<ProcessEnd> end_;
};

}  // namespace assay
