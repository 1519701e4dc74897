#pragma once

#include <cstdint>
#include <string>

#include "search/parameter.h"

namespace assay {

// Configurations in a fixed order: a function of an index, known beforehand.
class Sequence {
 public:
  virtual ~Sequence() = default;

  // How many there are.
  virtual int64_t size() const = 0;

  // May repeat itself and violate constraints. REQUIRES: 0 <= index < size().
  virtual Parameters At(int64_t index) const = 0;

  // Why the configuration is proposed: one line for people.
  virtual std::string Why(int64_t index) const = 0;
};

}  // namespace assay
