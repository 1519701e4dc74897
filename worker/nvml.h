#pragma once

#include <optional>

#include "worker/gpu_inventory.h"

namespace assay {

// How a GPU is doing now. nullopt: it does not tell (a part of a GPU has no
// utilization, a virtual one no power).
struct GpuReading {
  std::optional<double> utilization;  // Share of time with a kernel, 0 to 1.
  std::optional<double> memory_used_bytes;
  std::optional<double> power_watts;
  std::optional<double> temperature_celsius;
};

// NVIDIA's management library, which comes with the driver, found at run time.
// Thread-safe, as the library is. A call may take milliseconds.
class Nvml {
 public:
  Nvml();
  ~Nvml();
  Nvml(const Nvml&) = delete;
  Nvml& operator=(const Nvml&) = delete;

  // 0 without a driver.
  int Count() const;

  // REQUIRES: 0 <= index < Count().
  GpuDevice Describe(int index) const;
  GpuReading Read(int index) const;

 private:
  // The part of nvml.h (API version 2) that is used.
  using Device = struct nvmlDevice_st*;
  struct Memory {
    unsigned long long total;
    unsigned long long free;
    unsigned long long used;
  };
  struct Utilization {
    unsigned gpu;  // Per cent.
    unsigned memory;
  };

  template <typename Function>
  bool Load(const char* name, Function& function);
  Device Find(int index) const;  // Null if it is gone.

  void* const library_;
  int (*init_)() = nullptr;
  int (*shutdown_)() = nullptr;
  int (*count_)(unsigned*) = nullptr;
  int (*handle_)(unsigned, Device*) = nullptr;
  int (*name_)(Device, char*, unsigned) = nullptr;
  int (*uuid_)(Device, char*, unsigned) = nullptr;
  int (*memory_)(Device, Memory*) = nullptr;
  int (*utilization_)(Device, Utilization*) = nullptr;
  int (*power_)(Device, unsigned*) = nullptr;
  int (*temperature_)(Device, int, unsigned*) = nullptr;
  bool ready_ = false;
};

}  // namespace assay
