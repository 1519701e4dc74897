#include "worker/trainer/models/activation.h"

namespace assay {

void AppendActivation(torch::nn::Sequential& network, Activation activation) {
  switch (activation) {
    case Activation::kRelu:
      network->push_back(
          torch::nn::ReLU(torch::nn::ReLUOptions().inplace(true)));
      break;
    case Activation::kLeakyRelu:
      network->push_back(torch::nn::LeakyReLU());
      break;
    case Activation::kElu:
      network->push_back(torch::nn::ELU());
      break;
    case Activation::kTanh:
      network->push_back(torch::nn::Tanh());
      break;
    case Activation::kGelu:
      network->push_back(torch::nn::GELU());
      break;
    case Activation::kSilu:
      network->push_back(torch::nn::SiLU());
      break;
  }
}

}  // namespace assay
