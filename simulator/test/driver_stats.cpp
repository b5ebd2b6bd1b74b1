//===- driver_stats.cpp - environment of the driver stand-in --------------===//
//
// What is read at start or written at exit is tested in a second process, this executable again.
//
//===----------------------------------------------------------------------===//

#include "DriverTest.h"

#include <cstdio>
#include <fstream>
#include <sstream>
#include <unistd.h>

using namespace qccsim::test;

namespace {

using DriverChild = DriverTest;

struct Outcome {
  int status;
  std::string output;
};

/// Runs one test of this executable with more environment.
Outcome runChild(const std::string &environment, const std::string &test) {
  char self[4096];
  ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
  self[length > 0 ? length : 0] = 0;
  std::string command = environment + " '" + self + "' --gtest_filter=" + test + " 2>&1";
  FILE *pipe = popen(command.c_str(), "r");
  std::string output;
  char buffer[512];
  while (size_t count = fread(buffer, 1, sizeof(buffer), pipe))
    output.append(buffer, count);
  return {pclose(pipe), output};
}

} // namespace

// Also run by the parents below, with more environment.
TEST_F(DriverChild, AddsOneBlock) {
  CUfunction add = load(addPtx, "add");
  CUdeviceptr a = upload(std::vector<float>(64, 1));
  int n = 64;
  ASSERT_CU(launch(add, 2, 32, {&a, &a, &a, &n}));
  ASSERT_CU(launch(add, 2, 32, {&a, &a, &a, &n}));
}

TEST_F(DriverChild, PrintsTheArchitecture) {
  int major = 0, minor = 0;
  ASSERT_CU(CU(cuDeviceGetAttribute)(&major, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, device));
  ASSERT_CU(CU(cuDeviceGetAttribute)(&minor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, device));
  std::printf("architecture %d%d\n", major, minor);
}

TEST(DriverEnvironment, StatsAreWrittenAtExit) {
  std::string path = testing::TempDir() + "qccsim_stats_test.json";
  std::remove(path.c_str());
  Outcome child = runChild("QCCSIM_STATS='" + path + "'", "DriverChild.AddsOneBlock");
  ASSERT_EQ(child.status, 0) << child.output;
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  std::string json = text.str();
  EXPECT_NE(json.find("\"kernel\": \"add\", \"launches\": 2"), std::string::npos) << json;
  // Twice 64 threads that read two floats and write one.
  EXPECT_NE(json.find("\"globalBytesRead\": 1024, \"globalBytesWritten\": 512"), std::string::npos) << json;
  std::remove(path.c_str());
}

TEST(DriverEnvironment, DeviceIsChosenByArchitecture) {
  for (const char *arch : {"80", "89", "90"}) {
    Outcome child = runChild(std::string("QCCSIM_DEVICE=sm_") + arch, "DriverChild.PrintsTheArchitecture");
    EXPECT_EQ(child.status, 0);
    EXPECT_NE(child.output.find(std::string("architecture ") + arch), std::string::npos) << child.output;
  }
  Outcome child = runChild("QCCSIM_DEVICE=sm_70", "DriverChild.PrintsTheArchitecture");
  EXPECT_NE(child.status, 0);
  EXPECT_NE(child.output.find("unknown device 'sm_70'"), std::string::npos) << child.output;
}

TEST(DriverEnvironment, WrongOptionsFailInitialisation) {
  Outcome child = runChild("QCCSIM_OPTIONS=colour=red", "DriverChild.AddsOneBlock");
  EXPECT_NE(child.status, 0);
  EXPECT_NE(child.output.find("colour"), std::string::npos) << child.output;
}
