#pragma once

#include <cstddef>
#include <cstdint>

// The inner loops of the kernel (search/gp/kernel.h), over `n` rows that lie
// one after the other. Compiled for the vector units of several processors; the
// bits of a result depend on which one runs.

namespace assay {

// The columns of a block of rows: entry i of column c is x[c * stride + i].
struct MaternColumns {
  const double* x;
  ptrdiff_t stride;
  int columns;
  const double* weights;   // [columns]
  const uint8_t* hamming;  // [columns]: D is x != z, else (x - z)^2.
};

// r2[i] = sum_c weights[c] D_c(row i, z), where z[c * z_stride] is z's entry c.
void WeightedDistances(const MaternColumns& rows, const double* z,
                       ptrdiff_t z_stride, int n, double* r2);

// r2[i] -> variance * M(r2[i]), in place.
void MaternValues(double variance, int n, double* r2);

// The same, and slope[i] = variance * M'(r2[i]).
void MaternSlopes(double variance, int n, double* r2, double* slope);

// r2[i] -> variance * M'(r2[i]), in place, and curvature[i] = variance *
// M''(r2[i]).
void MaternCurvatures(double variance, int n, double* r2, double* curvature);

// sums[c] += sum_i s[i] D_c(row i, z): not weighted.
void AddColumnSums(const MaternColumns& rows, const double* z,
                   ptrdiff_t z_stride, int n, const double* s, double* sums);

// s[i] = w[i] * slope[i] with w[i] = inverse[i] - alpha[i] * alpha_z; returns
// sum_i w[i] * value[i].
double MaternWeights(const double* inverse, const double* alpha, double alpha_z,
                     const double* value, const double* slope, int n,
                     double* s);

}  // namespace assay
