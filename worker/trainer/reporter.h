#pragma once

#include <iosfwd>
#include <optional>
#include <string>

#include "nlohmann/json_fwd.hpp"
#include "worker/trainer/progress.h"

namespace assay {

// Tells a training's progress to people, one line an epoch on `out`, and to the
// worker over a Unix stream socket, one JSON object a line:
//   to the worker  {"report":{"step":3,"metrics":{"loss":0.4,"accuracy":0.9},
//                   "gradients":{"loss":{"optimizer.learning_rate":-1.5}},
//                   "gradient_deviations":{"loss":{"..":0.1}}}}
//                  (the last two if there are any)
//                  {"checkpoint":{"step":3}}
//                  {"attribute":{"key":"confusion_matrix","value":"[[..]]"}}
//                  {"finish":{"state":"COMPLETED","metrics":{..}}}
//                  {"finish":{"state":"STOPPED","reason":"..","metrics":{..}}}
//   from it        {"stop":"reason"}
//                  {"ack":3} after its third good line, {"error":".."} after a
//                  bad one: each line has one answer
//                  others are ignored
// JSON has no NaN and no infinity; they travel as the strings "NaN",
// "Infinity" and "-Infinity". A socket that breaks is given up with one line on
// `out`, and training goes on. While the worker does not read and the kernel's
// buffer is full, reporting waits; after SIGTERM, for one second.
class Reporter : public Progress {
 public:
  // Without a socket if `socket_path` is empty or nobody listens there. `out`
  // must outlive this. `step_name` is what people call a step.
  Reporter(const std::string& socket_path, std::ostream& out,
           std::string step_name = "epoch");
  ~Reporter() override;
  Reporter(const Reporter&) = delete;
  Reporter& operator=(const Reporter&) = delete;

  void Report(int64_t step, const Metrics& metrics,
              const std::optional<MetricGradient>& gradient) override;
  void Attribute(const std::string& key, const std::string& value) override;

  void Note(const std::string& text) override;
  void AnnounceCheckpoint(int64_t step) override;
  bool CheckpointAnswered() override;
  void AwaitCheckpoint() override;

  // The worker's reason, or "SIGTERM" (see termination.h).
  std::optional<std::string> StopReason() override;

  void Completed(const Metrics& metrics);
  void Stopped(const std::string& reason, const Metrics& metrics);

 private:
  void Connect(const std::string& path);
  void GiveUp(const std::string& why);
  void Send(const std::string& line);
  // Whether the socket takes more, or is broken and will say so.
  bool AwaitRoom() const;
  bool Unanswered() const;
  void TakeError(const nlohmann::json& reason);
  void Receive();
  void Understand(const std::string& line);

  std::ostream& out_;
  const std::string step_name_;
  int socket_ = -1;       // -1: none, or given up.
  std::string received_;  // The beginning of a line.
  int64_t sent_ = 0;      // Lines.
  int64_t acknowledged_ = 0;
  int64_t refused_ = 0;
  int64_t checkpoint_line_ = 0;  // Its number among the sent; 0: none.
  std::optional<std::string> stop_reason_;
};

}  // namespace assay
