#pragma once

#include <Eigen/Core>

namespace assay {

// The lower triangle of a matrix is where L or a symmetric matrix is kept; what
// lies above the diagonal is neither read nor written. BLAS and LAPACK do the
// work, on one thread: the same input gives the same bits on one machine.
using MatrixRef = Eigen::Ref<Eigen::MatrixXd, 0, Eigen::OuterStride<>>;
using ConstMatrixRef =
    Eigen::Ref<const Eigen::MatrixXd, 0, Eigen::OuterStride<>>;

// A = L L^T in place. False if A is not positive definite: `a` is then spoilt.
bool FactorizeCholesky(MatrixRef a);

// From L to (L L^T)^-1, in place.
void InvertFromCholesky(MatrixRef l);

// From L to L^-1, in place.
void InvertLower(MatrixRef l);

// X <- L^-1 X, and X <- L^-T X; X may be a vector.
void SolveLower(const ConstMatrixRef& l, MatrixRef x);
void SolveLowerTransposed(const ConstMatrixRef& l, MatrixRef x);

// [n, m] = A B.
Eigen::MatrixXd Multiply(const ConstMatrixRef& a, const ConstMatrixRef& b);

// [columns of A] = A^T x.
Eigen::VectorXd MultiplyTransposed(const ConstMatrixRef& a,
                                   const Eigen::Ref<const Eigen::VectorXd>& x);

}  // namespace assay
