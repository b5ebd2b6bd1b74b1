//===- Graph.h - graphs of work, private ----------------------------------===//
//
// A node can only depend on nodes that exist when it is added, so the order of creation is a
// topological order, and a graph runs its nodes in it.
//
//===----------------------------------------------------------------------===//

#ifndef QCCSIM_LIBCUDA_GRAPH_H
#define QCCSIM_LIBCUDA_GRAPH_H

#include "Work.h"

struct CUgraphNode_st {
  CUgraph graph = nullptr;
  qccsim::driver::Work work;
};

struct CUgraph_st {
  std::vector<std::unique_ptr<CUgraphNode_st>> nodes;
};

struct CUgraphExec_st {
  struct Step {
    CUgraphNode node; ///< of the graph instantiated, to find the step to update
    qccsim::driver::Work work;
  };
  std::vector<Step> steps;
};

namespace qccsim::driver {

/// A graph of one chain. The driver owns it.
CUgraph makeGraph(std::vector<Work> works);

} // namespace qccsim::driver

#endif // QCCSIM_LIBCUDA_GRAPH_H
