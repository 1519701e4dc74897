#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "worker/trainer/data/dataset.h"
#include "worker/trainer/result.h"

namespace assay {

// An array in the IDX format of the MNIST files (LeCun): two zero bytes, the
// type, the number of dimensions, each extent in 32 bits big-endian, the data.
// Unsigned bytes (type 0x08) only.
struct IdxArray {
  std::vector<int64_t> extents;
  std::vector<uint8_t> bytes;
};

// `path` names the source in errors.
Result<IdxArray> ParseIdx(const std::string& content, const std::string& path);

enum class IdxPart { kTrain, kTest };

// Whether `folder` has the images of `part`.
bool HasIdxPart(const std::string& folder, IdxPart part);

// Reads train-images-idx3-ubyte and train-labels-idx1-ubyte, or t10k-*, plain
// or .gz, of one folder. Images are [n, h, w] or [n, c, h, w]; rows of numbers
// [n, features].
Result<Dataset> ReadIdxFolder(const std::string& folder, IdxPart part);

}  // namespace assay
