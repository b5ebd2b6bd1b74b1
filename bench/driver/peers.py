"""What PyTorch offers for the same work. Each function returns [(name, make)]; make() gives launch(copy).

A peer that cannot be made or run is reported with the reason. Names say where a peer computes something else than the kernel
beside it.
"""


def parse(spec):
    family, *items = spec.split()
    values = dict(item.split("=") for item in items)
    return family, {key: int(value) if value.isdigit() else value for key, value in values.items()}


def _gemm(torch, values, copies, device, f32_result):
    n, k, rows = values["n"], values["k"], values["rows"]

    def weights(convert=lambda w: w):
        return [convert(torch.randn(n, k, dtype=torch.bfloat16, device=device)) for _ in range(copies)]

    def x():
        return torch.randn(rows, k, dtype=torch.bfloat16, device=device)

    def s8(*shape):
        return torch.randint(-127, 128, shape, dtype=torch.int8, device=device)

    def halved(w):
        """w, two of each four columns zero."""
        order = torch.rand(n, k // 4, 4, device=device).argsort(dim=-1)
        return w * torch.lt(order, 2).reshape(n, k).to(w.dtype)

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

    def blockwise():
        e4m3 = torch.float8_e4m3fn
        a, w = x().to(e4m3), weights(lambda w: w.to(e4m3))
        sa = torch.rand(k // 128, rows, device=device).t()  # 1 x 128; its rows are the faster dimension
        sb = torch.rand(n // 128, k // 128, device=device).t()  # 128 x 128
        return lambda copy: torch._scaled_mm(a, w[copy].t(), scale_a=sa, scale_b=sb, out_dtype=torch.bfloat16)

    def tinygemm():
        group, a = values["group"], x()

        def pack(_):
            codes = torch.randint(0, 256, (n, k // 2), dtype=torch.uint8, device=device)
            return torch._convert_weight_to_int4pack(codes, 8)
        w = weights(pack)
        scales = torch.rand(k // group, n, 2, dtype=torch.bfloat16, device=device)
        return lambda copy: torch._weight_int4pack_mm(a, w[copy], group, scales)

    def int8_weights():
        a, w = x(), weights(lambda _: s8(n, k))
        scales = torch.rand(n, dtype=torch.bfloat16, device=device)
        return lambda copy: torch._weight_int8pack_mm(a, w[copy], scales)

    def int_mm():
        a, w = s8(rows, k), weights(lambda _: s8(n, k))
        return lambda copy: torch._int_mm(a, w[copy].t())

    def semi_structured(convert, **result):
        """W X^T, as cuSPARSELt's sparse operand is the first."""
        def make():
            a = convert(x())
            w = weights(lambda w: torch._cslt_compress(convert(halved(w))))
            return lambda copy: torch._cslt_sparse_mm(w[copy], a.t(), **result)
        return make

    def rowwise(note):
        return [("_scaled_mm rowwise" + note, scaled(True, False)),
                ("_scaled_mm rowwise, fast accumulation" + note, scaled(True, True))]

    note = " (bf16 result)" if f32_result else ""
    dense = ("torch.mm of bf16 weights" + note, bf16)
    form = values["format"]
    if form == "bf16":
        return [("torch.mm" + note, bf16)]
    if form == "e4m3":
        return rowwise(note) + [("_scaled_mm tensorwise" + note, scaled(False, False)),
                                ("_scaled_mm tensorwise, fast accumulation" + note, scaled(False, True))]
    if form == "e4m3_block":
        return [("_scaled_mm blockwise", blockwise)] + rowwise(" (no blocks)")
    if form == "s4":
        return [("_weight_int4pack_mm (zero points too)" + note, tinygemm), dense]
    if form == "s4_zero":
        return [("_weight_int4pack_mm", tinygemm), dense]
    if form == "s4_e4m3":
        return rowwise(" of e4m3 weights")
    if form == "s8":
        return [("_weight_int8pack_mm", int8_weights), dense]
    if form == "s8a8":
        return [("_int_mm (s32 result, no scales)", int_mm), dense]
    if form == "bf16_24":
        return [("cuSPARSELt", semi_structured(lambda t: t)), dense]
    if form == "e4m3_24":
        sparse = semi_structured(lambda t: t.to(torch.float8_e4m3fn), out_dtype=torch.bfloat16)
        return [("cuSPARSELt (no scales)", sparse)] + rowwise(" (dense)")
    if form == "s8_24":
        sparse = semi_structured(lambda t: (t * 40).to(torch.int8), out_dtype=torch.bfloat16)
        return [("cuSPARSELt (no scales)", sparse),
                ("_int_mm (dense, s32 result, no scales)", int_mm)]
    raise ValueError(f"no peers are known for format {form}")


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

    note = " of bf16, contiguous cache" if values["kv"] != "bf16" else ", contiguous cache"
    return [("SDPA flash" + note, sdpa(SDPBackend.FLASH_ATTENTION)),
            ("SDPA cuDNN" + note, sdpa(SDPBackend.CUDNN_ATTENTION))]


def _rows(torch, family, values, copies, device, compiled):
    rows, columns, quantize = values["rows"], values["columns"], values["quantize"]
    functional = torch.nn.functional

    def tensor(width=columns):
        return torch.randn(rows, width, dtype=torch.bfloat16, device=device)

    largest, code = (127, torch.int8) if quantize.startswith("s8") else (448, torch.float8_e4m3fn)

    def codes(y, scale):
        y = y.float() / scale
        return (y.round() if code is torch.int8 else y).clamp(-largest, largest).to(code)

    def quantized(y):
        if quantize == "none":
            return y
        if quantize.endswith("static"):
            return codes(y, 8 / largest)
        groups = y.unflatten(-1, (-1, 128)) if quantize.endswith("group128") else y
        scale = groups.abs().amax(dim=-1, keepdim=True).float() / largest
        return codes(groups, scale), scale

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
    if family in ("gemm", "lm_head"):
        return _gemm(torch, values, copies, device, f32_result=family == "lm_head")
    if family in ("prefill", "decode"):
        return _attention(torch, family == "prefill", values, copies, device)
    if family == "rope_append":
        return _rope_append(torch, values, copies, device, compiled)
    if family == "argmax":
        return _argmax(torch, values, copies, device)
    return _rows(torch, family, values, copies, device, compiled)
