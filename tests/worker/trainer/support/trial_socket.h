#pragma once

#include <optional>
#include <string>

#include "nlohmann/json.hpp"

namespace assay {

// The worker's end of a trial's socket: takes one connection and speaks JSON
// lines. Every call waits at most 60 s.
class TrialSocket {
 public:
  explicit TrialSocket(std::string path);  // Listens.
  ~TrialSocket();
  TrialSocket(const TrialSocket&) = delete;
  TrialSocket& operator=(const TrialSocket&) = delete;

  const std::string& path() const { return path_; }

  bool Accept();
  // The next line; nothing at the end, or if it takes too long.
  std::optional<nlohmann::json> Receive();
  bool Send(const std::string& line);  // The line end is added.
  void Close();                        // The connection.

 private:
  std::string path_;
  int listener_ = -1;
  int connection_ = -1;
  std::string received_;
};

}  // namespace assay
