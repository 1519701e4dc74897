// Measures the coordinator beside what gRPC and the disk cost by themselves, in
// one run. See README.md.

#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <future>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "search/base/clock.h"
#include "search/base/status_macros.h"
#include "search/math/random.h"
#include "server/study_transaction.h"
#include "storage/sqlite_storage.h"
#include "tests/bench/bench_client.h"
#include "tests/bench/bench_server.h"
#include "tests/support/proposal_replay.h"

namespace assay {
namespace {

constexpr char kEchoAddress[] = "127.0.0.1:17972";
constexpr char kServerAddress[] = "127.0.0.1:17970";

struct Options {
  std::string server;
  std::string folder;
  double seconds = 5;
  int trials = 100'000;
  int measurements_per_trial = 10;
  std::string json;
  bool only_reports = false;
  bool only_served = false;
  int served_history = 1000;
  int served_trials = 500;
};

// A group of trials through the very code that the coordinator runs.
absl::Status AddTrials(Transaction& rows, StudyId id,
                       std::shared_ptr<const StudySpec> spec, int dimensions,
                       int count, int measurements) {
  ASSAY_ASSIGN_OR_RETURN(Study study, rows.GetStudy(id));
  StudyTransaction transaction(rows, study, spec, SystemClock().Now());
  Random random(11, static_cast<uint64_t>(study.counts.trials));
  for (int i = 0; i < count; ++i) {
    Trial trial;
    std::vector<double> point(dimensions);
    for (int k = 0; k < dimensions; ++k) {
      point[k] = random.Uniform() * 10 - 5;
      trial.parameters[absl::StrCat("x", k)] = point[k];
    }
    trial.origin = {.strategy = "import", .why = "bench"};
    trial.state = TrialState::kCompleted;
    trial.attempts = 1;
    trial.started = trial.ended = SystemClock().Now();
    trial.final_metrics = {{"loss", Ripples(point)}};
    std::vector<Measurement> curve(measurements);
    for (int k = 0; k < measurements; ++k) {
      curve[k].sequence = curve[k].step = k + 1;
      curve[k].elapsed_seconds = k;
      curve[k].metrics = {{"loss", random.Uniform()}};
    }
    ASSAY_RETURN_IF_ERROR(transaction.AddImported(trial, "bench", curve));
  }
  return transaction.Save({});
}

std::unique_ptr<Storage> OpenOrExit(const std::string& folder) {
  auto storage = OpenSqliteStorage(folder);
  if (storage.ok()) return *std::move(storage);
  std::cerr << storage.status() << "\n";
  std::exit(1);
}

class Bench {
 public:
  explicit Bench(Options options) : options_(std::move(options)) {}

  void Run() {
    ChildProcess echo({"/proc/self/exe", "--echo", kEchoAddress});
    WaitUntilServing(kEchoAddress);
    {
      ChildProcess server(ServerArgv("data"));
      WaitUntilServing(kServerAddress);
      if (!options_.only_reports) BareCosts();
      if (IsWhole()) MeasureWholeTrials();
      if (!options_.only_served) MeasureUnary(echo, server);
      if (!options_.only_served) MeasureStream(echo, server);
      if (IsWhole()) MeasureSuggest("Suggest, warm, at 1,000 trials", 1000);
    }
    if (!options_.only_reports) MeasureServed();
    if (IsWhole()) MeasureLarge();
    if (!options_.json.empty()) std::ofstream(options_.json) << json_.dump(2);
  }

 private:
  bool IsWhole() const {
    return !options_.only_reports && !options_.only_served;
  }

  std::vector<std::string> ServerArgv(const std::string& name) const {
    return {options_.server,
            "--data-dir",
            options_.folder + "/" + name,
            "--grpc",
            kServerAddress,
            "--http",
            "none",
            "--log-level",
            "error",
            "--min-free-bytes",
            "0"};
  }

  absl::Duration Time() const { return absl::Seconds(options_.seconds); }

  void Say(const std::string& what, const std::string& figure) {
    std::cout << absl::StrFormat("%-44s %s", what, figure) << std::endl;
    json_[what] = figure;
  }

  static std::string Latency(const Load& load) {
    return absl::StrFormat("p50 %.2f ms  p99 %.2f ms", load.Percentile(0.5),
                           load.Percentile(0.99));
  }

  // One row, one commit, one after the other: the disk.
  Load BareCommits(int count) {
    const auto storage = OpenOrExit(options_.folder + "/bare");
    Load load;
    for (int i = 0; i < count; ++i) {
      std::promise<absl::Status> done;
      const absl::Time since = absl::Now();
      storage->Write(
          [&](Transaction& rows) {
            return rows.InsertRequest("bench", absl::StrCat(i),
                                      {"bench", "", "", SystemClock().Now()});
          },
          [&](absl::Status status) { done.set_value(std::move(status)); });
      if (!done.get_future().get().ok()) std::exit(1);
      load.milliseconds.push_back(
          absl::ToDoubleMilliseconds(absl::Now() - since));
    }
    return load;
  }

  void BareCosts() {
    const Load commits = BareCommits(2000);
    const Load echoes = Echoes(kEchoAddress, 2000);
    Say("one bare durable commit", Latency(commits));
    Say("one bare gRPC echo", Latency(echoes));
    commit_and_echo_p50_ = commits.Percentile(0.5) + echoes.Percentile(0.5);
    commit_and_echo_p99_ = commits.Percentile(0.99) + echoes.Percentile(0.99);
    Say("three commits + echoes, one after the other",
        absl::StrFormat("p50 %.2f ms  p99 %.2f ms", 3 * commit_and_echo_p50_,
                        3 * commit_and_echo_p99_));
  }

  void MeasureWholeTrials() {
    const int64_t study = CreateStudy(kServerAddress, "whole", {});
    const Load one = WholeTrials(kServerAddress, study, 1, Time());
    Say("whole trials, 1 client",
        absl::StrFormat("%.0f trials/s  %s", one.per_second, Latency(one)));
    const Load load = WholeTrials(kServerAddress, study, 16, Time());
    Say("whole trials, 16 clients",
        absl::StrFormat("%.0f trials/s  %s", load.per_second, Latency(load)));
  }

  // What a call costs in processor time on either side, beside the rate: what
  // else runs on the machine changes it less.
  struct Cost {
    Load load;
    double client = 0;  // Microseconds a call.
    double server = 0;

    std::string Text() const {
      return absl::StrFormat("CPU %.1f + %.1f us", client, server);
    }
  };

  static absl::Duration OwnCpuTime() {
    timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return absl::DurationFromTimespec(time);
  }

  static Cost Measure(const ChildProcess& server,
                      absl::FunctionRef<Load()> work) {
    const absl::Duration client_before = OwnCpuTime();
    const absl::Duration server_before = server.CpuTime();
    const absl::Time began = absl::Now();
    Cost cost{.load = work()};
    const double calls =
        cost.load.per_second * absl::ToDoubleSeconds(absl::Now() - began);
    const auto each = [calls](absl::Duration time) {
      return absl::ToDoubleMicroseconds(time) / calls;
    };
    cost.client = each(OwnCpuTime() - client_before);
    cost.server = each(server.CpuTime() - server_before);
    return cost;
  }

  void MeasureUnary(const ChildProcess& echo_server,
                    const ChildProcess& server) {
    const int64_t study = CreateStudy(kServerAddress, "unary", {});
    std::vector<HeldTrial> trials = HoldTrials(kServerAddress, study, 64);
    std::vector<HeldTrial> none(64, HeldTrial{1, 1, 0});
    const Cost echo = Measure(
        echo_server, [&] { return UnaryReports(kEchoAddress, none, Time()); });
    const Cost reports = Measure(
        server, [&] { return UnaryReports(kServerAddress, trials, Time()); });
    Say("gRPC echo, 64 in flight",
        absl::StrFormat("%.0f/s  %s  %s", echo.load.per_second,
                        Latency(echo.load), echo.Text()));
    Say("durable unary reports, 64 in flight",
        absl::StrFormat("%.0f/s = %.0f %% of the echo  %s  %s",
                        reports.load.per_second,
                        100 * reports.load.per_second / echo.load.per_second,
                        Latency(reports.load), reports.Text()));
  }

  void MeasureStream(const ChildProcess& echo_server,
                     const ChildProcess& server) {
    const Cost echo = Measure(echo_server, [&] {
      return StreamReports(kEchoAddress, 1, false, Time());
    });
    const Cost one = Measure(
        server, [&] { return StreamReports(kServerAddress, 1, true, Time()); });
    const Cost many = Measure(server, [&] {
      return StreamReports(kServerAddress, 100, true, Time());
    });
    Say("gRPC stream echo", absl::StrFormat("%.0f messages/s  %s",
                                            echo.load.per_second, echo.Text()));
    Say("durable stream reports, 1 a message",
        absl::StrFormat("%.0f/s = %.0f %% of the echo  %s", one.load.per_second,
                        100 * one.load.per_second / echo.load.per_second,
                        one.Text()));
    Say("durable stream reports, 100 a message",
        absl::StrFormat("%.0f/s  %s", many.load.per_second, many.Text()));
  }

  void MeasureSuggest(const std::string& what, int count) {
    for (const char* algorithm : {"random", "quasi_random"}) {
      const int64_t study =
          CreateStudy(kServerAddress, absl::StrCat("suggest-", algorithm),
                      {.algorithm = algorithm});
      Suggests(kServerAddress, study, count / 2);
      const Load load = Suggests(kServerAddress, study, count / 2);
      Say(absl::StrCat(what, ", ", algorithm),
          absl::StrFormat("%s  (bare commit + echo: p50 %.2f, p99 %.2f)",
                          Latency(load), commit_and_echo_p50_,
                          commit_and_echo_p99_));
    }
  }

  // A study of many trials, written by clients in a burst without waiting for
  // each other, then everything again on it.
  void MeasureLarge() {
    const std::string folder = options_.folder + "/large";
    int64_t study = 0;
    Load at_1000, reports_at_1000;
    {
      ChildProcess server(ServerArgv("large"));
      WaitUntilServing(kServerAddress);
      study = CreateStudy(kServerAddress, "large", {});
      Suggests(kServerAddress, study, 500);
      at_1000 = Suggests(kServerAddress, study, 500);
      std::vector<HeldTrial> held = HoldTrials(kServerAddress, study, 8);
      reports_at_1000 = UnaryReports(kServerAddress, held, absl::Seconds(2));
      server.Kill(SIGTERM);
      Fill(folder, study, 2, options_.trials, options_.measurements_per_trial);
    }
    ChildProcess server(ServerArgv("large"));
    const absl::Duration serving = WaitUntilServing(kServerAddress);
    const absl::Time since = absl::Now();
    const Load first = Suggests(kServerAddress, study, 1);
    const absl::Duration proposal = absl::Now() - since;
    Say("restart, until RPCs are served",
        absl::StrFormat("%.2f s", absl::ToDoubleSeconds(serving)));
    Say("restart, until the first fresh proposal",
        absl::StrFormat("%.2f s", absl::ToDoubleSeconds(serving + proposal)));
    const int64_t memory = server.Memory();
    Suggests(kServerAddress, study, 200);
    const Load at_large = Suggests(kServerAddress, study, 500);
    std::vector<HeldTrial> held = HoldTrials(kServerAddress, study, 8);
    const Load reports = UnaryReports(kServerAddress, held, absl::Seconds(2));
    Say("Suggest at 1,000 trials", Latency(at_1000));
    Say(absl::StrCat("Suggest at ", options_.trials, " trials"),
        absl::StrFormat("%s = %.2f x", Latency(at_large),
                        at_large.Percentile(0.5) / at_1000.Percentile(0.5)));
    Say("Report at 1,000 trials", Latency(reports_at_1000));
    Say(absl::StrCat("Report at ", options_.trials, " trials"),
        absl::StrFormat(
            "%s = %.2f x", Latency(reports),
            reports.Percentile(0.5) / reports_at_1000.Percentile(0.5)));
    int64_t bytes = 0;
    for (const auto& file : std::filesystem::directory_iterator(folder)) {
      bytes += static_cast<int64_t>(file.file_size());
    }
    Say("disk", absl::StrFormat("%.0f bytes a trial with %d measurements",
                                double(bytes) / options_.trials,
                                options_.measurements_per_trial));
    Say("memory of the server",
        absl::StrFormat("%.0f MiB with %d trials", memory / 1048576.0,
                        options_.trials));
  }

  // One search of many clients, asked by 16 of them while it runs.
  struct Served {
    const char* algorithm;
    absl::Duration training;
    double max_wait;
    int64_t study = 0;
    Load load = {};
    absl::Duration cpu = {};

    std::string Name() const {
      return absl::StrFormat("Suggest, %s, training %g s, max_wait %g s",
                             algorithm, absl::ToDoubleSeconds(training),
                             max_wait);
    }
  };

  // Studies of finished trials in 10 dimensions, on which 16 clients go on: how
  // long they wait for a proposal, and how many results it does not know.
  void MeasureServed() {
    constexpr int kDimensions = 10;
    const absl::Duration second = absl::Seconds(1);
    std::vector<Served> all = {{"bayesian", second, 0.1},
                               {"bayesian", second, 0},
                               {"bayesian", absl::ZeroDuration(), 0.1},
                               {"bayesian", absl::ZeroDuration(), 0},
                               {"tpe", second, 0.1},
                               {"tpe", absl::ZeroDuration(), 0.1}};
    const std::string folder = options_.folder + "/served";
    {
      ChildProcess server(ServerArgv("served"));
      WaitUntilServing(kServerAddress);
      for (Served& one : all) {
        one.study = CreateStudy(kServerAddress, one.Name(),
                                {one.algorithm, kDimensions, one.max_wait});
      }
      server.Kill(SIGTERM);
    }
    for (const Served& one : all) {
      Fill(folder, one.study, kDimensions, options_.served_history, 0);
    }
    {
      ChildProcess server(ServerArgv("served"));
      WaitUntilServing(kServerAddress);
      for (Served& one : all) {
        Suggests(kServerAddress, one.study, 1);  // Learns of the history.
        const absl::Duration before = server.CpuTime();
        one.load = AskTrainTell(kServerAddress, one.study, 16,
                                options_.served_trials, one.training);
        one.cpu = server.CpuTime() - before;
      }
      server.Kill(SIGTERM);
    }
    for (const Served& one : all) {
      Say(one.Name(),
          absl::StrFormat(
              "p50 %.2f  p90 %.2f  p99 %.2f ms  %.1f/s  "
              "CPU %.1f ms a trial  %s",
              one.load.Percentile(0.5), one.load.Percentile(0.9),
              one.load.Percentile(0.99), one.load.per_second,
              absl::ToDoubleMilliseconds(one.cpu) / options_.served_trials,
              Unseen(folder, one.study)));
    }
  }

  // How many results each proposal did not know when it was handed out.
  std::string Unseen(const std::string& folder, int64_t study);

  // Adds finished trials to the study's rows, as the coordinator would.
  void Fill(const std::string& folder, int64_t study, int dimensions,
            int trials, int measurements);

  Options options_;
  nlohmann::json json_;
  double commit_and_echo_p50_ = 0;
  double commit_and_echo_p99_ = 0;
};

std::string Bench::Unseen(const std::string& folder, int64_t study) {
  const auto storage = OpenOrExit(folder);
  std::vector<Trial> log;
  const absl::Status status =
      storage->Read([&](Snapshot& rows) -> absl::Status {
        ASSAY_ASSIGN_OR_RETURN(
            log, rows.ListTrials(StudyId{study}, {.limit = 1'000'000}));
        return absl::OkStatus();
      });
  if (!status.ok()) std::exit(1);
  const ProposalReplay replay(log, 0, nullptr);
  Load unseen;  // Of numbers, not of milliseconds.
  for (const Trial& trial : log) {
    if (!ProposalReplay::IsProposal(trial)) continue;
    unseen.milliseconds.push_back(static_cast<double>(replay.Unseen(trial)));
  }
  return absl::StrFormat("unseen results: median %.0f, p90 %.0f, most %.0f",
                         unseen.Percentile(0.5), unseen.Percentile(0.9),
                         unseen.Percentile(1));
}

void Bench::Fill(const std::string& folder, int64_t study, int dimensions,
                 int trials, int measurements) {
  constexpr int kGroup = 500;
  const auto storage = OpenOrExit(folder);
  StudySpec spec;
  spec.metrics = {{.name = "loss"}};
  const auto shared = std::make_shared<const StudySpec>(std::move(spec));
  for (int left = trials; left > 0; left -= kGroup) {
    std::promise<absl::Status> done;
    storage->Write(
        [&](Transaction& rows) {
          return AddTrials(rows, StudyId{study}, shared, dimensions,
                           std::min(left, kGroup), measurements);
        },
        [&](absl::Status status) { done.set_value(std::move(status)); });
    const absl::Status status = done.get_future().get();
    if (status.ok()) continue;
    std::cerr << status << "\n";
    std::exit(1);
  }
}

}  // namespace
}  // namespace assay

int main(int argc, char** argv) {
  CLI::App app("Measures the coordinator beside bare gRPC and a bare disk.");
  assay::Options options;
  std::string echo;
  options.server =
      (std::filesystem::path(argv[0]).parent_path() / "assay-server").string();
  app.add_option("--echo", echo)->group("");
  app.add_option("--server", options.server, "The assay-server binary");
  app.add_option("--folder", options.folder, "Where the disk is measured");
  app.add_option("--seconds", options.seconds, "For each load");
  app.add_option("--trials", options.trials, "Of the large study");
  app.add_option("--json", options.json, "Write the figures here as well");
  app.add_flag("--only-reports", options.only_reports,
               "Only the durable reports and their echoes");
  app.add_flag("--only-served", options.only_served,
               "Only Suggest of searches that learn, asked by 16 clients");
  app.add_option("--served-history", options.served_history,
                 "Finished trials of each of these studies");
  app.add_option("--served-trials", options.served_trials,
                 "That the clients ask for");
  CLI11_PARSE(app, argc, argv);
  if (!echo.empty()) assay::RunEchoServer(echo);
  const bool own_folder = options.folder.empty();
  if (own_folder) {
    char name[] = "./assay-bench-XXXXXX";
    options.folder = mkdtemp(name);
  }
  assay::Bench(options).Run();
  if (own_folder) std::filesystem::remove_all(options.folder);
}
