#pragma once

#include <string>

#include "worker/trainer/configuration.h"
#include "worker/trainer/configuration_reader.h"

namespace assay {

// The words of a configuration for each choice.

inline const Names<Task> kTaskNames = {
    {"classification", Task::kClassification},
    {"regression", Task::kRegression}};

inline const Names<SyntheticKind> kSyntheticNames = {
    {"blobs", SyntheticKind::kBlobs},
    {"spirals", SyntheticKind::kSpirals},
    {"linear", SyntheticKind::kLinear},
    {"friedman", SyntheticKind::kFriedman}};

inline const Names<ModelKind> kModelNames = {{"mlp", ModelKind::kMlp},
                                             {"cnn", ModelKind::kCnn}};

inline const Names<Activation> kActivationNames = {
    {"relu", Activation::kRelu}, {"leaky_relu", Activation::kLeakyRelu},
    {"elu", Activation::kElu},   {"tanh", Activation::kTanh},
    {"gelu", Activation::kGelu}, {"silu", Activation::kSilu}};

inline const Names<LossKind> kLossNames = {
    {"cross_entropy", LossKind::kCrossEntropy},
    {"mse", LossKind::kMse},
    {"log_loss", LossKind::kLogLoss},
    {"hinge", LossKind::kHinge}};

inline const Names<OptimizerKind> kOptimizerNames = {
    {"sgd", OptimizerKind::kSgd},
    {"adam", OptimizerKind::kAdam},
    {"adamw", OptimizerKind::kAdamW},
    {"rmsprop", OptimizerKind::kRmsProp}};

inline const Names<ScheduleKind> kScheduleNames = {
    {"constant", ScheduleKind::kConstant},
    {"step", ScheduleKind::kStep},
    {"cosine", ScheduleKind::kCosine}};

inline const Names<HypergradientMethod> kHypergradientNames = {
    {"none", HypergradientMethod::kNone},
    {"ift_neumann", HypergradientMethod::kIftNeumann},
    {"ift_cg", HypergradientMethod::kIftCg},
    {"truncated", HypergradientMethod::kTruncated},
    {"forward", HypergradientMethod::kForward},
    {"one_step", HypergradientMethod::kOneStep}};

inline const Names<CurvatureKind> kCurvatureNames = {
    {"gauss_newton", CurvatureKind::kGaussNewton},
    {"hessian", CurvatureKind::kHessian}};

// `name` must be one of them.
template <class Enum>
Enum ValueOf(const Names<Enum>& names, const std::string& name) {
  Enum value = names.front().second;
  for (const auto& [known, choice] : names) {
    if (known == name) value = choice;
  }
  return value;
}

template <class Enum>
std::string NameOf(const Names<Enum>& names, Enum value) {
  for (const auto& [name, choice] : names) {
    if (choice == value) return name;
  }
  return "";
}

}  // namespace assay
