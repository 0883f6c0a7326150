# Linear attention with decay, chunk by chunk, in float32. "chunks" holds first token, count, and 1 where a document
# starts; "kv" the key/value head of each head. Inside a chunk, with i and j from 0 and S the state before it:
#   out_i = λ^(i+1)·q_i·S + Σ_{j≤i} λ^(i−j)·(q_i·k_j)·v_j        S' = λ^n·S + Σ_j λ^(n−1−j)·k_j·v_jᵀ


def silu(x: Tensor, y: Tensor) -> None:
  wide = f32(x)
  y.copy_(wide * wide.sigmoid())


def silu_backward(dy: Tensor, x: Tensor, dx: Tensor) -> None:
  wide = f32(x)
  s = wide.sigmoid()
  dx.copy_(f32(dy) * s * (1.0 + wide * (1.0 - s)))


# [H, n, D]
def of_queries(x: Tensor, t0: int, n: int) -> Tensor:
  return f32(x.narrow(0, t0, n)).permute(1, 0, 2)


def of_keys(x: Tensor, t0: int, n: int, kv: Tensor) -> Tensor:
  return f32(x.narrow(0, t0, n).index_select(1, kv)).permute(1, 0, 2)


# λ^(first + step·i) for i below n: [H, n, 1]. In float64, as a slope near 0 has few digits to lose.
def powers(slopes: Tensor, n: int, first: int, step: int) -> Tensor:
  exponents = torch.arange(n, dtype=7, device=slopes.device) * step + first
  return torch.exp(-slopes.unsqueeze(1) * exponents).to(6).unsqueeze(2)


# λ^(i−j), 0 above the diagonal: [H, n, n]
def inside(slopes: Tensor, n: int) -> Tensor:
  i = torch.arange(n, dtype=7, device=slopes.device)
  back = i.unsqueeze(1) - i
  return torch.exp(-slopes.view(-1, 1, 1) * back.clamp(min=0.0)).masked_fill(back < 0.0, 0.0).to(6)


def state_after(s: Tensor, wk: Tensor, wv: Tensor, slopes: Tensor, n: int) -> Tensor:
  added = torch.matmul((wk * powers(slopes, n, n - 1, -1)).transpose(1, 2), wv)
  return s * powers(slopes, 1, n, 0) + added


def gradient_before(g: Tensor, wq: Tensor, d: Tensor, slopes: Tensor, n: int, fresh: bool) -> Tensor:
  if fresh:
    return torch.zeros_like(g)
  added = torch.matmul((wq * powers(slopes, n, 1, 1)).transpose(1, 2), d)
  return g * powers(slopes, 1, n, 0) + added


def linear_attention(
  q: Tensor, k: Tensor, v: Tensor, chunks: Tensor, heads: Tensor, rates: Tensor, state: Tensor, out: Tensor
) -> None:
  at : List[int] = chunks.tolist()
  kv = heads.to(q.device)
  slopes = rates.to(q.device)
  s = state
  for c in range(0, len(at), 3):
    n = at[c + 1]
    wq = of_queries(q, at[c], n)
    wk = of_keys(k, at[c], n, kv)
    wv = of_keys(v, at[c], n, kv)
    if at[c + 2] == 1:
      s = torch.zeros_like(s)
    p = torch.matmul(wq, wk.transpose(1, 2)).mul_(inside(slopes, n))
    o = torch.matmul(wq, s).mul_(powers(slopes, n, 1, 1)).add_(torch.matmul(p, wv))
    out.narrow(0, at[c], n).copy_(o.permute(1, 0, 2))
    s = state_after(s, wk, wv, slopes, n)
  state.copy_(s)


def linear_attention_state(
  a: Tensor, b: Tensor, chunks: Tensor, heads: Tensor, rates: Tensor, backward: bool, state: Tensor
) -> None:
  at : List[int] = chunks.tolist()
  kv = heads.to(a.device)
  slopes = rates.to(a.device)
  s = state
  for i in range(0, len(at), 3):
    c = i
    if backward:
      c = len(at) - 3 - i
    n = at[c + 1]
    if backward:
      s = gradient_before(s, of_queries(a, at[c], n), of_queries(b, at[c], n), slopes, n, at[c + 2] == 1)
    else:
      if at[c + 2] == 1:
        s = torch.zeros_like(s)
      s = state_after(s, of_keys(a, at[c], n, kv), of_keys(b, at[c], n, kv), slopes, n)
  state.copy_(s)


# dq from the states, forwards; dk and dv from their gradients G, backwards:
#   dq_i = λ^(i+1)·S·dO_i + Σ_{j≤i} λ^(i−j)·(dO_i·v_j)·k_j
#   dk_j = λ^(n−1−j)·G·v_j + Σ_{i≥j} λ^(i−j)·(dO_i·v_j)·q_i        dv_j = λ^(n−1−j)·Gᵀ·k_j + Σ_{i≥j} λ^(i−j)·(q_i·k_j)·dO_i
def linear_attention_backward(
  q: Tensor, k: Tensor, v: Tensor, chunks: Tensor, heads: Tensor, rates: Tensor, state: Tensor,
  d_out: Tensor, d_state: Tensor, dq: Tensor, dk: Tensor, dv: Tensor
) -> None:
  at : List[int] = chunks.tolist()
  kv = heads.to(q.device)
  slopes = rates.to(q.device)
  s = state
  for c in range(0, len(at), 3):
    n = at[c + 1]
    wk = of_keys(k, at[c], n, kv)
    wv = of_keys(v, at[c], n, kv)
    d = of_queries(d_out, at[c], n)
    if at[c + 2] == 1:
      s = torch.zeros_like(s)
    dp = torch.matmul(d, wv.transpose(1, 2)).mul_(inside(slopes, n))
    g = torch.matmul(d, s.transpose(1, 2)).mul_(powers(slopes, n, 1, 1)).add_(torch.matmul(dp, wk))
    dq.narrow(0, at[c], n).add_(g.permute(1, 0, 2))
    s = state_after(s, wk, wv, slopes, n)
  ds = d_state
  for i in range(0, len(at), 3):
    c = len(at) - 3 - i
    n = at[c + 1]
    wq = of_queries(q, at[c], n)
    wk = of_keys(k, at[c], n, kv)
    wv = of_keys(v, at[c], n, kv)
    d = of_queries(d_out, at[c], n)
    near = inside(slopes, n)
    after = powers(slopes, n, n - 1, -1)
    dp = torch.matmul(d, wv.transpose(1, 2)).mul_(near)
    p = torch.matmul(wq, wk.transpose(1, 2)).mul_(near)
    gk = torch.matmul(wv, ds.transpose(1, 2)).mul_(after).add_(torch.matmul(dp.transpose(1, 2), wq))
    gv = torch.matmul(wk, ds).mul_(after).add_(torch.matmul(p.transpose(1, 2), d))
    dk.narrow(0, at[c], n).index_add_(1, kv, gk.permute(1, 0, 2))
    dv.narrow(0, at[c], n).index_add_(1, kv, gv.permute(1, 0, 2))
    ds = gradient_before(ds, wq, d, slopes, n, at[c + 2] == 1)
  d_state.copy_(ds)
