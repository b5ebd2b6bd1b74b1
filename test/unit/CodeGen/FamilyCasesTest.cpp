//===- FamilyCasesTest.cpp - Every case of every family -------------------===//
//
// sm_80 and sm_90 differ in the kernels' source (e4m3 conversion), so both are run.
//
//===----------------------------------------------------------------------===//

#include "KernelCase.h"
#include "TestDevice.h"

#include <gtest/gtest.h>

using namespace qcc::bench;

namespace {

class FamilyCases : public testing::TestWithParam<KernelCase> {};

TEST_P(FamilyCases, AgreesWithDoublePrecision) {
  for (int target : {80, 90}) {
    CaseResult result = GetParam().check(qcc::test::testDevice(), target);
    EXPECT_EQ(result.failure, "") << "sm_" << target << ": " << GetParam().reason;
  }
}

INSTANTIATE_TEST_SUITE_P(All, FamilyCases, testing::ValuesIn(familyCases()),
                         [](const auto &info) { return info.param.name; });

} // namespace
