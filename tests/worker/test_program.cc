// A training program for the tests, which does what programs do at their worst.
//   exit N | signal N | environment | directory | input
//   ignore-term           says "ready", then ignores SIGTERM for ever
//   wait                  says "ready", then waits for a signal
//   grandchild            leaves a child with the pipes and its group, exits 0
//   flood BYTES           writes so many bytes to stdout, exits 0
//   fail TEXT             writes TEXT to stderr, exits 3
//   fail-binary           writes what is no UTF-8 to stderr, exits 3
//   fill BYTES            writes a file of that size to its folder, then waits
//   report COUNT          reports loss at the steps 1..COUNT, reads no answer
//   until-stopped         reports until it is told to stop, then says so
//   declare STATE         finishes with {loss: 0.5}, exits 7
//   standby               runs `report 1` once a line came on stdin
//   worker FOLDER         a worker that runs `grandchild-waits`, for ever
//   grandchild-waits      a child in its group, then waits
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <string>

#include "nlohmann/json.hpp"
#include "worker/event_loop.h"
#include "worker/spawner.h"
#include "worker/standby_pool.h"
#include "worker/state_folder.h"

extern char** environ;

namespace assay {
namespace {

[[noreturn]] void WaitForever() {
  for (;;) pause();
}

void Say(const std::string& text) { std::cout << text << std::endl; }

class Report {
 public:
  explicit Report(const std::string& path)
      : socket_(socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
    if (connect(socket_, reinterpret_cast<sockaddr*>(&address),
                sizeof(address)) != 0) {
      std::perror("connect");
      std::exit(99);
    }
  }
  void Send(const std::string& line) {
    const std::string text = line + "\n";
    for (size_t sent = 0; sent < text.size();) {
      const ssize_t count =
          send(socket_, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) std::exit(98);
      sent += static_cast<size_t>(count);
    }
  }
  // Blocks for one line; empty at the end.
  std::string Receive() {
    std::string line;
    char c;
    while (recv(socket_, &c, 1, 0) == 1 && c != '\n') line.push_back(c);
    return line;
  }

 private:
  const int socket_;
};

std::string ReportLine(long step) {
  return "{\"report\":{\"step\":" + std::to_string(step) +
         ",\"metrics\":{\"loss\":" + std::to_string(1.0 / double(step)) + "}}}";
}

void ReportSteps(const std::string& socket, long count) {
  Report report(socket);
  for (long step = 1; step <= count; ++step) report.Send(ReportLine(step));
}

int UntilStopped() {
  Report report(std::getenv("ASSAY_SOCKET"));
  for (long step = 1;; ++step) {
    report.Send(ReportLine(step));
    const std::string answer = report.Receive();
    if (answer.find("\"stop\"") == std::string::npos) continue;
    Say("told " + answer);
    report.Send(R"({"finish":{"state":"STOPPED","reason":"told"}})");
    return 0;
  }
}

int Standby() {
  std::string line;
  if (!std::getline(std::cin, line)) return 0;
  const auto order = nlohmann::json::parse(line);
  Say("order " + line);
  ReportSteps(order["socket"], 1);
  return 0;
}

// Runs a trial like a worker does, then waits to be killed.
int RunWorker(const std::string& folder, const std::string& self) {
  EventLoop loop;
  Spawner spawner;
  auto state = StateFolder::Open(folder);
  if (!state.ok()) return 1;
  std::unique_ptr<TrialProcess> process;
  StartOnLoop(
      loop, spawner, **state,
      {.argv = {self, "grandchild-waits"},
       .environment = {(*state)->ProcessMark()},
       .directory = "/"},
      [&](absl::StatusOr<std::unique_ptr<TrialProcess>> started) {
        process = *std::move(started);
        process->Attach(
            {.output = [](absl::string_view bytes) { Say(std::string(bytes)); },
             .end = [](ProcessEnd) {}});
      });
  loop.Run();
  return 0;
}

// A sanitizer would make a signal an exit code.
int Raise(int number) {
  signal(number, SIG_DFL);
  return raise(number);
}

void Flood(long bytes) {
  const std::string line = std::string(1023, 'x') + "\n";
  for (long sent = 0; sent < bytes; sent += 1024) {
    static_cast<void>(!write(STDOUT_FILENO, line.data(), line.size()));
  }
}

int Run(const std::string& self, const std::string& what,
        const std::string& value) {
  if (what == "exit") return std::atoi(value.c_str());
  if (what == "signal") return Raise(std::atoi(value.c_str()));
  if (what == "environment") {
    for (char** entry = environ; *entry != nullptr; ++entry) Say(*entry);
  } else if (what == "directory") {
    char path[4096];
    Say(getcwd(path, sizeof(path)));
  } else if (what == "input") {
    std::string line;
    Say(std::getline(std::cin, line) ? line : "no input");
  } else if (what == "ignore-term") {
    signal(SIGTERM, SIG_IGN);
    Say("ready");
    WaitForever();
  } else if (what == "wait") {
    Say("ready");
    WaitForever();
  } else if (what == "grandchild") {
    if (fork() == 0) WaitForever();
    Say("gone");
  } else if (what == "grandchild-waits") {
    const pid_t grandchild = fork();
    if (grandchild == 0) WaitForever();
    Say(std::to_string(getpid()) + " " + std::to_string(grandchild));
    WaitForever();
  } else if (what == "flood") {
    Flood(std::atol(value.c_str()));
  } else if (what == "fail") {
    std::cerr << value << std::endl;
    return 3;
  } else if (what == "fail-binary") {
    std::cerr << "no such data \xff" << std::endl;
    return 3;
  } else if (what == "fill") {
    std::ofstream("big") << std::string(std::stoul(value), 'x') << std::flush;
    Say("ready");
    WaitForever();
  } else if (what == "report") {
    ReportSteps(std::getenv("ASSAY_SOCKET"), std::atol(value.c_str()));
  } else if (what == "until-stopped") {
    return UntilStopped();
  } else if (what == "declare") {
    Report(std::getenv("ASSAY_SOCKET"))
        .Send("{\"finish\":{\"state\":\"" + value +
              "\",\"reason\":\"so it is\",\"metrics\":{\"loss\":0.5}}}");
    return 7;
  } else if (what == "standby" || what == "--standby") {
    return Standby();
  } else if (what == "worker") {
    return RunWorker(value, self);
  }
  return 0;
}

}  // namespace
}  // namespace assay

int main(int argc, char** argv) {
  return assay::Run(argv[0], argc > 1 ? argv[1] : "", argc > 2 ? argv[2] : "");
}
