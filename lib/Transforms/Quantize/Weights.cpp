//===- Weights.cpp - Checkpoint and work directory as one source ----------===//

#include "qcc/Transforms/Quantize/Weights.h"
#include "qcc/Dialect/Graph/GraphDialect.h"
#include "qcc/Import/HuggingFace/Checkpoint.h"
#include "qcc/Support/Text.h"

#include <mutex>

namespace qcc {
namespace {

class CombinedWeights final : public ModuleWeights {
public:
  CombinedWeights(std::unique_ptr<hf::Checkpoint> checkpoint, std::string work)
      : checkpoint(std::move(checkpoint)), work(std::move(work)) {}

  Expected<TensorView> find(std::string_view file, std::string_view tensor) const override {
    if (!file.starts_with(std::string_view(kWorkFiles)))
      return checkpoint->find(file, tensor);
    Expected<const hf::SafetensorsFile *> opened = open(std::string(file));
    if (!opened)
      return opened.takeError();
    auto found = (*opened)->tensors().find(tensor);
    if (found == (*opened)->tensors().end() || !found->second.type)
      return Error{text(work, "/", file, ": tensor ", quote(tensor), " is missing; quantize the model again")};
    return TensorView{*found->second.type, found->second.shape, found->second.bytes};
  }

  std::vector<FileIdentity> inputs() const override {
    std::vector<FileIdentity> result = checkpoint->inputs();
    std::lock_guard lock(mutex);
    for (const auto &[name, file] : files)
      result.push_back(file->file().identity());
    return result;
  }

private:
  Expected<const hf::SafetensorsFile *> open(const std::string &name) const {
    std::lock_guard lock(mutex);
    std::unique_ptr<hf::SafetensorsFile> &file = files[name];
    if (!file) {
      if (work.empty())
        return Error{text("the graph reads ", quote(name), " of a work directory, but the module has no attribute ",
                          std::string(kWorkAttr), " that names one")};
      Expected<FileDescriptor> descriptor = openBeneath(work, name);
      Expected<MappedFile> mapped =
          descriptor ? MappedFile::open(std::move(*descriptor), work + "/" + name) : descriptor.takeError();
      if (!mapped)
        return Error{mapped.error().message + "\ncalibrated weights lie in the work directory '" + work +
                         "'; quantize the model again, or keep that directory with --work-dir",
                     mapped.error().code};
      Expected<hf::SafetensorsFile> parsed = hf::SafetensorsFile::open(std::move(*mapped));
      if (!parsed)
        return parsed.takeError();
      file = std::make_unique<hf::SafetensorsFile>(std::move(*parsed));
    }
    return file.get();
  }

  std::unique_ptr<hf::Checkpoint> checkpoint;
  std::string work;
  mutable std::mutex mutex;
  mutable std::map<std::string, std::unique_ptr<hf::SafetensorsFile>> files;
};

} // namespace

Expected<std::unique_ptr<ModuleWeights>> openWeights(mlir::ModuleOp module, const std::string &modelDirectory) {
  auto checkpoint = hf::Checkpoint::open(modelDirectory);
  if (!checkpoint)
    return checkpoint.takeError();
  auto work = module->getAttrOfType<mlir::StringAttr>(kWorkAttr);
  return std::unique_ptr<ModuleWeights>(
      std::make_unique<CombinedWeights>(std::move(*checkpoint), work ? work.str() : std::string()));
}

llvm::StringRef rootSymbol(mlir::Value weight) {
  while (mlir::Operation *op = weight.getDefiningOp()) {
    if (auto get = llvm::dyn_cast<graph::GetOp>(op))
      return get.getSymbol();
    if (op->getNumOperands() == 0)
      break;
    weight = op->getOperand(0);
  }
  return {};
}

} // namespace qcc
