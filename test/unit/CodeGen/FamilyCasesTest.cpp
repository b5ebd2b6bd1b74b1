//===- FamilyCasesTest.cpp - Every case of every family -------------------===//
//
// For the device's own target: sm_80 differs from later ones in the kernels' source (e4m3 conversion), sm_90 from
// earlier ones in the tensor cores' arithmetic.
//
//===----------------------------------------------------------------------===//

#include "KernelCase.h"
#include "TestDevice.h"

#include <gtest/gtest.h>

using namespace qcc::bench;

namespace {

class FamilyCases : public testing::TestWithParam<KernelCase> {};

TEST_P(FamilyCases, AgreesWithDoublePrecision) {
  int target = qcc::test::testDevice().capability();
  CaseResult result = GetParam().check(qcc::test::testDevice(), target);
  EXPECT_EQ(result.failure, "") << "sm_" << target << ": " << GetParam().reason;
}

INSTANTIATE_TEST_SUITE_P(All, FamilyCases, testing::ValuesIn(familyCases()),
                         [](const auto &info) { return info.param.name; });

} // namespace
