//===- Passes.td - Passes of the schedule and engine phases -*- tablegen -*-===//
#ifndef QCC_TRANSFORMS_SCHEDULE_PASSES_TD
#define QCC_TRANSFORMS_SCHEDULE_PASSES_TD

include "mlir/Pass/PassBase.td"

def FuseLinearsPass : Pass<"qcc-fuse-linears", "::mlir::ModuleOp"> {
  let summary = "join linears that read the same value into one product";
  let description = [{
    q, k and v, or gate and up, read the same activations: one product over the concatenated rows reads them once and fills the GPU better. The parts are slices of
    its result. Linears are joined when their weights have the same scheme and type and all or none have a bias. Scales stay per row, so that no part loses its own.

        %q = graph.linear %x, %wq            %y = graph.linear %x, %w
        %k = graph.linear %x, %wk     ==>    %q = graph.slice %y axis 1 begin 0 size 128
                                             %k = graph.slice %y axis 1 begin 128 size 64
  }];
  let dependentDialects = ["::qcc::graph::GraphDialect"];
  let statistics = [Statistic<"fused", "linears-fused", "linears that became part of a larger one">];
}

def ScheduleKernelsPass : Pass<"qcc-schedule-kernels", "::mlir::ModuleOp"> {
  let summary = "turn graph ops into kernels";
  let description = [{
    Chooses which ops share a kernel: a linear takes the residual add behind it, a norm or a point-wise chain the quantization behind it, RoPE the append to the
    cache. Weights get a derivation that packs them into the kernel's layout. Afterwards `forward` holds kernel ops and `graph.get` only; an op without a kernel is an error.

        %y = graph.linear %x, %w                %p = graph.get @q_proj.packed
        %z = graph.add %y, %residual     ==>    %z = kernel.gemm bf16 rows T weights(%p) x(%x) extras(%residual) … { … }

    `max-context` bounds the positions of the cos/sin table; 0 means the model's own limit.
  }];
  let dependentDialects = ["::qcc::graph::GraphDialect", "::qcc::kernel::KernelDialect", "::mlir::arith::ArithDialect", "::mlir::math::MathDialect"];
  let options = [Option<"maxContext", "max-context", "int64_t", "0", "positions of the cos/sin table">];
  let statistics = [Statistic<"kernels", "kernels", "kernel ops created">];
}

def ChooseVariantsPass : Pass<"qcc-choose-variants", "::mlir::ModuleOp"> {
  let summary = "give each kernel op its variants";
  let description = [{
    Asks CodeGen's heuristics and tuning table; an op that already has variants keeps them, so that a choice made by hand in the IR holds. Fails where a kernel cannot run
    on the lowest target.

        kernel.argmax %x rows R : …   ==>   kernel.argmax %x rows R {variants = [#kernel.variant<{}, {WARPS = 8}>]} : …
  }];
  let dependentDialects = ["::qcc::kernel::KernelDialect"];
  let options = [ListOption<"targets", "targets", "int", "compute capabilities, such as 80,90">,
                 Option<"maxContext", "max-context", "int64_t", "0", "longest sequence, which bounds the splits of decode attention; 0 means the model's own limit">];
  let statistics = [Statistic<"variantsChosen", "variants-chosen", "variants given to kernel ops">];
}

def VerifySchedulePass : Pass<"qcc-verify-schedule", "::mlir::ModuleOp"> {
  let summary = "check what holds after the schedule phase";
  let description = [{`forward` holds kernel ops with variants, `graph.get` of derivations and the return, nothing else; the last variant of each op has no bounds.}];
}

def LowerToEnginePass : Pass<"qcc-lower-to-engine", "::mlir::ModuleOp"> {
  let summary = "instantiate kernels, plan memory, write launches";
  let description = [{
    Each variant becomes an `engine.kernel` with its CUDA stub, each value a buffer in the arena, each tensor read by `graph.get` an `engine.constant`, and `forward` an
    `engine.entry` of launches in the same order. Precondition: the schedule phase. Sizes are upper bounds of a step; the context is also bounded by the cos/sin tables.

        %n = kernel.argmax %x rows R {…}   ==>   engine.launch @k_argmax_… grid […] args [#engine.buffer<@b7>, #engine.output<"next_tokens">, …]
  }];
  let statistics = [Statistic<"kernels", "kernels", "distinct kernels instantiated">];
  let dependentDialects = ["::qcc::engine::EngineDialect"];
  let options = [Option<"maxContext", "max-context", "int64_t", "0", "longest sequence; 0 means the model's own limit">,
                 Option<"maxTokens", "max-tokens", "int64_t", "512", "tokens of a step">,
                 Option<"maxSequences", "max-sequences", "int64_t", "64", "sequences of a step">,
                 Option<"maxLogitRows", "max-logit-rows", "int64_t", "128", "rows of a step whose logits may be asked for">,
                 Option<"compileOptions", "options", "std::string", "\"\"", "how the model was compiled, for people">];
}

def VerifyEnginePass : Pass<"qcc-verify-engine", "::mlir::ModuleOp"> {
  let summary = "check what holds after the engine phase";
  let description = [{One `engine.model`, one `engine.entry @forward`, no function left, buffers inside the arena.}];
}

#endif // QCC_TRANSFORMS_SCHEDULE_PASSES_TD
