"""What is timed: rows (class, specification as in bench/timing/Spec.h, the model it comes from). The simulator times DRY."""

# (n, k) of the fused linear layers: qkv, attention output, gate and up, down.
LAYERS = {
    "Llama-3-8B": [(6144, 4096), (4096, 4096), (28672, 4096), (4096, 14336)],
    "Llama-3-70B": [(10240, 8192), (8192, 8192), (57344, 8192), (8192, 28672)],
    "Qwen2.5-7B": [(4608, 3584), (37888, 3584), (3584, 18944)],
    "Qwen2.5-32B": [(7168, 5120), (55296, 5120), (5120, 27648)],
    "gpt-oss-20B": [(5120, 2880), (2880, 4096)],
}
ROWS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192]
QUICK_LAYERS = {(4096, 4096), (28672, 4096), (4096, 14336), (8192, 8192)}
# The formats beyond the three that every layer is timed in: on layers of all proportions.
MORE_LAYERS = {(28672, 4096): "Llama-3-8B", (4096, 14336): "Llama-3-8B", (8192, 8192): "Llama-3-70B",
               (57344, 8192): "Llama-3-70B"}
MORE_ROWS = [1, 16, 64, 512, 4096]
QUICK_ROWS = {1, 16, 64, 512, 4096}
# Rows that decide; the others are timed after all of them.
MAIN_ROWS = {1, 8, 16, 32, 64, 128, 512, 2048, 8192}
FORMATS = ["format=bf16", "format=e4m3", "format=s4 group=128"]
MORE_FORMATS = ["format=e4m3_block", "format=s8 group=0", "format=s4_zero group=128", "format=s4_e4m3 group=128",
                "format=s8a8", "format=bf16_24", "format=e4m3_24", "format=s8_24"]
# (n, k, format, in --quick): 152064 x 8192 in bf16 takes more than 2^31 bytes.
LM_HEADS = [
    (128256, 4096, "format=bf16", True, "Llama-3-8B"),
    (152064, 8192, "format=bf16", True, "Qwen2.5-72B"),
    (128256, 4096, "format=e4m3", False, "Llama-3-8B"),
    (128256, 4096, "format=s4 group=128", False, "Llama-3-8B"),
    (128256, 8192, "format=bf16", False, "Llama-3-70B"),
]
CACHES = ["bf16", "e4m3", "s8"]

ATTENTION = {"Llama-3-8B": "heads=32 kv_heads=8 dim=128", "gpt-oss-20B": "heads=64 kv_heads=8 dim=64"}
PREFILL_LENGTHS = [1024, 4096, 16384, 65536]
DECODE = [(1, 1024), (1, 8192), (1, 65536), (16, 1024), (16, 8192), (64, 1024), (64, 8192)]


def _name(form):
    """s4 of "format=s4 group=128"."""
    return form.split()[0].removeprefix("format=")


def _gemm():
    for model, layers in LAYERS.items():
        for n, k in layers:
            for form in FORMATS + (["format=s4 group=32", "format=s4 group=64"] if (n, k) == (8192, 8192) else []):
                for rows in ROWS:
                    quick = (n, k) in QUICK_LAYERS and rows in QUICK_ROWS and form in FORMATS
                    rank = 0 if quick else 1 if rows in MAIN_ROWS and form in FORMATS else 2
                    yield rank, "gemm " + _name(form), f"gemm {form} n={n} k={k} rows={rows}", model


def _more_gemm():
    for form in MORE_FORMATS:
        for (n, k), model in MORE_LAYERS.items():
            for rows in MORE_ROWS:
                rank = 0 if (n, k) == (28672, 4096) and rows in (1, 64, 4096) else 1
                yield rank, "gemm " + _name(form), f"gemm {form} n={n} k={k} rows={rows}", model


def _lm_head():
    for n, k, form, quick, model in LM_HEADS:
        for rows in (1, 64):
            yield 0 if quick else 1, "lm_head " + _name(form), f"lm_head {form} n={n} k={k} rows={rows}", model


def _attention():
    for model, heads in ATTENTION.items():
        for kv in CACHES:
            for length in PREFILL_LENGTHS:
                rank = 0 if length == 4096 else 1
                yield rank, f"prefill {kv}", f"prefill kv={kv} {heads} batch=1 len={length}", model
            for batch, length in DECODE:
                quick = model == "Llama-3-8B" and (batch, length) in {(1, 8192), (64, 8192)}
                rank = 0 if quick else 1
                yield rank, f"decode {kv}", f"decode kv={kv} {heads} batch={batch} len={length}", model


def _rows():
    for model, hidden, intermediate in [("Llama-3-8B", 4096, 14336), ("Llama-3-70B", 8192, 28672),
                                        ("gpt-oss-20B", 2880, 2880)]:
        for rows in [1, 64, 4096]:
            rank = 0 if model == "Llama-3-8B" and rows != 64 else 1
            for quantize in ("none", "e4m3_token", "s8_token", "e4m3_group128", "e4m3_static", "s8_static"):
                yield (2 if quantize.endswith("static") else rank, "normalize",
                       f"normalize rows={rows} columns={hidden} quantize={quantize} residual=1", model)
                yield (2 if quantize.endswith("static") else rank, "swiglu",
                       f"swiglu rows={rows} columns={intermediate} quantize={quantize}", model)


# Each weight format, cache type and way to quantize at least once.
DRY = [
    ("gemm bf16", "gemm format=bf16 n=192 k=128 rows=1", "one token"),
    ("gemm e4m3", "gemm format=e4m3 n=131 k=80 rows=33", "odd sizes"),
    ("gemm s4", "gemm format=s4 n=64 k=192 rows=9 group=128", "a short last group"),
    ("gemm e4m3_block", "gemm format=e4m3_block n=200 k=192 rows=9", "short last blocks of rows and columns"),
    ("gemm s8", "gemm format=s8 n=67 k=128 rows=5 group=0", "one scale per row"),
    ("gemm s8", "gemm format=s8 n=64 k=160 rows=1 group=128", "a short last group"),
    ("gemm s4_zero", "gemm format=s4_zero n=67 k=160 rows=3 group=64", "a short last group"),
    ("gemm s4_e4m3", "gemm format=s4_e4m3 n=64 k=192 rows=17 group=128", "a short last group"),
    ("gemm s8a8", "gemm format=s8a8 n=131 k=80 rows=33", "odd sizes"),
    ("gemm bf16_24", "gemm format=bf16_24 n=67 k=130 rows=9", "a last four of two columns"),
    ("gemm e4m3_24", "gemm format=e4m3_24 n=330 k=128 rows=2", "weights packed in two parts"),
    ("gemm s8_24", "gemm format=s8_24 n=64 k=256 rows=70", "a block of 64 tokens and more"),
    ("lm_head bf16", "lm_head format=bf16 n=259 k=64 rows=2", "odd width, f32 results"),
    ("lm_head s4", "lm_head format=s4 n=70 k=64 rows=1 group=32", "quantized logits"),
    ("prefill bf16", "prefill kv=bf16 heads=2 kv_heads=1 dim=64 batch=2 len=40", "part of a page"),
    ("prefill s8", "prefill kv=s8 heads=2 kv_heads=1 dim=64 batch=1 len=70", "two pages"),
    ("decode e4m3", "decode kv=e4m3 heads=4 kv_heads=2 dim=64 batch=2 len=130", "three pages"),
    ("decode s8", "decode kv=s8 heads=4 kv_heads=2 dim=64 batch=2 len=130", "three pages"),
    ("normalize", "normalize rows=3 columns=264 quantize=e4m3_token residual=1", "one warp and a tail"),
    ("normalize", "normalize rows=2 columns=200 quantize=e4m3_group128 residual=1", "a short last group"),
    ("normalize", "normalize rows=2 columns=64 quantize=s8_static residual=0", "one scale for all"),
    ("swiglu", "swiglu rows=2 columns=136 quantize=none", "a narrow row"),
    ("swiglu", "swiglu rows=3 columns=136 quantize=s8_token", "a scale per token"),
    ("swiglu", "swiglu rows=2 columns=264 quantize=e4m3_group128", "a short last group"),
    ("swiglu", "swiglu rows=1 columns=72 quantize=e4m3_static", "one scale for all"),
    ("rope_append", "rope_append kv=e4m3 heads=4 kv_heads=2 dim=64 rows=5", "part of a page"),
    ("rope_append", "rope_append kv=s8 heads=4 kv_heads=2 dim=64 rows=70", "two pages with scales"),
    ("argmax", "argmax rows=2 columns=1031", "odd width"),
]


def _tokens():
    for model, heads in ATTENTION.items():
        for kv in CACHES:
            for rows in (1, 64, 4096):
                rank = 0 if model == "Llama-3-8B" and rows == 4096 else 1
                yield rank, "rope_append", f"rope_append kv={kv} {heads} rows={rows}", model
    for rows in (1, 64):
        yield 1, "argmax", f"argmax rows={rows} columns=128256", "Llama-3"


def multiplies_e4m3(spec):
    """Whether the kernel's products are of e4m3 numbers, which not every GPU has."""
    return any(item.startswith("format=") and "e4m3" in item for item in spec.split())


def timed(dry, quick, classes):
    """[(class, specification, origin)], the ones that matter most first, so that a run that is cut short has them."""
    if dry:
        rows = DRY
    else:
        every = [row for part in (_gemm, _attention, _rows, _tokens, _more_gemm, _lm_head) for row in part()]
        every.sort(key=lambda row: row[0])  # stable
        rows = [row[1:] for row in every if row[0] == 0 or not quick]
    return [row for row in rows if not classes or any(row[0].startswith(name) for name in classes)]
