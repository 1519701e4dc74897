#include "search/gradient/gradient_audit.h"

#include <gtest/gtest.h>

#include <limits>

namespace assay {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// Says 2 of a move from 0.4 to 0.6 in the first coordinate.
const UnitGradient kGradient = {{10, kNaN}, {1, kNaN}};
const std::vector<double> kFrom = {0.4, 0.5};
const std::vector<double> kTo = {0.6, 0.5};

TEST(GradientAuditTest, TheSignDecides) {
  GradientAudit audit;
  audit.Learn(kGradient, kFrom, kTo, 0.1);
  audit.Learn(kGradient, kFrom, kTo, -0.1);
  audit.Learn(kGradient, kTo, kFrom, -0.1);
  EXPECT_EQ(audit.right(), 2);
  EXPECT_EQ(audit.wrong(), 1);
  EXPECT_TRUE(audit.IsTrusted());
}

TEST(GradientAuditTest, MostOfAtLeastThreeWrongEndsTheTrust) {
  GradientAudit audit;
  audit.Learn(kGradient, kFrom, kTo, -0.1);
  audit.Learn(kGradient, kFrom, kTo, -0.1);
  EXPECT_TRUE(audit.IsTrusted());
  audit.Learn(kGradient, kFrom, kTo, -0.1);
  EXPECT_FALSE(audit.IsTrusted());
  for (int i = 0; i < 3; ++i) audit.Learn(kGradient, kFrom, kTo, 0.1);
  EXPECT_TRUE(audit.IsTrusted());
}

TEST(GradientAuditTest, WhatIsNotSignificantOrNotFiniteProvesNothing) {
  GradientAudit audit;
  const UnitGradient noisy = {{10, kNaN}, {6, kNaN}};
  audit.Learn(noisy, kFrom, kTo, -0.1);
  audit.Learn(kGradient, kFrom, kTo, kNaN);
  audit.Learn(kGradient, kFrom, kTo, 0);
  audit.Learn(kGradient, {0.5, 0.1}, {0.5, 0.9}, -1);  // It is silent there.
  EXPECT_EQ(audit.right() + audit.wrong(), 0);
}

}  // namespace
}  // namespace assay
