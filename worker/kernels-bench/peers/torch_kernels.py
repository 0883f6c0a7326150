"""PyTorch's time for the kernels of `gyre bench kernels`, at the same shapes, on one thread.

    python torch_kernels.py [--dtype bf16|f32] [--long] [--kernel linear,rope]

Prints a JSON line a kernel, with those keys of `gyre bench kernels --json` that apply. Run it right
before or after, on the same core (`taskset -c 0`); the FLOPs and bytes are counted as Gyre counts them.
Attention is the fused CPU kernel (`SDPBackend.FLASH_ATTENTION`); AdamW is the fused one; the others are what
a model in PyTorch calls. Backward of the composed ones is autograd's.
"""

import argparse
import json
import statistics
import time

import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

ROWS, WIDTH, HEAD = 8192, 2048, 64
VOCAB_ROWS, VOCAB = 512, 32000
PARAMETERS = 8 << 20
EXPERTS, EXPERT_ROWS, EXPERT_IN, EXPERT_OUT = 8, 8192, 512, 1536


def measure(call):
    """Seconds of a call: median of ten iterations of at least 50 ms, after a second of warm-up."""
    end = time.perf_counter() + 1
    while time.perf_counter() < end:
        call()
    times = []
    for _ in range(10):
        calls, start = 0, time.perf_counter()
        while True:
            call()
            calls += 1
            passed = time.perf_counter() - start
            if passed >= 0.05:
                break
        times.append(passed / calls)
    return statistics.median(times)


def linears(dtype):
    for shape in ((4096, 1024, 1024), (1024, 1024, 1024)):
        t, i, o = shape
        x, w, dy = torch.randn(t, i).to(dtype), torch.randn(o, i).to(dtype), torch.randn(t, o).to(dtype)
        name = "×".join(map(str, shape))
        flops = 2 * t * i * o
        yield "linear", name, flops, 0, lambda: F.linear(x, w)
        yield "linearBackwardInput", name, flops, 0, lambda: dy @ w
        yield "linearBackwardWeight", name, flops, 0, lambda: dy.t() @ x


def grouped(dtype):
    x = torch.randn(EXPERT_ROWS, EXPERT_IN).to(dtype)
    w = torch.randn(EXPERTS, EXPERT_OUT, EXPERT_IN).to(dtype)
    parts = x.chunk(EXPERTS)
    name = f"{EXPERT_ROWS}×{EXPERT_IN}×{EXPERT_OUT}, {EXPERTS} experts"
    flops = 2 * EXPERT_ROWS * EXPERT_IN * EXPERT_OUT
    yield "groupedLinear", name, flops, 0, lambda: [F.linear(p, w[e]) for e, p in enumerate(parts)]


def attention(dtype, tokens):
    q, k, v = (torch.randn(1, 8, tokens, HEAD).to(dtype).requires_grad_() for _ in range(3))
    grad = torch.randn(1, 8, tokens, HEAD).to(dtype)
    name = f"N {tokens}, 8×64 over 8"
    flops = 2.0 * tokens * tokens * 8 * HEAD

    def forward():
        with sdpa_kernel(SDPBackend.FLASH_ATTENTION):
            return F.scaled_dot_product_attention(q, k, v, is_causal=True)

    out = forward()
    yield "attention", name, flops, 0, forward
    yield (
        "attentionBackward",
        name,
        2.5 * flops,
        0,
        lambda: torch.autograd.grad(out, (q, k, v), grad, retain_graph=True),
    )


def rows(dtype):
    size = torch.finfo(dtype).bits // 8
    shape = f"{ROWS}×{WIDTH}"
    elements = ROWS * WIDTH

    # The residual stream is float32, as in Gyre; what a matmul reads is of the compute dtype.
    x = torch.randn(ROWS, WIDTH, requires_grad=True)
    weight = torch.ones(WIDTH, requires_grad=True)
    norm = lambda: F.rms_norm(x, (WIDTH,), weight, 1e-5).to(dtype)
    y = norm()
    dy = torch.randn(ROWS, WIDTH).to(dtype)
    yield "rmsNorm", shape, 0, elements * (4 + size), norm
    yield (
        "rmsNormBackward",
        shape,
        0,
        elements * (size + 12),
        lambda: torch.autograd.grad(y, (x, weight), dy, retain_graph=True),
    )

    heads = torch.randn(ROWS, WIDTH // HEAD, HEAD).to(dtype)
    angle = torch.outer(torch.arange(ROWS).float(), 1e4 ** (-torch.arange(0, HEAD, 2).float() / HEAD))
    cos, sin = angle.cos()[:, None].to(dtype), angle.sin()[:, None].to(dtype)

    def rope():
        a, b = heads.chunk(2, -1)
        return torch.cat((a * cos - b * sin, b * cos + a * sin), -1)

    yield "rope", shape, 0, 2 * elements * size + ROWS * HEAD * 4, rope

    gate_up = torch.randn(ROWS, 2 * WIDTH).to(dtype).requires_grad_()

    def swiglu():
        gate, up = gate_up.chunk(2, -1)
        return F.silu(gate) * up

    h = swiglu()
    dh = torch.randn(ROWS, WIDTH).to(dtype)
    yield "swiglu", shape, 0, 3 * elements * size, swiglu
    yield (
        "swigluBackward",
        shape,
        0,
        5 * elements * size,
        lambda: torch.autograd.grad(h, gate_up, dh, retain_graph=True),
    )

    logits = torch.randn(VOCAB_ROWS, VOCAB, requires_grad=True)
    labels = torch.arange(VOCAB_ROWS) % VOCAB

    def cross_entropy():
        return torch.autograd.grad(F.cross_entropy(logits, labels, reduction="sum"), logits)

    yield "crossEntropy", f"{VOCAB_ROWS}×{VOCAB}", 0, 2 * VOCAB_ROWS * VOCAB * 4, cross_entropy

    w = torch.randn(PARAMETERS, requires_grad=True)
    w.grad = torch.randn(PARAMETERS)
    adam = torch.optim.AdamW([w], lr=1e-4, betas=(0.9, 0.95), weight_decay=0.1, fused=True)
    yield "adamW", str(PARAMETERS), 0, PARAMETERS * 28, adam.step


def memory():
    """The plain copy that bandwidth is measured with."""
    source, target = torch.ones(16 << 20), torch.ones(16 << 20)
    yield "memory", "copy of 64 MiB", 0, 128 << 20, lambda: target.copy_(source)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dtype", choices=("bf16", "f32"), default="bf16")
    parser.add_argument("--long", action="store_true", help="attention over 16,384 tokens, too")
    parser.add_argument("--kernel", default="", help="only these, separated by commas")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    dtype = {"bf16": torch.bfloat16, "f32": torch.float32}[options.dtype]
    wanted = set(filter(None, options.kernel.split(",")))
    for group in (
        memory(),
        linears(dtype),
        grouped(dtype),
        attention(dtype, 4096),
        attention(dtype, 16384) if options.long else (),
        rows(dtype),
    ):
        for kernel, shape, flops, size, call in group:
            if not wanted or kernel in wanted:
                seconds = measure(call)
                rate = {"gflops": flops / seconds / 1e9} if flops else {"gbps": size / seconds / 1e9}
                line = {"kernel": kernel, "shape": shape, "backend": "pytorch-" + torch.__version__}
                line |= {"dtype": options.dtype, "median_s": seconds}
                print(json.dumps(line | rate, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
