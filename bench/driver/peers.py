"""What PyTorch offers for the same work. Each function returns [(name, make)]; make() gives launch(copy).

A peer that cannot be made or run is reported with the reason. Names say where a peer computes something else than the kernel
beside it.
"""


def parse(spec):
    family, *items = spec.split()
    values = dict(item.split("=") for item in items)
    return family, {key: int(value) if value.isdigit() else value for key, value in values.items()}


def _gemm(torch, values, copies, device):
    n, k, rows = values["n"], values["k"], values["rows"]

    def weights(convert=lambda w: w):
        return [convert(torch.randn(n, k, dtype=torch.bfloat16, device=device)) for _ in range(copies)]

    def x():
        return torch.randn(rows, k, dtype=torch.bfloat16, device=device)

    def bf16():
        a, w, y = x(), weights(), torch.empty(rows, n, dtype=torch.bfloat16, device=device)
        return lambda copy: torch.mm(a, w[copy].t(), out=y)

    def scaled(rowwise, fast):
        def make():
            e4m3 = torch.float8_e4m3fn
            a, w = x().to(e4m3), weights(lambda w: w.to(e4m3))
            sa = torch.rand((rows, 1) if rowwise else (), device=device)
            sb = torch.rand((1, n) if rowwise else (), device=device)
            return lambda copy: torch._scaled_mm(a, w[copy].t(), scale_a=sa, scale_b=sb, out_dtype=torch.bfloat16,
                                                 use_fast_accum=fast)
        return make

    def tinygemm():
        group, a = values["group"], x()

        def pack(_):
            codes = torch.randint(0, 256, (n, k // 2), dtype=torch.uint8, device=device)
            return torch._convert_weight_to_int4pack(codes, 8)
        w = weights(pack)
        scales = torch.rand(k // group, n, 2, dtype=torch.bfloat16, device=device)
        return lambda copy: torch._weight_int4pack_mm(a, w[copy], group, scales)

    if values["format"] == "bf16":
        return [("torch.mm", bf16)]
    if values["format"] == "e4m3":
        return [("_scaled_mm rowwise", scaled(True, False)),
                ("_scaled_mm rowwise, fast accumulation", scaled(True, True)),
                ("_scaled_mm tensorwise", scaled(False, False)),
                ("_scaled_mm tensorwise, fast accumulation", scaled(False, True))]
    return [("_weight_int4pack_mm (zero points too)", tinygemm), ("torch.mm of bf16 weights", bf16)]


def _attention(torch, prefill, values, copies, device):
    from torch.nn.attention import SDPBackend, sdpa_kernel
    batch, length, dim = values["batch"], values["len"], values["dim"]

    def tensor(heads, tokens):
        return torch.randn(batch, heads, tokens, dim, dtype=torch.bfloat16, device=device)

    def sdpa(backend):
        def make():
            q = tensor(values["heads"], length if prefill else 1)
            kv = [(tensor(values["kv_heads"], length), tensor(values["kv_heads"], length)) for _ in range(copies)]

            def launch(copy):
                with sdpa_kernel(backend):
                    torch.nn.functional.scaled_dot_product_attention(q, *kv[copy], is_causal=prefill, enable_gqa=True)
            return launch
        return make

    note = " of bf16, contiguous cache" if values["kv"] == "e4m3" else ", contiguous cache"
    return [("SDPA flash" + note, sdpa(SDPBackend.FLASH_ATTENTION)),
            ("SDPA cuDNN" + note, sdpa(SDPBackend.CUDNN_ATTENTION))]


def _rows(torch, family, values, copies, device, compiled):
    rows, columns, quantize = values["rows"], values["columns"], values["quantize"]
    functional = torch.nn.functional

    def tensor(width=columns):
        return torch.randn(rows, width, dtype=torch.bfloat16, device=device)

    def quantized(y):
        if not quantize:
            return y
        scale = y.abs().amax(dim=-1, keepdim=True).float() / 448
        return (y.float() / scale).to(torch.float8_e4m3fn), scale

    def make(wrap):
        def build():
            if family == "swiglu":
                inputs = [tensor(2 * columns) for _ in range(copies)]

                def body(x):
                    gate, up = x.chunk(2, dim=-1)
                    return quantized(functional.silu(gate) * up)
            else:
                weight = tensor()[0].contiguous()
                added = tensor() if values["residual"] else None
                inputs = [tensor() for _ in range(copies)]

                def body(x):
                    total = x if added is None else x + added
                    return total, quantized(functional.rms_norm(total, (columns,), weight, 1e-5))
            body = wrap(body)
            return lambda copy: body(inputs[copy])
        return build

    choices = [("eager", make(lambda body: body))]
    if compiled:
        choices.append(("torch.compile", make(lambda body: torch.compile(body, dynamic=False))))
    return choices


def _rope_append(torch, values, copies, device, compiled):
    """Rotation alone, of rows already split into heads; the append to a paged cache has no equivalent."""
    rows, dim = values["rows"], values["dim"]
    heads = values["heads"] + values["kv_heads"]
    inputs = [torch.randn(rows, heads, dim, dtype=torch.bfloat16, device=device) for _ in range(copies)]
    cosine, sine = (torch.randn(rows, 1, dim // 2, device=device) for _ in range(2))

    def body(x):
        low, high = x.float().chunk(2, dim=-1)
        return torch.cat((low * cosine - high * sine, high * cosine + low * sine), dim=-1).to(torch.bfloat16)

    def make(wrap):
        def build():
            rotate = wrap(body)
            return lambda copy: rotate(inputs[copy])
        return build
    choices = [("eager rotation without append", make(lambda body: body))]
    if compiled:
        choices.append(("torch.compile of rotation without append", make(lambda body: torch.compile(body, dynamic=False))))
    return choices


def _argmax(torch, values, copies, device):
    def make():
        inputs = [torch.randn(values["rows"], values["columns"], device=device) for _ in range(copies)]
        return lambda copy: torch.argmax(inputs[copy], dim=-1)
    return [("torch.argmax", make)]


def of(torch, spec, copies, device="cuda", compiled=True):
    family, values = parse(spec)
    if family == "gemm":
        return _gemm(torch, values, copies, device)
    if family in ("prefill", "decode"):
        return _attention(torch, family == "prefill", values, copies, device)
    if family == "rope_append":
        return _rope_append(torch, values, copies, device, compiled)
    if family == "argmax":
        return _argmax(torch, values, copies, device)
    return _rows(torch, family, values, copies, device, compiled)
