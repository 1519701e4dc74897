#include "tests/bench/bench_server.h"

#include <grpcpp/grpcpp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <memory>
#include <mutex>
#include <sstream>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "assay/v1/server.grpc.pb.h"
#include "assay/v1/trial.grpc.pb.h"
#include "assay/v1/worker.grpc.pb.h"

namespace assay {
namespace {

class EchoTrials final : public v1::TrialService::CallbackService {
  grpc::ServerUnaryReactor* Report(grpc::CallbackServerContext* call,
                                   const v1::ReportRequest*,
                                   v1::ReportResponse*) override {
    auto* reactor = call->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
};

class EchoServer final : public v1::ServerService::CallbackService {
  grpc::ServerUnaryReactor* Info(grpc::CallbackServerContext* call,
                                 const v1::InfoRequest*,
                                 v1::InfoResponse*) override {
    auto* reactor = call->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
};

// One acknowledgement a batch; those that wait for the writer are merged, as a
// coordinator does.
class EchoStream final
    : public grpc::ServerBidiReactor<v1::WorkerMessage, v1::ServerMessage> {
 public:
  EchoStream() { StartRead(&in_); }
  void OnReadDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::OK);
    std::lock_guard<std::mutex> lock(mutex_);
    if (in_.has_measurements()) {
      const auto& batch = in_.measurements();
      through_ = batch.measurements(batch.measurements_size() - 1).sequence();
      if (!writing_) Write();
    }
    StartRead(&in_);
  }
  void OnWriteDone(bool ok) override {
    std::lock_guard<std::mutex> lock(mutex_);
    writing_ = false;
    if (ok && through_ > written_) Write();
  }
  void OnDone() override { delete this; }

 private:
  void Write() {
    writing_ = true;
    written_ = through_;
    out_.mutable_acknowledgement()->set_through_sequence(through_);
    StartWrite(&out_);
  }
  std::mutex mutex_;
  v1::WorkerMessage in_;
  v1::ServerMessage out_;
  int64_t through_ = 0;
  int64_t written_ = 0;
  bool writing_ = false;
};

class EchoWorkers final : public v1::WorkerService::CallbackService {
  grpc::ServerBidiReactor<v1::WorkerMessage, v1::ServerMessage>* Connect(
      grpc::CallbackServerContext*) override {
    return new EchoStream;
  }
};

}  // namespace

void RunEchoServer(const std::string& address) {
  EchoTrials trials;
  EchoServer server;
  EchoWorkers workers;
  grpc::ServerBuilder builder;
  builder.AddListeningPort(address, grpc::InsecureServerCredentials());
  builder.RegisterService(&trials);
  builder.RegisterService(&server);
  builder.RegisterService(&workers);
  const auto running = builder.BuildAndStart();
  if (!running) std::exit(1);
  running->Wait();
  std::exit(0);
}

ChildProcess::ChildProcess(const std::vector<std::string>& argv) {
  std::vector<char*> pointers;
  for (const std::string& argument : argv) {
    pointers.push_back(const_cast<char*>(argument.c_str()));
  }
  pointers.push_back(nullptr);
  if (access(pointers[0], X_OK) != 0) {
    std::cerr << "cannot start " << argv[0] << "\n";
    std::exit(1);
  }
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ != 0) return;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() == parent) execv(pointers[0], pointers.data());
  _exit(127);
}

ChildProcess::~ChildProcess() {
  if (pid_ > 0) Kill(SIGKILL);
}

void ChildProcess::Kill(int signal) {
  kill(pid_, signal);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

int64_t ChildProcess::Memory() const {
  std::ifstream statm("/proc/" + std::to_string(pid_) + "/statm");
  int64_t size = 0, resident = 0;
  statm >> size >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

absl::Duration ChildProcess::CpuTime() const {
  std::ifstream stat("/proc/" + std::to_string(pid_) + "/stat");
  std::string line;
  std::getline(stat, line);
  std::istringstream fields(line.substr(line.rfind(')') + 2));
  std::string skipped;
  for (int i = 3; i < 14; ++i) fields >> skipped;
  double user = 0, system = 0;
  fields >> user >> system;
  return absl::Seconds((user + system) / sysconf(_SC_CLK_TCK));
}

absl::Duration WaitUntilServing(const std::string& address) {
  const absl::Time began = absl::Now();
  while (true) {
    // A new channel each time: a channel that failed waits before it retries.
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    const auto stub = v1::ServerService::NewStub(grpc::CreateCustomChannel(
        address, grpc::InsecureChannelCredentials(), arguments));
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() +
                         std::chrono::seconds(5));
    v1::InfoResponse info;
    if (stub->Info(&context, {}, &info).ok()) return absl::Now() - began;
    if (absl::Now() - began > absl::Minutes(2)) {
      std::cerr << address << " does not answer\n";
      std::exit(1);
    }
  }
}

}  // namespace assay
