#include "search/gp/linalg.h"

#include <algorithm>
#include <cassert>

#include <cblas.h>

extern "C" {
void dpotrf_(const char* uplo, const int* n, double* a, const int* lda,
             int* info);
void dpotri_(const char* uplo, const int* n, double* a, const int* lda,
             int* info);
void dtrtri_(const char* uplo, const char* diag, const int* n, double* a,
             const int* lda, int* info);
}

namespace assay {
namespace {

constexpr char kLower = 'L';
constexpr char kNotUnit = 'N';

// Several threads would split sums differently with the load of the machine,
// and are slower at our sizes. A setting of the process, made once, before its
// first use of BLAS through this file.
void UseOneThread() {
  static const bool once = [] {
    openblas_set_num_threads(1);
    return true;
  }();
  (void)once;
}

int Size(Eigen::Index n) { return static_cast<int>(n); }

// LAPACK refuses 0, which an empty matrix may have.
int Leading(const ConstMatrixRef& a) {
  return std::max(1, static_cast<int>(a.outerStride()));
}

void Solve(CBLAS_TRANSPOSE transpose, const ConstMatrixRef& l, MatrixRef x) {
  assert(l.rows() == l.cols() && l.rows() == x.rows());
  if (x.size() == 0) return;
  UseOneThread();
  if (x.cols() == 1) {
    cblas_dtrsv(CblasColMajor, CblasLower, transpose, CblasNonUnit,
                Size(l.rows()), l.data(), Leading(l), x.data(), 1);
  } else {
    cblas_dtrsm(CblasColMajor, CblasLeft, CblasLower, transpose, CblasNonUnit,
                Size(x.rows()), Size(x.cols()), 1.0, l.data(), Leading(l),
                x.data(), Leading(x));
  }
}

}  // namespace

bool FactorizeCholesky(MatrixRef a) {
  assert(a.rows() == a.cols());
  UseOneThread();
  const int n = Size(a.rows()), leading = Leading(a);
  int info = 0;
  dpotrf_(&kLower, &n, a.data(), &leading, &info);
  return info == 0;
}

void InvertFromCholesky(MatrixRef l) {
  UseOneThread();
  const int n = Size(l.rows()), leading = Leading(l);
  int info = 0;
  dpotri_(&kLower, &n, l.data(), &leading, &info);
  assert(info == 0);
}

void InvertLower(MatrixRef l) {
  UseOneThread();
  const int n = Size(l.rows()), leading = Leading(l);
  int info = 0;
  dtrtri_(&kLower, &kNotUnit, &n, l.data(), &leading, &info);
  assert(info == 0);
}

void SolveLower(const ConstMatrixRef& l, MatrixRef x) {
  Solve(CblasNoTrans, l, x);
}

void SolveLowerTransposed(const ConstMatrixRef& l, MatrixRef x) {
  Solve(CblasTrans, l, x);
}

Eigen::MatrixXd Multiply(const ConstMatrixRef& a, const ConstMatrixRef& b) {
  assert(a.cols() == b.rows());
  Eigen::MatrixXd product = Eigen::MatrixXd::Zero(a.rows(), b.cols());
  if (product.size() == 0 || a.cols() == 0) return product;
  UseOneThread();
  cblas_dgemm(CblasColMajor, CblasNoTrans, CblasNoTrans, Size(a.rows()),
              Size(b.cols()), Size(a.cols()), 1.0, a.data(), Leading(a),
              b.data(), Leading(b), 0.0, product.data(), Leading(product));
  return product;
}

Eigen::VectorXd MultiplyTransposed(const ConstMatrixRef& a,
                                   const Eigen::Ref<const Eigen::VectorXd>& x) {
  assert(a.rows() == x.size());
  Eigen::VectorXd product = Eigen::VectorXd::Zero(a.cols());
  if (a.size() == 0) return product;
  UseOneThread();
  cblas_dgemv(CblasColMajor, CblasTrans, Size(a.rows()), Size(a.cols()), 1.0,
              a.data(), Leading(a), x.data(), 1, 0.0, product.data(), 1);
  return product;
}

}  // namespace assay
