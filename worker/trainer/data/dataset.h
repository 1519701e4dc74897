#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace assay {

// Bytes stay bytes (images: a quarter of the memory) until the rows that are
// needed are standardized.
using Values = std::variant<std::vector<uint8_t>, std::vector<float>>;

// Examples as they were read, in the order of the file.
struct Dataset {
  std::vector<int64_t> shape;   // Of one example: {features} or {c, h, w}.
  Values inputs;                // [examples, ElementsOf(shape)], row by row.
  std::vector<int64_t> labels;  // Classification: [examples], in [0, classes).
  std::vector<float> targets;   // Regression: [examples].
  int64_t classes = 0;          // 0: a regression.
  std::vector<std::string> class_names;  // Of a CSV file; else empty.

  int64_t size() const {
    return static_cast<int64_t>(classes > 0 ? labels.size() : targets.size());
  }
};

inline int64_t ElementsOf(const std::vector<int64_t>& shape) {
  int64_t product = 1;
  for (const int64_t extent : shape) product *= extent;
  return product;
}

inline bool IsImage(const std::vector<int64_t>& shape) {
  return shape.size() == 3;
}

}  // namespace assay
