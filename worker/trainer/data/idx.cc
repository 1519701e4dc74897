#include "worker/trainer/data/idx.h"

#include <algorithm>
#include <filesystem>

#include "worker/trainer/data/file.h"

namespace assay {
namespace {

constexpr uint8_t kUnsignedByte = 0x08;
constexpr size_t kMagicSize = 4;
constexpr size_t kExtentSize = 4;
constexpr size_t kMaxDimensions = 4;
constexpr int64_t kMaxElements = int64_t{1} << 33;

int64_t BigEndian32(const std::string& content, size_t at) {
  int64_t value = 0;
  for (size_t i = 0; i < kExtentSize; ++i) {
    value = value << 8 | static_cast<uint8_t>(content[at + i]);
  }
  return value;
}

std::string PrefixOf(IdxPart part) {
  return part == IdxPart::kTrain ? "train" : "t10k";
}

// The name in use: "train-images-idx3-ubyte", with ".idx3" and ".gz" as some
// archives have them. Empty if there is none.
std::string FindFile(const std::string& folder, const std::string& stem) {
  for (const char* dimensions : {"1", "2", "3", "4"}) {
    for (const char* separator : {"-", "."}) {
      for (const char* ending : {"", ".gz"}) {
        const std::string path = folder + "/" + stem + separator + "idx" +
                                 dimensions + "-ubyte" + ending;
        std::error_code ignored;
        if (std::filesystem::is_regular_file(path, ignored)) return path;
      }
    }
  }
  return "";
}

Result<IdxArray> ReadArray(const std::string& folder, const std::string& stem) {
  const std::string path = FindFile(folder, stem);
  if (path.empty()) {
    return BadConfiguration("data.name: " + folder + " has no file " + stem +
                            "-idx*-ubyte, plain or .gz");
  }
  TRAINER_ASSIGN_OR_RETURN(const std::string content, ReadDataFile(path));
  return ParseIdx(content, path);
}

// [n, h, w] is n images of one channel.
Result<std::vector<int64_t>> ExampleShape(const IdxArray& images,
                                          const std::string& folder) {
  const std::vector<int64_t>& all = images.extents;
  if (all.size() == 2) return std::vector<int64_t>{all[1]};
  if (all.size() == 3) return std::vector<int64_t>{1, all[1], all[2]};
  if (all.size() == 4) return std::vector<int64_t>{all[1], all[2], all[3]};
  return Failure(folder + ": the images have " + std::to_string(all.size()) +
                 " dimensions; allowed: 2 to 4");
}

}  // namespace

Result<IdxArray> ParseIdx(const std::string& content, const std::string& path) {
  if (content.size() < kMagicSize || content[0] != 0 || content[1] != 0) {
    return Failure(path + ": is not an IDX file");
  }
  if (static_cast<uint8_t>(content[2]) != kUnsignedByte) {
    return Failure(path + ": holds elements of type " +
                   std::to_string(static_cast<uint8_t>(content[2])) +
                   "; allowed: 8 (unsigned byte)");
  }
  const size_t dimensions = static_cast<uint8_t>(content[3]);
  if (dimensions < 1 || dimensions > kMaxDimensions) {
    return Failure(path + ": has " + std::to_string(dimensions) +
                   " dimensions; allowed: 1 to 4");
  }
  const size_t header = kMagicSize + kExtentSize * dimensions;
  if (content.size() < header) return Failure(path + ": is cut short");

  IdxArray array;
  int64_t elements = 1;
  for (size_t i = 0; i < dimensions; ++i) {
    const int64_t extent = BigEndian32(content, kMagicSize + kExtentSize * i);
    if (extent == 0 || extent > kMaxElements / elements) {
      return Failure(path + ": dimension " + std::to_string(i) + " is " +
                     std::to_string(extent));
    }
    array.extents.push_back(extent);
    elements *= extent;
  }
  if (content.size() - header != static_cast<size_t>(elements)) {
    return Failure(path + ": holds " + std::to_string(content.size() - header) +
                   " bytes of data; its header says " +
                   std::to_string(elements));
  }
  array.bytes.assign(content.begin() + static_cast<int64_t>(header),
                     content.end());
  return array;
}

bool HasIdxPart(const std::string& folder, IdxPart part) {
  return !FindFile(folder, PrefixOf(part) + "-images").empty();
}

Result<Dataset> ReadIdxFolder(const std::string& folder, IdxPart part) {
  const std::string prefix = PrefixOf(part);
  TRAINER_ASSIGN_OR_RETURN(IdxArray images,
                           ReadArray(folder, prefix + "-images"));
  TRAINER_ASSIGN_OR_RETURN(const IdxArray labels,
                           ReadArray(folder, prefix + "-labels"));
  if (labels.extents.size() != 1 || labels.extents[0] != images.extents[0]) {
    return Failure(folder + ": " + prefix + " has " +
                   std::to_string(images.extents[0]) + " images but " +
                   std::to_string(labels.bytes.size()) + " labels");
  }
  Dataset data;
  TRAINER_ASSIGN_OR_RETURN(data.shape, ExampleShape(images, folder));
  data.inputs = std::move(images.bytes);
  data.labels.assign(labels.bytes.begin(), labels.bytes.end());
  data.classes = std::ranges::max(data.labels) + 1;
  return data;
}

}  // namespace assay
