//===- LaunchList.cpp -----------------------------------------------------===//

#include "LaunchList.h"

#include <algorithm>

namespace qccrt {

LaunchList::LaunchList(const plan::Plan &plan, const KernelLoader &kernels, const Addresses &addresses) {
  size_t count = 0;
  for (const plan::Step *step : *plan.steps())
    for (const plan::Case *one : *step->cases())
      for (const plan::Launch *launch : *one->launches())
        count += launch->args()->size();
  pointers.reserve(count); // `arguments` points into it
  for (const plan::Step *step : *plan.steps()) {
    steps.push_back({cases.size()});
    for (const plan::Case *one : *step->cases()) {
      cases.push_back({one, launches.size(), one->launches()->size()});
      for (const plan::Launch *launch : *one->launches()) {
        launches.push_back(
            {kernels.function(launch->kernel()), launch, plan.kernels()->Get(launch->kernel()), arguments.size()});
        for (const plan::Arg *arg : *launch->args()) {
          if (arg->kind() == plan::ArgKind::Size) {
            arguments.push_back(&sizeValues[size_t(arg->size())]);
            continue;
          }
          pointers.push_back(addressOf(plan, *arg, addresses));
          arguments.push_back(&pointers.back());
        }
      }
    }
  }
}

cuda::Pointer LaunchList::addressOf(const plan::Plan &plan, const plan::Arg &arg, const Addresses &addresses) const {
  auto port = [&](const auto &names, const auto &known) {
    std::string_view name = names.Get(arg.index())->string_view();
    return size_t(std::find(known.begin(), known.end(), name) - known.begin());
  };
  switch (arg.kind()) {
  case plan::ArgKind::Constant:
    return addresses.constants[arg.index()] + arg.offset();
  case plan::ArgKind::Buffer:
    return addresses.arena + plan.buffers()->Get(arg.index())->offset() + arg.offset();
  case plan::ArgKind::KCache:
    return addresses.kCache[arg.index()];
  case plan::ArgKind::VCache:
    return addresses.vCache[arg.index()];
  case plan::ArgKind::Input:
    return addresses.inputs[port(*plan.inputs(), kInputNames)];
  case plan::ArgKind::Output:
    return addresses.outputs[port(*plan.outputs(), kOutputNames)];
  case plan::ArgKind::Size:
    break;
  }
  fail(QCCRT_INTERNAL, "argument kind ", int(arg.kind()), " passed the verifier");
}

const LaunchList::Case &LaunchList::choose(const Step &step, const Sizes &sizes) const {
  const Case *one = &cases[step.firstCase];
  auto holds = [&](const plan::Bound *bound) { return sizes[size_t(bound->size())] <= bound->limit(); };
  while (!std::all_of(one->source->bounds()->begin(), one->source->bounds()->end(), holds))
    ++one; // the last case has no bounds
  return *one;
}

void LaunchList::run(const Device &device, const Sizes &sizes, bool synchronous) {
  for (size_t i = 0; i < sizes.size(); ++i)
    sizeValues[i] = int32_t(sizes[i]);
  for (size_t step = 0; step < steps.size(); ++step) {
    const Case &one = choose(steps[step], sizes);
    for (size_t i = 0; i < one.launches; ++i)
      launch(device, launches[one.firstLaunch + i], sizes, step, synchronous);
  }
}

void LaunchList::launch(const Device &device, const Launch &launch, const Sizes &sizes, size_t step,
                        bool synchronous) const {
  unsigned grid[3];
  for (unsigned axis = 0; axis < 3; ++axis) {
    grid[axis] = unsigned(gridExtent(*launch.source->grid()->Get(axis), sizes));
    if (grid[axis] == 0)
      return; // no rows: nothing to do, and the driver refuses empty grids
  }
  const auto &block = *launch.kernel->block();
  const cuda::Driver &driver = device.driver();
  // The driver copies the values during the call and does not write to them.
  void **values = const_cast<void **>(arguments.data() + launch.firstArgument);
  cuda::Result result = driver.launch(launch.function, grid[0], grid[1], grid[2], block.Get(0), block.Get(1),
                                      block.Get(2), launch.kernel->shared_bytes(), device.stream(), values, nullptr);
  if (result == cuda::kSuccess && synchronous)
    result = driver.streamSynchronize(device.stream());
  if (result != cuda::kSuccess)
    fail(QCCRT_LOST, driver.describe(result), " in kernel ", launch.kernel->symbol()->c_str(), " (",
         quoted(launch.kernel->family()->string_view()),
         launch.source->label()->size() ? ", " + quoted(launch.source->label()->string_view()) : "", "), plan step ",
         step, ", grid ", grid[0], "x", grid[1], "x", grid[2]);
}

} // namespace qccrt
