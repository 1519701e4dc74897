#include "worker/trainer/data/file.h"

#include <zlib.h>

#include <cerrno>
#include <cstring>
#include <memory>

namespace assay {
namespace {

constexpr size_t kLargest = size_t{8} << 30;
constexpr size_t kPiece = size_t{1} << 20;

struct CloseGzip {
  void operator()(gzFile_s* file) const { gzclose(file); }
};

std::string WhyNot(gzFile file) {
  int code = Z_OK;
  const char* message = gzerror(file, &code);
  return code == Z_ERRNO ? std::strerror(errno) : message;
}

}  // namespace

Result<std::string> ReadDataFile(const std::string& path) {
  errno = 0;
  std::unique_ptr<gzFile_s, CloseGzip> file(gzopen(path.c_str(), "rb"));
  if (file == nullptr) {
    return Failure(path + ": cannot be opened: " + std::strerror(errno));
  }
  gzbuffer(file.get(), kPiece);
  std::string content;
  for (;;) {
    const size_t before = content.size();
    content.resize(before + kPiece);
    const int count = gzread(file.get(), content.data() + before, kPiece);
    if (count < 0) {
      return Failure(path + ": cannot be read: " + WhyNot(file.get()));
    }
    content.resize(before + count);
    if (content.size() > kLargest) return Failure(path + ": is above 8 GiB");
    if (static_cast<size_t>(count) == kPiece) continue;
    // A gzip file that was cut short ends with an error that gzread hides.
    int code = Z_OK;
    gzerror(file.get(), &code);
    if (code == Z_BUF_ERROR) return Failure(path + ": is cut short");
    return content;
  }
}

}  // namespace assay
