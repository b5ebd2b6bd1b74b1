//===- driver_streams.cpp - streams, events, capture, graphs --------------===//

#include "DriverTest.h"

using namespace qccsim::test;

namespace {

class DriverStreams : public DriverTest {
protected:
  void SetUp() override {
    DriverTest::SetUp();
    ASSERT_CU(CU(cuStreamCreate)(&stream, CU_STREAM_NON_BLOCKING));
    add = load(addPtx, "add");
  }

  CUstream stream = nullptr;
  CUfunction add = nullptr;
};

} // namespace

TEST_F(DriverStreams, AsynchronousWorkIsInOrder) {
  CUdeviceptr a = upload(std::vector<float>(32, 0));
  std::vector<float> ones(32, 1), out(32, 0);
  int n = 32;
  CUevent start, end;
  ASSERT_CU(CU(cuEventCreate)(&start, 0));
  ASSERT_CU(CU(cuEventCreate)(&end, 0));
  float milliseconds = -1;
  EXPECT_EQ(CU(cuEventElapsedTime)(&milliseconds, start, end), CUDA_ERROR_INVALID_HANDLE);
  ASSERT_CU(CU(cuEventRecord)(start, stream));
  ASSERT_CU(CU(cuMemcpyHtoDAsync)(a, ones.data(), 128, stream));
  ASSERT_CU(launch(add, 1, 32, {&a, &a, &a, &n}, stream));
  ASSERT_CU(CU(cuMemcpyDtoHAsync)(out.data(), a, 128, stream));
  ASSERT_CU(CU(cuEventRecord)(end, stream));
  ASSERT_CU(CU(cuStreamSynchronize)(stream));
  EXPECT_EQ(out[7], 2);
  EXPECT_CU(CU(cuEventQuery)(end));
  EXPECT_CU(CU(cuEventElapsedTime)(&milliseconds, start, end));
  EXPECT_GE(milliseconds, 0);
}

TEST_F(DriverStreams, StreamOrderedAllocation) {
  CUdeviceptr p = 0;
  CUstream gone;
  ASSERT_CU(CU(cuMemAllocAsync)(&p, 256, stream));
  ASSERT_CU(CU(cuMemsetD32Async)(p, 5, 64, stream));
  EXPECT_EQ(download<uint32_t>(p, 64)[63], 5u);
  ASSERT_CU(CU(cuStreamCreate)(&gone, 0));
  ASSERT_CU(CU(cuStreamDestroy)(gone));
  EXPECT_EQ(CU(cuMemFreeAsync)(p, gone), CUDA_ERROR_INVALID_HANDLE);
  EXPECT_CU(CU(cuMemFreeAsync)(p, stream));
  EXPECT_EQ(CU(cuMemFreeAsync)(p, stream), CUDA_ERROR_INVALID_VALUE);
}

TEST_F(DriverStreams, HostFunctionsRun) {
  int called = 0;
  ASSERT_CU(CU(cuLaunchHostFunc)(
      stream, [](void *data) { ++*static_cast<int *>(data); }, &called));
  EXPECT_EQ(called, 1);
}

TEST_F(DriverStreams, CaptureRecordsAndReplays) {
  CUdeviceptr a = upload(std::vector<float>(32, 1)), b = upload(std::vector<float>(32, 1));
  int n = 32;
  ASSERT_CU(CU(cuStreamBeginCapture)(stream, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL));
  CUstreamCaptureStatus status;
  ASSERT_CU(CU(cuStreamIsCapturing)(stream, &status));
  EXPECT_EQ(status, CU_STREAM_CAPTURE_STATUS_ACTIVE);
  ASSERT_CU(launch(add, 1, 32, {&a, &b, &a, &n}, stream)); // a += b
  ASSERT_CU(CU(cuMemcpyDtoDAsync)(b, a, 128, stream));     // b = a
  ASSERT_CU(CU(cuMemsetD32Async)(b, 0, 1, stream));        // b[0] = 0
  CUgraph graph;
  ASSERT_CU(CU(cuStreamEndCapture)(stream, &graph));
  EXPECT_EQ(download<float>(a, 32)[1], 1) << "capturing must not execute";

  size_t count = 0;
  ASSERT_CU(CU(cuGraphGetNodes)(graph, nullptr, &count));
  ASSERT_EQ(count, 3u);
  CUgraphNode nodes[3];
  ASSERT_CU(CU(cuGraphGetNodes)(graph, nodes, &count));
  const CUgraphNodeType types[] = {CU_GRAPH_NODE_TYPE_KERNEL, CU_GRAPH_NODE_TYPE_MEMCPY, CU_GRAPH_NODE_TYPE_MEMSET};
  for (int i = 0; i < 3; ++i) {
    CUgraphNodeType type;
    ASSERT_CU(CU(cuGraphNodeGetType)(nodes[i], &type));
    EXPECT_EQ(type, types[i]);
  }

  CUgraphExec exec;
  ASSERT_CU(CU(cuGraphInstantiate)(&exec, graph, 0));
  for (int i = 0; i < 3; ++i)
    ASSERT_CU(CU(cuGraphLaunch)(exec, stream));
  std::vector<float> out = download<float>(a, 32);
  EXPECT_EQ(out[1], 8); // doubled three times
  EXPECT_EQ(out[0], 2); // 1 + 1, then + 0 twice

  // The same node with another argument: three elements only.
  int three = 3;
  void *parameters[] = {&a, &a, &a, &three};
  CUDA_KERNEL_NODE_PARAMS update = {};
  update.func = add;
  update.gridDimX = update.gridDimY = update.gridDimZ = 1;
  update.blockDimX = 32, update.blockDimY = update.blockDimZ = 1;
  update.kernelParams = parameters;
  ASSERT_CU(CU(cuGraphExecKernelNodeSetParams)(exec, nodes[0], &update));
  ASSERT_CU(CU(cuGraphLaunch)(exec, stream));
  out = download<float>(a, 32);
  EXPECT_EQ(out[1], 16);
  EXPECT_EQ(out[5], 8);
  EXPECT_CU(CU(cuGraphExecDestroy)(exec));
  EXPECT_CU(CU(cuGraphDestroy)(graph));
  EXPECT_EQ(CU(cuGraphLaunch)(exec, stream), CUDA_ERROR_INVALID_HANDLE);
}

TEST_F(DriverStreams, EventsDrawOtherStreamsIntoACapture) {
  CUstream second;
  CUevent fork, join;
  ASSERT_CU(CU(cuStreamCreate)(&second, CU_STREAM_NON_BLOCKING));
  ASSERT_CU(CU(cuEventCreate)(&fork, CU_EVENT_DISABLE_TIMING));
  ASSERT_CU(CU(cuEventCreate)(&join, CU_EVENT_DISABLE_TIMING));
  CUdeviceptr a = upload(std::vector<float>(32, 1));
  ASSERT_CU(CU(cuStreamBeginCapture)(stream, CU_STREAM_CAPTURE_MODE_RELAXED));
  ASSERT_CU(CU(cuEventRecord)(fork, stream));
  ASSERT_CU(CU(cuStreamWaitEvent)(second, fork, 0));
  ASSERT_CU(CU(cuMemsetD32Async)(a, 0, 32, second));
  ASSERT_CU(CU(cuEventRecord)(join, second));
  ASSERT_CU(CU(cuStreamWaitEvent)(stream, join, 0));
  CUgraph graph;
  ASSERT_EQ(CU(cuStreamEndCapture)(second, &graph), CUDA_ERROR_STREAM_CAPTURE_UNMATCHED);
  ASSERT_CU(CU(cuStreamEndCapture)(stream, &graph));
  size_t count = 0;
  ASSERT_CU(CU(cuGraphGetNodes)(graph, nullptr, &count));
  EXPECT_EQ(count, 1u);
  EXPECT_EQ(download<float>(a, 32)[0], 1);
  // The second stream left the capture too.
  ASSERT_CU(CU(cuMemsetD32Async)(a, 0, 32, second));
  EXPECT_EQ(download<float>(a, 32)[0], 0);
}

TEST_F(DriverStreams, WhatACaptureForbidsInvalidatesIt) {
  CUdeviceptr a = upload(std::vector<float>(32, 1)), p;
  CUgraph graph;
  ASSERT_CU(CU(cuStreamBeginCapture)(stream, CU_STREAM_CAPTURE_MODE_GLOBAL));
  EXPECT_EQ(CU(cuMemAlloc)(&p, 16), CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
  EXPECT_EQ(CU(cuMemsetD32Async)(a, 0, 32, stream), CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
  EXPECT_EQ(CU(cuStreamEndCapture)(stream, &graph), CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
  EXPECT_EQ(graph, nullptr);

  ASSERT_CU(CU(cuStreamBeginCapture)(stream, CU_STREAM_CAPTURE_MODE_RELAXED));
  EXPECT_EQ(CU(cuStreamSynchronize)(stream), CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
  EXPECT_EQ(CU(cuStreamEndCapture)(stream, &graph), CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
  EXPECT_EQ(CU(cuStreamBeginCapture)(nullptr, CU_STREAM_CAPTURE_MODE_RELAXED), CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
}

TEST_F(DriverStreams, GraphsBuiltByHandRunInDependencyOrder) {
  CUdeviceptr a = upload(std::vector<float>(32, 1));
  int n = 32;
  void *parameters[] = {&a, &a, &a, &n};
  CUgraph graph;
  CUgraphNode fill, kernel;
  ASSERT_CU(CU(cuGraphCreate)(&graph, 0));
  CUDA_MEMSET_NODE_PARAMS zero = {};
  zero.dst = a, zero.value = 0x40400000, zero.elementSize = 4, zero.width = 32, zero.height = 1; // 3
  ASSERT_CU(CU(cuGraphAddMemsetNode)(&fill, graph, nullptr, 0, &zero, context));
  CUDA_KERNEL_NODE_PARAMS twice = {};
  twice.func = add;
  twice.gridDimX = twice.gridDimY = twice.gridDimZ = 1;
  twice.blockDimX = 32, twice.blockDimY = twice.blockDimZ = 1;
  twice.kernelParams = parameters;
  ASSERT_CU(CU(cuGraphAddKernelNode)(&kernel, graph, &fill, 1, &twice));
  CUgraphExec exec;
  ASSERT_CU(CU(cuGraphInstantiate)(&exec, graph, 0));
  n = 0; // parameters were copied when the node was added
  ASSERT_CU(CU(cuGraphLaunch)(exec, nullptr));
  EXPECT_EQ(download<float>(a, 32)[31], 6);
}
