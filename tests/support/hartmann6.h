#pragma once

// Hartmann's function of six numbers in [0, 1], f(x) = -sum_k kHeights[k]
// exp(-sum_i kWidths[k][i] (x_i - kCentres[k][i])^2), whose least value is
// -3.32237 (Dixon & Szegoe 1978).

namespace assay::hartmann6 {

inline constexpr double kHeights[4] = {1, 1.2, 3, 3.2};
inline constexpr double kWidths[4][6] = {{10, 3, 17, 3.5, 1.7, 8},
                                         {0.05, 10, 17, 0.1, 8, 14},
                                         {3, 3.5, 1.7, 10, 17, 8},
                                         {17, 8, 0.05, 10, 0.1, 14}};
inline constexpr double kCentres[4][6] = {
    {0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886},
    {0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991},
    {0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650},
    {0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381}};

}  // namespace assay::hartmann6
