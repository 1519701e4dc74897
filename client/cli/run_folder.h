#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace assay {

// Where an `assay run` keeps everything: the server's data, the worker's state,
// the logs of both. A folder that was not there before is removed with the
// object, unless it is to be kept.
class RunFolder {
 public:
  // The folder `path`; if that is empty, one in the current folder named after
  // the study and the time. InvalidArgument if it cannot be made.
  static absl::StatusOr<std::unique_ptr<RunFolder>> Open(
      const std::string& path, const std::string& study);

  ~RunFolder();
  RunFolder(const RunFolder&) = delete;

  void Keep() { created_.clear(); }

  // Never begins with '-': it is no option on a command line.
  const std::string& path() const { return path_; }
  std::string server_log() const { return path_ + "/server.log"; }
  std::string worker_log() const { return path_ + "/worker.log"; }
  std::string worker_state() const { return path_ + "/worker"; }

 private:
  RunFolder(std::string path, std::string created);

  const std::string path_;
  std::string created_;  // It or the first of its parents that was not there.
};

}  // namespace assay
