#pragma once

#include "worker/trainer/configuration.h"
#include "worker/trainer/result.h"

namespace assay {

// Bounds the threads of Torch and of the BLAS below it.
void UseThreads(int64_t count);

// Touches what is slow the first time: kernels, BLAS, the CUDA context if there
// is a GPU. On one thread.
Done WarmUp();

// Whether "cuda" can be had here; else an error that says so.
Done CheckDevice(DeviceKind device);

}  // namespace assay
