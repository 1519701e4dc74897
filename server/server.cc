#include "server/server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "search/base/clock.h"
#include "search/base/status_macros.h"
#include "search/factory.h"
#include "server/checkpoint_collector.h"
#include "server/checkpoint_registry.h"
#include "server/chunk_keeper.h"
#include "server/connect/connect_api.h"
#include "server/grpc/checkpoint_service.h"
#include "server/grpc/insight_service.h"
#include "server/grpc/refuse_unparsable.h"
#include "server/grpc/report_calls.h"
#include "server/grpc/server_service.h"
#include "server/grpc/service_context.h"
#include "server/grpc/spec_codec.h"
#include "server/grpc/study_service.h"
#include "server/grpc/trial_service.h"
#include "server/grpc/worker_service.h"
#include "server/http/http_server.h"
#include "server/http/monitoring_routes.h"
#include "server/http/web_routes.h"
#include "server/insight.h"
#include "server/metrics.h"
#include "server/metrics_observer.h"
#include "server/savings_meter.h"
#include "server/thread_pool.h"
#include "server/timed_strategy.h"
#include "server/timer.h"
#include "storage/chunk_folder.h"
#include "storage/sqlite_storage.h"

namespace assay {
namespace {

constexpr int kMaxMessageBytes = 16 << 20;
constexpr auto kShutdownGrace = std::chrono::milliseconds(1000);
constexpr absl::Duration kHttpGrace = absl::Seconds(1);
constexpr absl::Duration kRequestMemory = absl::Hours(24);

// Long reads and decisions are short beside a fit: they have threads of their
// own, and go first.
constexpr int kReadThreads = 2;
constexpr int kSearchNiceness = 10;
constexpr int kInsightNiceness = 19;  // Somebody looks; nothing waits.
// A page of a browser converts megabytes: gRPC's clients shall not feel it.
constexpr int kJsonThreads = 2;
constexpr int kJsonNiceness = 5;
// They wait for the disk more than they work.
constexpr int kCheckpointThreads = 4;

void Append(std::vector<HttpRoute> more, std::vector<HttpRoute>& routes) {
  std::move(more.begin(), more.end(), std::back_inserter(routes));
}

absl::StatusOr<std::unique_ptr<Storage>> OpenStorage(
    const ServerConfig& config) {
  if (config.memory) return OpenMemoryStorage();
  return OpenSqliteStorage(config.data_dir);
}

// A server that keeps nothing has a folder for the chunks all the same, which
// goes with it.
absl::StatusOr<std::string> ChunksPath(const ServerConfig& config) {
  if (!config.checkpoint_folder.empty()) return config.checkpoint_folder;
  if (!config.memory) return config.data_dir + "/checkpoints";
  std::string pattern =
      (std::filesystem::temp_directory_path() / "assay-checkpoints-XXXXXX")
          .string();
  if (mkdtemp(pattern.data()) == nullptr) {
    return absl::ErrnoToStatus(errno, pattern);
  }
  return pattern;
}

absl::StatusOr<std::unique_ptr<ChunkFolder>> OpenChunks(
    const ServerConfig& config) {
  ASSAY_ASSIGN_OR_RETURN(const std::string path, ChunksPath(config));
  return ChunkFolder::Open(path, ChunkFolder::Sync::kDurable);
}

// gRPC unlinks the socket that it finds, whoever listens on it.
bool SomebodyListensOn(absl::string_view path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) return false;
  path.copy(address.sun_path, path.size());
  const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
  const bool listens =
      connect(socket, reinterpret_cast<const sockaddr*>(&address),
              sizeof(address)) == 0 ||
      errno == EAGAIN;  // Its backlog is full.
  close(socket);
  return listens;
}

}  // namespace

class Server::Parts {
 public:
  Parts(const ServerConfig& config, std::unique_ptr<Storage> storage,
        std::unique_ptr<ChunkFolder> chunks)
      : config_(config),
        storage_(std::move(storage)),
        chunks_(std::move(chunks)) {}

  ~Parts() {
    Stop();
    if (!config_.memory || !config_.checkpoint_folder.empty()) return;
    std::error_code ignored;
    std::filesystem::remove_all(chunks_->path(), ignored);
  }

  absl::Status Start() {
    ASSAY_RETURN_IF_ERROR(studies_.Load());
    ASSAY_RETURN_IF_ERROR(dispatcher_.Load());
    ASSAY_RETURN_IF_ERROR(observer_.Load());
    ASSAY_RETURN_IF_ERROR(savings_.Load());
    studies_.AddObserver(dispatcher_);
    studies_.AddObserver(workers_);
    studies_.AddObserver(observer_);
    studies_.AddObserver(savings_);  // After it: of studies that are shown.
    studies_.OnSupplyChanged([this](StudyId study) {
      dispatcher_.SupplyChanged(study);
      workers_.SupplyChanged(study);
    });
    storage_->SetCommitObserver([this](absl::Duration duration, int writes) {
      metrics_.ObserveCommit(duration, writes);
    });
    StartTimers();
    ASSAY_RETURN_IF_ERROR(ListenGrpc());
    return ListenHttp();
  }

  void Stop() {
    if (std::exchange(stopped_, true)) return;
    dispatcher_.StopHandingOut();
    insight_.Stop();
    // First: what it asks of gRPC would be cut off by gRPC's shutdown at once.
    if (http_) http_->Stop(kHttpGrace);
    http_.reset();
    if (grpc_) {
      grpc_->Shutdown(std::chrono::system_clock::now() + kShutdownGrace);
    }
    connect_.reset();
    timer_.Stop();
    json_pool_->Stop();
    insight_pool_->Stop();
    checkpoint_pool_->Stop();
    search_pool_->Stop();
    pool_->Stop();     // What the last commits post to it is forgotten.
    storage_.reset();  // Commits what waits.
    reports_.Stop();
    grpc_.reset();
  }

  std::string grpc_address() const {
    if (absl::StartsWith(config_.grpc, "unix:")) return config_.grpc;
    return absl::StrCat(config_.grpc.substr(0, config_.grpc.rfind(':')), ":",
                        grpc_port_);
  }

  std::string http_address() const {
    if (!http_) return "";
    return absl::StrCat(config_.http.substr(0, config_.http.rfind(':')), ":",
                        http_->port());
  }

 private:
  void StartTimers() {
    // A lease is noticed within a tenth of itself.
    const absl::Duration tick =
        absl::Seconds(std::min(0.5, config_.worker_lease_seconds / 10));
    timer_.Every(tick, [this] {
      workers_.CloseSilent();
      dispatcher_.ExpireLeases();
    });
    timer_.Every(absl::Milliseconds(500),
                 [this] { dispatcher_.CheckDeadlines(); });
    timer_.Every(absl::Seconds(1), [this] { Measure(); });
    timer_.Every(absl::Seconds(5), [this] { observer_.MeasureWaiting(); });
    timer_.Every(absl::Hours(1), [this] { ForgetRequests(); });
    timer_.Every(
        absl::Seconds(std::min(60.0, config_.checkpoint_grace_seconds)),
        [this] { checkpoint_pool_->Post([this] { collector_.Collect(); }); });
  }

  void Measure() {
    const StorageStats stats = storage_->Stats();
    metrics_.SetCommitFailures(stats.failed_commits);
    metrics_.SetCommitQueueBytes(stats.queued_bytes);
    metrics_.SetDatabaseBytes(stats.database_bytes, stats.wal_bytes);
    const WorkerRegistry::Totals totals = workers_.totals();
    metrics_.SetWorkers(static_cast<int>(totals.workers),
                        static_cast<int>(totals.slots),
                        static_cast<int>(totals.busy));
    metrics_.SetWaitingSuggests(static_cast<int>(dispatcher_.parked()));
    metrics_.SetWatchers(study_service_.streams());
    observer_.MeasureStock();
    savings_.Measure();
    WatchDisk();
    SetServing(storage_->Health().ok());
    metrics_.SetHealthy(Health().ok());
  }

  void WatchDisk() {
    if (config_.memory) return;
    struct statvfs disk;
    if (statvfs(config_.data_dir.c_str(), &disk) != 0) return;
    const int64_t free = static_cast<int64_t>(disk.f_bavail) *
                         static_cast<int64_t>(disk.f_frsize);
    metrics_.SetFreeDisk(free);
    const bool low = free < config_.min_free_bytes;
    if (low_disk_ == low) return;
    if (low) {
      spdlog::warn("{} bytes are free in {}: no trial is handed out below {}",
                   free, config_.data_dir, config_.min_free_bytes);
      const std::string why = absl::StrCat(
          "the server's disk is nearly full: ", free, " bytes are free");
      dispatcher_.HoldBack(why);
      checkpoints_.HoldBack(why);
    } else {
      checkpoints_.HoldBack("");
      dispatcher_.HoldBack("");
      workers_.MatchAnew();
    }
    low_disk_ = low;  // Health tells of what is so already.
  }

  // The search of a study, with its time in /metrics.
  absl::StatusOr<std::unique_ptr<SearchStrategy>> Timed(const StudySpec& spec) {
    ASSAY_ASSIGN_OR_RETURN(std::unique_ptr<SearchStrategy> strategy,
                           MakeSearchStrategy(spec));
    return std::make_unique<TimedStrategy>(
        std::move(strategy), clock_,
        [this, algorithm = spec.algorithm.name](absl::Duration took) {
          metrics_.ObserveSearch(algorithm, took);
        });
  }

  void ForgetRequests() {
    const absl::Time before = clock_.Now() - kRequestMemory;
    storage_->Write(
        [before](Transaction& rows) {
          return rows.DeleteRequestsBefore(before);
        },
        [](absl::Status) {});
  }

  absl::Status Health() const {
    ASSAY_RETURN_IF_ERROR(storage_->Health());
    if (!low_disk_) return absl::OkStatus();
    return absl::UnavailableError("the disk is nearly full");
  }

  void SetServing(bool serving) {
    if (serving_.exchange(serving) == serving || !grpc_) return;
    grpc_->GetHealthCheckService()->SetServingStatus(serving);
  }

  absl::Status ListenGrpc() {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    grpc::ServerBuilder builder;
    builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    builder.AddChannelArgument(
        GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 5000);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
    // Half-open connections end within a minute.
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 30'000);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20'000);
    builder.AddListeningPort(config_.grpc, grpc::InsecureServerCredentials(),
                             &grpc_port_);
    builder.experimental().SetInterceptorCreators(RefuseUnparsable());
    Register<v1::StudyService>(builder, study_service_);
    Register<v1::TrialService>(builder, trial_service_);
    Register<v1::WorkerService>(builder, worker_service_);
    Register<v1::ServerService>(builder, server_service_);
    Register<v1::InsightService>(builder, insight_service_);
    Register<v1::CheckpointService>(builder, checkpoint_service_);
    reports_.AddTo(builder);
    absl::string_view path = config_.grpc;
    const bool is_taken =
        absl::ConsumePrefix(&path, "unix:") && SomebodyListensOn(path);
    if (!is_taken) grpc_ = builder.BuildAndStart();
    if (grpc_) {
      reports_.Start();
      return absl::OkStatus();
    }
    return absl::UnavailableError(absl::StrCat(
        "cannot listen on ", config_.grpc,
        ": is another server running? Give another --grpc address"));
  }

  template <class Interface>
  void Register(grpc::ServerBuilder& builder, grpc::Service& service) {
    builder.RegisterService(&service);
    services_.push_back(Interface::service_full_name());
  }

  absl::Status ListenHttp() {
    if (config_.http == "none") return absl::OkStatus();
    grpc::ChannelArguments unlimited;
    unlimited.SetMaxReceiveMessageSize(-1);  // The server limits what it sends.
    connect_ = std::make_unique<ConnectApi>(grpc_->InProcessChannel(unlimited),
                                            *json_pool_);
    std::vector<HttpRoute> routes = MonitoringRoutes(
        [this] { return metrics_.Serialize(); }, [this] { return Health(); });
    Append(connect_->Routes(services_), routes);
    Append(WebRoutes(CompiledInWebFiles()), routes);
    ASSAY_ASSIGN_OR_RETURN(http_,
                           HttpServer::Start({.address = config_.http,
                                              .names = config_.http_names,
                                              .title = "Assay coordinator"},
                                             std::move(routes)));
    return absl::OkStatus();
  }

  const ServerConfig config_;
  const Clock& clock_ = SystemClock();
  MessageSpecCodec codec_;
  ServerMetrics metrics_{clock_.Now()};
  std::unique_ptr<Storage> storage_;
  const std::unique_ptr<ChunkFolder> chunks_;
  std::unique_ptr<ThreadPool> pool_ =
      std::make_unique<ThreadPool>(kReadThreads);
  std::unique_ptr<ThreadPool> search_pool_ =
      std::make_unique<ThreadPool>(config_.search_threads, kSearchNiceness);
  // Of its own: a search shall not wait for a question, nor the other way.
  std::unique_ptr<ThreadPool> insight_pool_ =
      std::make_unique<ThreadPool>(1, kInsightNiceness);
  // Of its own: megabytes are read, hashed and synced.
  std::unique_ptr<ThreadPool> checkpoint_pool_ =
      std::make_unique<ThreadPool>(kCheckpointThreads);
  std::unique_ptr<ThreadPool> json_pool_ =
      std::make_unique<ThreadPool>(kJsonThreads, kJsonNiceness);
  Timer timer_{clock_};
  ChangeFeed feed_;
  LeaseTable leases_{clock_};
  StudyRegistry studies_{
      {*storage_, clock_, *pool_, *search_pool_, timer_, codec_, feed_, leases_,
       [this](const StudySpec& spec) { return Timed(spec); }}};
  TrialDispatcher dispatcher_{{studies_, *storage_, leases_, timer_, clock_}};
  TrialRecorder recorder_{{studies_, *storage_, leases_, timer_}};
  TrialEditor editor_{studies_};
  WorkerRegistry workers_{{studies_, dispatcher_, *storage_, leases_, clock_,
                           *pool_, timer_,
                           absl::Seconds(config_.worker_lease_seconds)}};
  Insight insight_{{studies_, *storage_, *insight_pool_}};
  ChunkKeeper keeper_{*chunks_, clock_};
  CheckpointRegistry checkpoints_{{studies_, *storage_, leases_, clock_,
                                   *checkpoint_pool_, *chunks_, keeper_,
                                   metrics_, config_.checkpoint_bytes}};
  CheckpointCollector collector_{
      {studies_, *storage_, clock_, *checkpoint_pool_, checkpoints_, metrics_,
       absl::Seconds(config_.checkpoint_grace_seconds)}};
  MetricsObserver observer_{{studies_, *storage_, workers_, metrics_}};
  SavingsMeter savings_{{studies_, *storage_, metrics_, *insight_pool_}};
  ServiceContext context_{
      studies_,
      dispatcher_,
      recorder_,
      editor_,
      workers_,
      feed_,
      *storage_,
      *pool_,
      clock_,
      metrics_,
      AdmitEveryone,
      clock_.SinceBoot(),
      config_.memory ? "memory"
                     : std::filesystem::absolute(config_.data_dir).string()};
  StudyService study_service_{context_};
  TrialService trial_service_{context_};
  WorkerService worker_service_{context_};
  ServerService server_service_{context_};
  InsightService insight_service_{context_, insight_};
  CheckpointService checkpoint_service_{context_, checkpoints_,
                                        *checkpoint_pool_};
  ReportCalls reports_{context_, trial_service_};
  int grpc_port_ = 0;
  std::vector<std::string> services_;  // Their full names.
  std::unique_ptr<grpc::Server> grpc_;
  std::unique_ptr<ConnectApi> connect_;
  std::unique_ptr<HttpServer> http_;
  std::atomic<bool> low_disk_ = false;
  std::atomic<bool> serving_ = true;
  bool stopped_ = false;
};

Server::Server(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Server::~Server() = default;

absl::StatusOr<std::unique_ptr<Server>> Server::Start(
    const ServerConfig& config) {
  ASSAY_ASSIGN_OR_RETURN(std::unique_ptr<Storage> storage, OpenStorage(config));
  ASSAY_ASSIGN_OR_RETURN(std::unique_ptr<ChunkFolder> chunks,
                         OpenChunks(config));
  auto parts =
      std::make_unique<Parts>(config, std::move(storage), std::move(chunks));
  ASSAY_RETURN_IF_ERROR(parts->Start());
  return std::unique_ptr<Server>(new Server(std::move(parts)));
}

std::string Server::grpc_address() const { return parts_->grpc_address(); }
std::string Server::http_address() const { return parts_->http_address(); }
void Server::Stop() { parts_->Stop(); }

}  // namespace assay
