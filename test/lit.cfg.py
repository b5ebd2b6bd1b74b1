"""The lit suite: .mlir files run through qcc-opt, shell tests of the tools."""

import os

import lit.formats

config.name = "qcc"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.excludes = ["unit", "models"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.qcc_build_dir, "test", "lit")

config.environment["PATH"] = os.pathsep.join(
    [os.path.join(config.qcc_build_dir, "bin"), config.llvm_tools_dir, config.environment["PATH"]]
)
config.substitutions.append(("%models", os.path.join(config.test_source_root, "models")))
config.substitutions.append(("%source", config.qcc_source_dir))

# Features say what a machine can do; a test that needs more is reported as unsupported, never as passed.
if config.has_nvrtc:
    config.available_features.add("nvrtc")
