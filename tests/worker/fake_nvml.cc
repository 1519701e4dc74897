// NVIDIA's management library, as far as the worker uses it, for machines
// without its driver: two GPUs, the first at work. The second does not tell its
// power, as some do.
#include <cstdio>

extern "C" {

struct nvmlDevice_st {
  unsigned index;
};
struct nvmlMemory_t {
  unsigned long long total;
  unsigned long long free;
  unsigned long long used;
};

struct nvmlUtilization_t {
  unsigned gpu;
  unsigned memory;
};

static nvmlDevice_st devices[] = {{0}, {1}};

int nvmlInit_v2() { return 0; }
int nvmlShutdown() { return 0; }
int nvmlDeviceGetCount_v2(unsigned* count) {
  *count = 2;
  return 0;
}
int nvmlDeviceGetHandleByIndex_v2(unsigned index, nvmlDevice_st** device) {
  *device = &devices[index];
  return 0;
}
int nvmlDeviceGetName(nvmlDevice_st* device, char* name, unsigned length) {
  std::snprintf(name, length, "Fake GPU %u", device->index);
  return 0;
}
int nvmlDeviceGetUUID(nvmlDevice_st* device, char* uuid, unsigned length) {
  std::snprintf(uuid, length, "GPU-%u", device->index);
  return 0;
}
int nvmlDeviceGetMemoryInfo(nvmlDevice_st*, nvmlMemory_t* memory) {
  *memory = {80ULL << 30, 70ULL << 30, 10ULL << 30};
  return 0;
}
int nvmlDeviceGetUtilizationRates(nvmlDevice_st* device,
                                  nvmlUtilization_t* rates) {
  *rates = {device->index == 0 ? 75U : 0U, 20};
  return 0;
}
int nvmlDeviceGetPowerUsage(nvmlDevice_st* device, unsigned* milliwatts) {
  constexpr int kNotSupported = 3;
  *milliwatts = 300'000;
  return device->index == 0 ? 0 : kNotSupported;
}
int nvmlDeviceGetTemperature(nvmlDevice_st*, int, unsigned* degrees) {
  *degrees = 60;
  return 0;
}

}  // extern "C"
