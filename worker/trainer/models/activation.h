#pragma once

#include "worker/trainer/configuration.h"
#include "worker/trainer/torch.h"

namespace assay {

void AppendActivation(torch::nn::Sequential& network, Activation activation);

}  // namespace assay
