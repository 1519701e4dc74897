#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstring>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "client/cli/command.h"

namespace assay {
namespace {

// A worker that takes one connection, reads one line and gives these answers.
class FakeWorker {
 public:
  explicit FakeWorker(std::string answers) {
    char name[] = "/tmp/assay-test-XXXXXX";
    folder_ = mkdtemp(name);
    path_ = folder_ + "/socket";
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, path_.c_str());
    listener_ = socket(AF_UNIX, SOCK_STREAM, 0);
    bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof(address));
    listen(listener_, 1);
    setenv("ASSAY_SOCKET", path_.c_str(), 1);
    thread_ = std::thread([this, answers = std::move(answers)] {
      const int peer = accept(listener_, nullptr, nullptr);
      char c;
      while (read(peer, &c, 1) == 1 && c != '\n') line_ += c;
      EXPECT_EQ(write(peer, answers.data(), answers.size()),
                static_cast<ssize_t>(answers.size()));
      close(peer);
    });
  }
  ~FakeWorker() {
    Line();
    close(listener_);
    unlink(path_.c_str());
    rmdir(folder_.c_str());
    unsetenv("ASSAY_SOCKET");
  }
  std::string Line() {
    if (thread_.joinable()) thread_.join();
    return line_;
  }

 private:
  std::string folder_, path_, line_;
  int listener_;
  std::thread thread_;
};

struct Result {
  absl::StatusOr<ExitCode> code;
  std::string error;
};

Result Invoke(std::vector<std::string> arguments) {
  CLI::App app;
  Command command;
  AddReportCommand(app, command);
  std::reverse(arguments.begin(), arguments.end());
  app.parse(arguments);
  std::ostringstream out, error;
  Context context{.server = "", .out = out, .error = error, .look = {}};
  absl::StatusOr<ExitCode> code = command(context);
  return {std::move(code), error.str()};
}

Result Report(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "report");
  return Invoke(std::move(arguments));
}

TEST(ReportCommandTest, SaysWhatTheTrialMeasured) {
  FakeWorker worker("{\"ack\":1}\n");
  const Result result = Report({"--step", "3", "loss=0.4", "a=b=2"});
  ASSERT_TRUE(result.code.ok()) << result.code.status();
  EXPECT_EQ(*result.code, kExitOk);
  EXPECT_EQ(worker.Line(),
            R"({"report":{"step":3,"metrics":{"loss":0.4,"a=b":2.0}}})");
}

TEST(ReportCommandTest, ExitCodeThreeSaysStop) {
  FakeWorker worker("{\"stop\":\"not worth it\"}\n{\"ack\":1}\n");
  const Result result = Report({"--step", "1", "loss=nan"});
  ASSERT_TRUE(result.code.ok()) << result.code.status();
  EXPECT_EQ(*result.code, kExitShouldStop);
  EXPECT_EQ(result.error, "stop: not worth it\n");
  EXPECT_EQ(worker.Line(), R"({"report":{"step":1,"metrics":{"loss":"NaN"}}})");
}

TEST(ReportCommandTest, FinalValuesAreAFinish) {
  FakeWorker worker("{\"ack\":1}\n");
  EXPECT_TRUE(Report({"--final", "loss=1"}).code.ok());
  EXPECT_EQ(worker.Line(),
            R"({"finish":{"state":"COMPLETED","metrics":{"loss":1.0}}})");
}

TEST(ReportCommandTest, ACheckpointIsAnnouncedByItsStep) {
  FakeWorker worker("{\"stop\":\"enough\"}\n{\"ack\":1}\n");
  const Result result = Invoke({"checkpoint", "--step", "9"});
  ASSERT_TRUE(result.code.ok()) << result.code.status();
  EXPECT_EQ(*result.code, kExitShouldStop);
  EXPECT_EQ(worker.Line(), R"({"checkpoint":{"step":9}})");
}

TEST(ReportCommandTest, ARefusedCheckpointIsAnError) {
  FakeWorker worker("{\"error\":\"checkpoint: there is no file\"}\n");
  EXPECT_TRUE(absl::IsInvalidArgument(
      Invoke({"checkpoint", "--step", "9"}).code.status()));
}

TEST(ReportCommandTest, ARefusedLineIsAnError) {
  FakeWorker worker("{\"error\":\"step: -1\"}\n");
  EXPECT_TRUE(
      absl::IsInvalidArgument(Report({"--step", "1", "loss=1"}).code.status()));
}

TEST(ReportCommandTest, AWorkerThatIsGoneIsAnError) {
  FakeWorker worker("");
  EXPECT_TRUE(
      absl::IsUnavailable(Report({"--step", "1", "loss=1"}).code.status()));
}

TEST(ReportCommandTest, OutsideOfATrialItSaysSo) {
  const Result result = Report({"--step", "1", "loss=1"});
  EXPECT_TRUE(absl::IsFailedPrecondition(result.code.status()));
  EXPECT_NE(result.code.status().message().find("ASSAY_SOCKET"),
            absl::string_view::npos);
}

TEST(ReportCommandTest, BadMetricsAreNamed) {
  for (const char* bad : {"loss", "loss=", "=1", "loss=much"}) {
    setenv("ASSAY_SOCKET", "/nonexistent", 1);
    const Result result = Report({"--step", "1", bad});
    EXPECT_TRUE(absl::IsInvalidArgument(result.code.status())) << bad;
  }
  unsetenv("ASSAY_SOCKET");
}

}  // namespace
}  // namespace assay
