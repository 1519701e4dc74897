// A real Prometheus scrapes the HTTP port and answers a query.

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "server/http/http_server.h"
#include "server/http/monitoring_routes.h"
#include "server/metrics.h"
#include "tests/server/http/http_client.h"

extern char** environ;

namespace assay {
namespace {

using Json = nlohmann::json;
using SteadyClock = std::chrono::steady_clock;

// A Prometheus of its own, in a folder of its own. Killed at the end.
class Prometheus {
 public:
  Prometheus(uint16_t port, uint16_t target) {
    std::string pattern = ::testing::TempDir() + "/prometheusXXXXXX";
    folder_ = mkdtemp(pattern.data());
    std::ofstream(folder_ / "config.yml")
        << "global: {scrape_interval: 1s}\n"
           "scrape_configs:\n"
           "  - job_name: assay\n"
           "    static_configs: [{targets: ['127.0.0.1:"
        << target << "']}]\n";
    Spawn({"prometheus", absl::StrCat("--config.file=", Path("config.yml")),
           absl::StrCat("--storage.tsdb.path=", Path("data")),
           absl::StrCat("--web.listen-address=127.0.0.1:", port)});
  }

  ~Prometheus() {
    if (process_ > 0) {
      kill(process_, SIGKILL);
      waitpid(process_, nullptr, 0);
    }
    std::filesystem::remove_all(folder_);
  }

  // Waits for up to `time`; false once the process has ended.
  bool RunsFor(std::chrono::milliseconds time) {
    const int descriptor = PidDescriptor();
    pollfd ended = {.fd = descriptor, .events = POLLIN, .revents = 0};
    const int count = poll(&ended, 1, static_cast<int>(time.count()));
    close(descriptor);
    return count == 0;
  }

  std::string Log() const {
    std::ifstream log(folder_ / "log");
    return {std::istreambuf_iterator<char>(log), {}};
  }

 private:
  std::string Path(const char* name) const { return folder_ / name; }
  int PidDescriptor() const;
  void Spawn(std::vector<std::string> arguments);

  std::filesystem::path folder_;
  pid_t process_ = -1;
};

int Prometheus::PidDescriptor() const {
  return static_cast<int>(syscall(SYS_pidfd_open, process_, 0));
}

void Prometheus::Spawn(std::vector<std::string> arguments) {
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDERR_FILENO, Path("log").c_str(),
                                   O_WRONLY | O_CREAT, 0600);
  if (posix_spawnp(&process_, argv[0], &files, nullptr, argv.data(), environ) !=
      0) {
    process_ = -1;
  }
  posix_spawn_file_actions_destroy(&files);
}

// The result of a query; null while Prometheus does not answer.
Json Query(uint16_t port, const std::string& query) {
  HttpClient client(port);
  client.Send(absl::StrCat("GET /api/v1/query?query=", query,
                           " HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  const std::string response = client.ReadResponse();
  if (StatusOf(response) != 200) return nullptr;
  return Json::parse(BodyOf(response), nullptr, false)["data"]["result"];
}

class PrometheusTest : public ::testing::Test {
 protected:
  void SetUp() override {
    HttpOptions options;
    options.address = "127.0.0.1:0";
    auto server = HttpServer::Start(
        options, MonitoringRoutes([this] { return metrics_.Serialize(); },
                                  [] { return absl::OkStatus(); }));
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }

  ServerMetrics metrics_{absl::FromUnixSeconds(1'700'000'000)};
  std::unique_ptr<HttpServer> server_;
};

TEST_F(PrometheusTest, AnswersAQueryForTheBestValue) {
  if (std::system("command -v prometheus >/dev/null") != 0) {
    GTEST_SKIP() << "prometheus is not installed (apt: prometheus)";
  }
  metrics_.AddStudy({7}, "ann/mnist");
  metrics_.SetBest({7}, "accuracy", 0.921875);
  const uint16_t port = FreePort();
  Prometheus prometheus(port, server_->port());

  Json result;
  const auto deadline = SteadyClock::now() + std::chrono::seconds(60);
  while (result.empty() && SteadyClock::now() < deadline) {
    ASSERT_TRUE(prometheus.RunsFor(std::chrono::milliseconds(100)))
        << prometheus.Log();
    result = Query(port, "assay_study_best_value");
  }
  ASSERT_EQ(result.size(), 1u) << prometheus.Log();
  EXPECT_EQ(result[0]["metric"]["study"], "ann/mnist");
  EXPECT_EQ(result[0]["metric"]["metric"], "accuracy");
  EXPECT_EQ(result[0]["value"][1], "0.921875");
}

}  // namespace
}  // namespace assay
