//===- TuningTableTest.cpp ------------------------------------------------===//

#include "Heuristics/TuningTable.h"

#include "qcc/CodeGen/KernelHeaders.h"

#include <gtest/gtest.h>

using namespace qcc;
using namespace qcc::codegen;

namespace {

std::string failureOf(const std::string &text) {
  auto entries = parseTuningTable(text, "t.txt");
  return entries ? "" : entries.error().message;
}

TEST(TuningTable, ReadsEntriesAndComments) {
  auto entries = parseTuningTable("# measured\n\nsm_90 bf16 n=4096 k=512 rows<=8: BLOCK_M=16 STAGES=4 # why\n"
                                  "sm_80 s4 n=1 k=2 group=32 rows<=any: A=-1\n",
                                  "t.txt");
  ASSERT_TRUE(bool(entries)) << entries.error().message;
  ASSERT_EQ(entries->size(), 2u);
  EXPECT_EQ((*entries)[0].target, 90);
  EXPECT_EQ((*entries)[0].problem, "bf16 n=4096 k=512");
  EXPECT_EQ((*entries)[0].rows, 8);
  EXPECT_EQ((*entries)[0].config.values, (std::map<std::string, int64_t>{{"BLOCK_M", 16}, {"STAGES", 4}}));
  EXPECT_EQ((*entries)[1].rows, 0);
  EXPECT_EQ((*entries)[1].config.values.at("A"), -1);
}

TEST(TuningTable, MistakesAreNamedWithTheirLine) {
  EXPECT_NE(failureOf("\nvolta bf16 rows<=8: A=1").find("t.txt:2: 'volta'"), std::string::npos);
  EXPECT_NE(failureOf("sm_90 bf16 tokens<=8: A=1").find("'tokens<=8:'"), std::string::npos);
  EXPECT_NE(failureOf("sm_90 bf16 rows<=0: A=1").find("'rows<=0:'"), std::string::npos);
  EXPECT_NE(failureOf("sm_90 bf16 rows<=8: A").find("'A' must be NAME=NUMBER"), std::string::npos);
  EXPECT_NE(failureOf("sm_90 bf16 rows<=8: A=1x").find("'A=1x'"), std::string::npos);
  EXPECT_NE(failureOf("sm_90 bf16 rows<=8: A=1 A=2").find("'A' is given twice"), std::string::npos);
  EXPECT_NE(failureOf("sm_90 bf16 rows<=8:").find("must give a configuration"), std::string::npos);
}

TEST(TuningTable, EmbeddedOnesAreWellFormed) {
  ASSERT_FALSE(tuningTables().empty());
  for (const EmbeddedFile &file : tuningTables())
    EXPECT_EQ(failureOf(file.text), "") << file.name;
}

TEST(TuningTable, UnknownProblemHasNoEntry) { EXPECT_EQ(findTuned("gemm", 90, "bf16 n=-1 k=-1", 8), nullptr); }

} // namespace
