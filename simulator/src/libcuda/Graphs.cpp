//===- Graphs.cpp - building, instantiating and launching graphs ----------===//

#include "Graph.h"

#include <algorithm>

using namespace qccsim;
using namespace qccsim::driver;

namespace {

/// Graph objects belong to no context.
struct Graphs {
  Registry<CUgraph_st> graphs;
  Registry<CUgraphExec_st> execs;
  std::set<CUgraphNode> nodes;

  static Graphs &get() {
    static Graphs *instance = new Graphs;
    return *instance;
  }
};

CUgraphNode append(CUgraph graph, Work work) {
  auto node = std::make_unique<CUgraphNode_st>();
  node->graph = graph;
  node->work = std::move(work);
  CUgraphNode handle = node.get();
  Graphs::get().nodes.insert(handle);
  graph->nodes.push_back(std::move(node));
  return handle;
}

CUresult addNode(const char *function, Driver &driver, CUgraphNode *node, CUgraph graph,
                 const CUgraphNode *dependencies, size_t count, Work work) {
  if (!node || (count && !dependencies))
    return CUDA_ERROR_INVALID_VALUE;
  if (!Graphs::get().graphs.has(graph))
    return CUDA_ERROR_INVALID_HANDLE;
  for (size_t i = 0; i < count; ++i)
    if (!Graphs::get().nodes.count(dependencies[i]) || dependencies[i]->graph != graph)
      return refuse(function, CUDA_ERROR_INVALID_VALUE, "dependency " + std::to_string(i) + " is no node of the graph");
  if (CUresult result = validate(function, driver, work))
    return result;
  *node = append(graph, std::move(work));
  return CUDA_SUCCESS;
}

CUresult kernelWork(const char *function, Driver &driver, const CUDA_KERNEL_NODE_PARAMS &p, KernelWork &work) {
  const unsigned grid[] = {p.gridDimX, p.gridDimY, p.gridDimZ};
  const unsigned block[] = {p.blockDimX, p.blockDimY, p.blockDimZ};
  CUfunction handle = p.func ? p.func : reinterpret_cast<CUfunction>(p.kern);
  return makeKernelWork(function, driver, handle, grid, block, p.sharedMemBytes, p.kernelParams, p.extra, work);
}

CUgraphNodeType typeOf(const Work &work) {
  switch (work.index()) {
  case 1:
    return CU_GRAPH_NODE_TYPE_KERNEL;
  case 2:
    return CU_GRAPH_NODE_TYPE_MEMCPY;
  case 3:
    return CU_GRAPH_NODE_TYPE_MEMSET;
  case 4:
    return CU_GRAPH_NODE_TYPE_HOST;
  default:
    return CU_GRAPH_NODE_TYPE_EMPTY;
  }
}

} // namespace

CUgraph driver::makeGraph(std::vector<Work> works) {
  CUgraph graph = Graphs::get().graphs.add(std::make_unique<CUgraph_st>());
  for (Work &work : works)
    append(graph, std::move(work));
  return graph;
}

CUresult cuGraphCreate(CUgraph *graph, unsigned flags) {
  return enter(__func__, Needs::Init, [&](Driver &) {
    if (!graph || flags != 0)
      return CUDA_ERROR_INVALID_VALUE;
    *graph = makeGraph({});
    return CUDA_SUCCESS;
  });
}

CUresult cuGraphDestroy(CUgraph graph) {
  return enter(__func__, Needs::Init, [&](Driver &) {
    if (!Graphs::get().graphs.has(graph))
      return CUDA_ERROR_INVALID_HANDLE;
    for (auto &node : graph->nodes)
      Graphs::get().nodes.erase(node.get());
    Graphs::get().graphs.remove(graph);
    return CUDA_SUCCESS;
  });
}

CUresult cuGraphAddKernelNode(CUgraphNode *node, CUgraph graph, const CUgraphNode *dependencies, size_t count,
                              const CUDA_KERNEL_NODE_PARAMS *parameters) {
  return enter(__func__, Needs::Context, [&](Driver &driver) {
    if (!parameters)
      return CUDA_ERROR_INVALID_VALUE;
    KernelWork work;
    if (CUresult result = kernelWork("cuGraphAddKernelNode", driver, *parameters, work))
      return result;
    return addNode("cuGraphAddKernelNode", driver, node, graph, dependencies, count, std::move(work));
  });
}

CUresult cuGraphAddMemcpyNode(CUgraphNode *node, CUgraph graph, const CUgraphNode *dependencies, size_t count,
                              const CUDA_MEMCPY3D *copy, CUcontext) {
  return enter(__func__, Needs::Context, [&](Driver &driver) {
    if (!copy)
      return CUDA_ERROR_INVALID_VALUE;
    return addNode("cuGraphAddMemcpyNode", driver, node, graph, dependencies, count, *copy);
  });
}

CUresult cuGraphAddMemsetNode(CUgraphNode *node, CUgraph graph, const CUgraphNode *dependencies, size_t count,
                              const CUDA_MEMSET_NODE_PARAMS *p, CUcontext) {
  return enter(__func__, Needs::Context, [&](Driver &driver) {
    if (!p)
      return CUDA_ERROR_INVALID_VALUE;
    FillWork work{p->dst, p->pitch, p->value, p->elementSize, p->width, p->height};
    return addNode("cuGraphAddMemsetNode", driver, node, graph, dependencies, count, work);
  });
}

CUresult cuGraphAddEmptyNode(CUgraphNode *node, CUgraph graph, const CUgraphNode *dependencies, size_t count) {
  return enter(__func__, Needs::Context, [&](Driver &driver) {
    return addNode("cuGraphAddEmptyNode", driver, node, graph, dependencies, count, EmptyWork{});
  });
}

CUresult cuGraphGetNodes(CUgraph graph, CUgraphNode *nodes, size_t *count) {
  return enter(__func__, Needs::Init, [&](Driver &) {
    if (!count)
      return CUDA_ERROR_INVALID_VALUE;
    if (!Graphs::get().graphs.has(graph))
      return CUDA_ERROR_INVALID_HANDLE;
    if (nodes) {
      // As documented: slots beyond the number of nodes are set to null.
      for (size_t i = 0; i < *count; ++i)
        nodes[i] = i < graph->nodes.size() ? graph->nodes[i].get() : nullptr;
    }
    *count = nodes ? std::min(*count, graph->nodes.size()) : graph->nodes.size();
    return CUDA_SUCCESS;
  });
}

CUresult cuGraphNodeGetType(CUgraphNode node, CUgraphNodeType *type) {
  return enter(__func__, Needs::Init, [&](Driver &) {
    if (!type)
      return CUDA_ERROR_INVALID_VALUE;
    if (!Graphs::get().nodes.count(node))
      return CUDA_ERROR_INVALID_HANDLE;
    *type = typeOf(node->work);
    return CUDA_SUCCESS;
  });
}

CUresult cuGraphInstantiate(CUgraphExec *exec, CUgraph graph, unsigned long long flags) {
  return enter(__func__, Needs::Context, [&](Driver &) {
    if (!exec)
      return CUDA_ERROR_INVALID_VALUE;
    if (!Graphs::get().graphs.has(graph))
      return CUDA_ERROR_INVALID_HANDLE;
    if (flags & CUDA_GRAPH_INSTANTIATE_FLAG_DEVICE_LAUNCH)
      return refuse("cuGraphInstantiate", CUDA_ERROR_NOT_SUPPORTED,
                    "launching graphs from the device is not simulated");
    auto created = std::make_unique<CUgraphExec_st>();
    for (auto &node : graph->nodes)
      created->steps.push_back({node.get(), node->work});
    *exec = Graphs::get().execs.add(std::move(created));
    return CUDA_SUCCESS;
  });
}

CUresult cuGraphExecDestroy(CUgraphExec exec) {
  return enter(__func__, Needs::Init, [&](Driver &) {
    if (!Graphs::get().execs.has(exec))
      return CUDA_ERROR_INVALID_HANDLE;
    Graphs::get().execs.remove(exec);
    return CUDA_SUCCESS;
  });
}

CUresult cuGraphExecKernelNodeSetParams(CUgraphExec exec, CUgraphNode node, const CUDA_KERNEL_NODE_PARAMS *parameters) {
  return enter(__func__, Needs::Context, [&](Driver &driver) {
    if (!parameters)
      return CUDA_ERROR_INVALID_VALUE;
    if (!Graphs::get().execs.has(exec))
      return CUDA_ERROR_INVALID_HANDLE;
    for (CUgraphExec_st::Step &step : exec->steps) {
      if (step.node != node || !std::holds_alternative<KernelWork>(step.work))
        continue;
      KernelWork work;
      if (CUresult result = kernelWork("cuGraphExecKernelNodeSetParams", driver, *parameters, work))
        return result;
      step.work = std::move(work);
      return CUDA_SUCCESS;
    }
    return refuse("cuGraphExecKernelNodeSetParams", CUDA_ERROR_INVALID_VALUE,
                  "not a kernel node of the graph that was instantiated");
  });
}

CUresult cuGraphExecUpdate(CUgraphExec exec, CUgraph graph, CUgraphExecUpdateResultInfo *info) {
  return enter(__func__, Needs::Context, [&](Driver &) {
    if (!info)
      return CUDA_ERROR_INVALID_VALUE;
    if (!Graphs::get().execs.has(exec) || !Graphs::get().graphs.has(graph))
      return CUDA_ERROR_INVALID_HANDLE;
    *info = {};
    bool same = exec->steps.size() == graph->nodes.size();
    info->result = CU_GRAPH_EXEC_UPDATE_ERROR_TOPOLOGY_CHANGED;
    for (size_t i = 0; same && i < exec->steps.size(); ++i)
      if (exec->steps[i].work.index() != graph->nodes[i]->work.index()) {
        same = false;
        info->result = CU_GRAPH_EXEC_UPDATE_ERROR_NODE_TYPE_CHANGED;
        info->errorNode = graph->nodes[i].get();
      }
    if (!same)
      return CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE;
    for (size_t i = 0; i < exec->steps.size(); ++i)
      exec->steps[i].work = graph->nodes[i]->work;
    info->result = CU_GRAPH_EXEC_UPDATE_SUCCESS;
    return CUDA_SUCCESS;
  });
}

CUresult cuGraphUpload(CUgraphExec exec, CUstream stream) {
  return enter(__func__, Needs::Context, [&](Driver &driver) {
    return Graphs::get().execs.has(exec) && isStream(driver, stream) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
  });
}

CUresult cuGraphLaunch(CUgraphExec exec, CUstream stream) {
  return enter(
      __func__, Needs::Context,
      [&](Driver &driver) {
        if (!Graphs::get().execs.has(exec) || !isStream(driver, stream))
          return CUDA_ERROR_INVALID_HANDLE;
        if (driver.streams.has(stream) && stream->capture)
          return refuse("cuGraphLaunch", CUDA_ERROR_NOT_SUPPORTED,
                        "capturing the launch of a graph (a child graph) is not simulated");
        for (CUgraphExec_st::Step &step : exec->steps)
          if (CUresult result = execute(driver, step.work))
            return result;
        return CUDA_SUCCESS;
      },
      /*inKernel=*/true);
}
