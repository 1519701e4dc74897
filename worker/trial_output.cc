#include "worker/trial_output.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"

namespace assay {
namespace {

Descriptor CreateFile(const std::string& path) {
  return Descriptor(
      open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
}

void WriteAll(const Descriptor& file, absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = write(file.get(), bytes.data(), bytes.size());
    if (count <= 0) return;
    bytes.remove_prefix(static_cast<size_t>(count));
  }
}

}  // namespace

TrialOutput::TrialOutput(std::string path)
    : TrialOutput(std::move(path), Sizes()) {}

TrialOutput::TrialOutput(std::string path, Sizes sizes)
    : path_(std::move(path)),
      sizes_(sizes),
      head_(CreateFile(absl::StrCat(path_, ".log"))),
      head_left_(sizes.head) {}

void TrialOutput::Write(absl::string_view bytes) {
  const size_t to_head =
      std::min(bytes.size(), static_cast<size_t>(head_left_));
  WriteAll(head_, bytes.substr(0, to_head));
  head_left_ -= static_cast<int64_t>(to_head);
  WriteTail(bytes.substr(to_head));
}

void TrialOutput::WriteTail(absl::string_view bytes) {
  while (!bytes.empty()) {
    if (tail_left_ == 0) Rotate();
    const size_t count =
        std::min(bytes.size(), static_cast<size_t>(tail_left_));
    WriteAll(tail_, bytes.substr(0, count));
    tail_left_ -= static_cast<int64_t>(count);
    bytes.remove_prefix(count);
  }
}

void TrialOutput::Rotate() {
  const std::string tail = absl::StrCat(path_, ".tail");
  std::rename(absl::StrCat(tail, ".1").c_str(),
              absl::StrCat(tail, ".2").c_str());
  std::rename(tail.c_str(), absl::StrCat(tail, ".1").c_str());
  tail_ = CreateFile(tail);
  tail_left_ = sizes_.part;
}

void TrialOutput::Remove(const std::string& path) {
  for (const char* ending : {".log", ".tail", ".tail.1", ".tail.2"}) {
    unlink(absl::StrCat(path, ending).c_str());
  }
}

}  // namespace assay
