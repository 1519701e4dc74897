#include "tests/bench/bench_client.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <condition_variable>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <mutex>
#include <random>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "assay/v1/server.grpc.pb.h"
#include "assay/v1/study.grpc.pb.h"
#include "assay/v1/trial.grpc.pb.h"
#include "assay/v1/worker.grpc.pb.h"

namespace assay {
namespace {

std::shared_ptr<grpc::Channel> Connect(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(),
                                   arguments);
}

// At once: several threads may fail together. Here and below.
void Check(const grpc::Status& status, const char* what) {
  if (status.ok()) return;
  std::cerr << what << ": " << status.error_message() << "\n";
  std::_Exit(1);
}

double Milliseconds(absl::Time since) {
  return absl::ToDoubleMilliseconds(absl::Now() - since);
}

v1::Measurement OneMeasurement(int64_t sequence) {
  v1::Measurement measurement;
  measurement.set_sequence(sequence);
  measurement.set_step(sequence);
  measurement.set_elapsed_seconds(0.5);
  (*measurement.mutable_metrics())["loss"] = 1.0 / sequence;
  return measurement;
}

v1::Assignment SuggestOne(v1::TrialService::Stub& trials, int64_t study,
                          const std::string& client) {
  v1::SuggestRequest request;
  request.set_study(absl::StrCat(study));
  request.set_client_id(client);
  request.set_wait(10);
  grpc::ClientContext context;
  v1::SuggestResponse response;
  Check(trials.Suggest(&context, request, &response), "Suggest");
  if (response.assignments().empty()) {
    std::cerr << "Suggest: " << response.reason() << "\n";
    std::_Exit(1);
  }
  return response.assignments(0);
}

void CompleteOne(v1::TrialService::Stub& trials, const v1::Assignment& held,
                 double loss = 0.5) {
  v1::CompleteRequest request;
  request.set_trial_id(held.trial().id());
  request.set_attempt(held.attempt());
  (*request.mutable_metrics())["loss"] = loss;
  grpc::ClientContext context;
  v1::Trial trial;
  Check(trials.Complete(&context, request, &trial), "Complete");
}

std::vector<double> PointOf(const v1::Assignment& held) {
  std::vector<double> point;
  for (const auto& [name, value] : held.trial().parameters()) {
    point.push_back(value.number_value());
  }
  return point;
}

void ReportOne(v1::TrialService::Stub& trials, const v1::Assignment& held) {
  v1::ReportRequest request;
  request.set_trial_id(held.trial().id());
  request.set_attempt(held.attempt());
  *request.mutable_measurement() = OneMeasurement(1);
  grpc::ClientContext context;
  v1::ReportResponse response;
  Check(trials.Report(&context, request, &response), "Report");
}

v1::StudySpec SpecOf(const std::string& name, const StudyShape& shape) {
  v1::StudySpec spec;
  spec.set_name(name);
  v1::Metric& metric = *spec.add_metrics();
  metric.set_name("loss");
  metric.set_goal(v1::MINIMIZE);
  for (int i = 0; i < shape.dimensions; ++i) {
    v1::Parameter& to = *spec.add_parameters();
    to.set_name(absl::StrCat("x", i));
    to.mutable_double_()->set_min(-5);
    to.mutable_double_()->set_max(5);
  }
  v1::Algorithm& algorithm = *spec.mutable_algorithm();
  if (shape.algorithm == "random") algorithm.mutable_random();
  if (shape.algorithm == "quasi_random") algorithm.mutable_quasi_random();
  if (shape.algorithm == "bayesian") algorithm.mutable_bayesian();
  if (shape.algorithm == "tpe") algorithm.mutable_tpe();
  spec.mutable_freshness()->set_max_wait(shape.max_wait);
  spec.set_seed(7);
  return spec;
}

int64_t Create(const std::string& address, const v1::StudySpec& spec) {
  const auto studies = v1::StudyService::NewStub(Connect(address));
  v1::CreateStudyRequest request;
  *request.mutable_spec() = spec;
  grpc::ClientContext context;
  v1::Study study;
  Check(studies->Create(&context, request, &study), "Create");
  return study.id();
}

}  // namespace

double Load::Percentile(double p) const {
  if (milliseconds.empty()) return 0;
  std::vector<double> sorted = milliseconds;
  const size_t index =
      std::min(sorted.size() - 1, static_cast<size_t>(p * sorted.size()));
  std::nth_element(sorted.begin(), sorted.begin() + index, sorted.end());
  return sorted[index];
}

int64_t CreateStudy(const std::string& address, const std::string& name,
                    const StudyShape& shape) {
  return Create(address, SpecOf(name, shape));
}

double Ripples(const std::vector<double>& x) {
  double sum = 0;
  for (const double value : x) {
    const double off = value / 10 + 0.2;
    sum += off * off + 0.1 * std::cos(8 * off);
  }
  return sum;
}

Load WholeTrials(const std::string& address, int64_t study, int clients,
                 absl::Duration time) {
  std::mutex mutex;
  Load load;
  const absl::Time began = absl::Now();
  std::vector<std::thread> threads;
  for (int i = 0; i < clients; ++i) {
    threads.emplace_back([&, i] {
      const auto trials = v1::TrialService::NewStub(Connect(address));
      const std::string client = absl::StrCat("bench-", i);
      std::vector<double> own;
      while (absl::Now() - began < time) {
        const absl::Time since = absl::Now();
        const v1::Assignment held = SuggestOne(*trials, study, client);
        ReportOne(*trials, held);
        CompleteOne(*trials, held);
        own.push_back(Milliseconds(since));
      }
      std::lock_guard<std::mutex> lock(mutex);
      load.milliseconds.insert(load.milliseconds.end(), own.begin(), own.end());
    });
  }
  for (std::thread& thread : threads) thread.join();
  load.per_second =
      load.milliseconds.size() / absl::ToDoubleSeconds(absl::Now() - began);
  return load;
}

std::vector<HeldTrial> HoldTrials(const std::string& address, int64_t study,
                                  int count) {
  const auto trials = v1::TrialService::NewStub(Connect(address));
  std::vector<HeldTrial> held;
  for (int i = 0; i < count; ++i) {
    const v1::Assignment one =
        SuggestOne(*trials, study, absl::StrCat("holder-", study, "-", i));
    held.push_back({one.trial().id(), one.attempt(), 0});
  }
  return held;
}

Load UnaryReports(const std::string& address, std::vector<HeldTrial>& trials,
                  absl::Duration time) {
  struct Lane {
    std::unique_ptr<grpc::ClientContext> context;
    v1::ReportRequest request;
    v1::ReportResponse response;
    absl::Time since;
    std::vector<double> milliseconds;
  };
  const auto stub = v1::TrialService::NewStub(Connect(address));
  std::vector<Lane> lanes(trials.size());
  std::mutex mutex;
  std::condition_variable done;
  size_t open = trials.size();
  const absl::Time began = absl::Now();
  std::function<void(size_t)> start = [&](size_t i) {
    Lane& lane = lanes[i];
    lane.context = std::make_unique<grpc::ClientContext>();
    lane.request.set_trial_id(trials[i].trial);
    lane.request.set_attempt(trials[i].attempt);
    *lane.request.mutable_measurement() = OneMeasurement(++trials[i].sequence);
    lane.since = absl::Now();
    stub->async()->Report(
        lane.context.get(), &lane.request, &lane.response,
        [&, i](grpc::Status status) {
          Check(status, "Report");
          Lane& ended = lanes[i];
          ended.milliseconds.push_back(Milliseconds(ended.since));
          if (absl::Now() - began < time) return start(i);
          std::lock_guard<std::mutex> lock(mutex);
          if (--open == 0) done.notify_one();
        });
  };
  for (size_t i = 0; i < lanes.size(); ++i) start(i);
  std::unique_lock<std::mutex> lock(mutex);
  done.wait(lock, [&] { return open == 0; });
  Load load;
  for (const Lane& lane : lanes) {
    load.milliseconds.insert(load.milliseconds.end(), lane.milliseconds.begin(),
                             lane.milliseconds.end());
  }
  load.per_second =
      load.milliseconds.size() / absl::ToDoubleSeconds(absl::Now() - began);
  return load;
}

Load Suggests(const std::string& address, int64_t study, int count) {
  const auto trials = v1::TrialService::NewStub(Connect(address));
  Load load;
  for (int i = 0; i < count; ++i) {
    const absl::Time since = absl::Now();
    const v1::Assignment held = SuggestOne(*trials, study, "single");
    load.milliseconds.push_back(Milliseconds(since));
    CompleteOne(*trials, held);
  }
  return load;
}

Load AskTrainTell(const std::string& address, int64_t study, int clients,
                  int count, absl::Duration mean) {
  constexpr int kStart = 4;  // Trials of each client that are not timed.
  std::mutex mutex;
  Load load;
  std::atomic<int> asked = 0;
  const absl::Time began = absl::Now();
  std::vector<std::thread> threads;
  for (int i = 0; i < clients; ++i) {
    threads.emplace_back([&, i] {
      const auto trials = v1::TrialService::NewStub(Connect(address));
      const std::string client = absl::StrCat("trainer-", i);
      std::mt19937_64 random(i);
      // Of mean 1.
      std::lognormal_distribution<double> length(-0.75 * 0.75 / 2, 0.75);
      std::vector<double> own;
      while (true) {
        const int number = asked++;
        if (number >= count) break;
        const absl::Time since = absl::Now();
        const v1::Assignment held = SuggestOne(*trials, study, client);
        if (number >= kStart * clients) own.push_back(Milliseconds(since));
        absl::SleepFor(mean * length(random));
        CompleteOne(*trials, held, Ripples(PointOf(held)));
      }
      std::lock_guard<std::mutex> lock(mutex);
      load.milliseconds.insert(load.milliseconds.end(), own.begin(), own.end());
    });
  }
  for (std::thread& thread : threads) thread.join();
  load.per_second = count / absl::ToDoubleSeconds(absl::Now() - began);
  return load;
}

Load Echoes(const std::string& address, int count) {
  const auto server = v1::ServerService::NewStub(Connect(address));
  Load load;
  for (int i = 0; i < count; ++i) {
    grpc::ClientContext context;
    v1::InfoResponse info;
    const absl::Time since = absl::Now();
    Check(server->Info(&context, {}, &info), "Info");
    load.milliseconds.push_back(Milliseconds(since));
  }
  return load;
}

Load StreamReports(const std::string& address, int batch, bool runs,
                   absl::Duration time) {
  if (runs) {
    v1::StudySpec spec = SpecOf(
        absl::StrCat("stream-", batch, "-", absl::ToUnixMicros(absl::Now())),
        {});
    spec.mutable_trial()->mutable_command()->add_argv("bench");
    Create(address, spec);
  }
  const auto workers = v1::WorkerService::NewStub(Connect(address));
  grpc::ClientContext context;
  const auto stream = workers->Connect(&context);
  v1::WorkerMessage hello;
  hello.mutable_hello()->set_name(absl::StrCat("bench-", batch));
  hello.mutable_hello()->set_instance(
      absl::StrCat(absl::ToUnixMicros(absl::Now())));
  hello.mutable_hello()->set_slots(1);
  hello.mutable_hello()->set_any_command(true);
  stream->Write(hello);
  HeldTrial held{1, 1, 0};
  v1::ServerMessage message;
  while (runs && stream->Read(&message)) {
    if (!message.has_assignment()) continue;
    held = {message.assignment().trial().id(), message.assignment().attempt(),
            0};
    break;
  }
  std::atomic<int64_t> acknowledged = 0;
  std::atomic<bool> over = false;
  const absl::Time began = absl::Now();
  std::thread reader([&] {
    v1::ServerMessage in;
    while (stream->Read(&in)) {
      if (in.has_stop()) {
        std::cerr << "stream: " << in.stop().reason() << "\n";
        std::_Exit(1);
      }
      if (in.has_acknowledgement()) {
        acknowledged = in.acknowledgement().through_sequence();
      }
    }
    over = true;
  });
  v1::WorkerMessage out;
  while (absl::Now() - began < time) {
    v1::MeasurementBatch& to = *out.mutable_measurements();
    to.set_trial_id(held.trial);
    to.set_attempt(held.attempt);
    to.clear_measurements();
    for (int i = 0; i < batch; ++i) {
      *to.add_measurements() = OneMeasurement(++held.sequence);
    }
    if (!stream->Write(out)) break;
  }
  // What was sent is waited for: only durable measurements count.
  while (acknowledged < held.sequence) {
    if (over) {
      std::cerr << "stream: the server left\n";
      std::_Exit(1);
    }
    std::this_thread::yield();
  }
  Load load;
  load.per_second = static_cast<double>(acknowledged) /
                    absl::ToDoubleSeconds(absl::Now() - began);
  stream->WritesDone();
  context.TryCancel();
  reader.join();
  stream->Finish();
  return load;
}

}  // namespace assay
