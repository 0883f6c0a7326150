# Linear attention with decay, all heads of a tile at a time. [H,n,D] blocks in f32; a state is [H,D,D], keys by
# values. With M[i][j] = λ^(i−j) for j ≤ i and 0 above:
# O = ((Q·Kᵀ)∘M)·V + λ^(i+1)·(Q·S), then S = λⁿ·S + Σ_j λ^(n−1−j)·K[j]ᵀ·V[j].


def silu(x: Tensor, y: Tensor) -> None:
  wide = f32(x)
  y.copy_(wide * wide.sigmoid())


# silu'(x) = σ(x)·(1 + x·(1 − σ(x))).
def silu_backward(dy: Tensor, x: Tensor, dx: Tensor) -> None:
  wide = f32(x)
  s = wide.sigmoid()
  dx.copy_(f32(dy) * s * (1.0 + wide * (1.0 - s)))


# [start, length, 1 if a document starts there, …]: at most 128 tokens each, never across a document's start.
def lightning_tiles(tokens: int, resets: List[int]) -> List[int]:
  tiles : List[int] = []
  start = 0
  next = 0
  while start < tokens:
    new = 0
    if next < len(resets) and resets[next] == start:
      new = 1
      next += 1
    end = tokens
    if next < len(resets):
      end = resets[next]
    length = min(128, end - start)
    tiles.append(start)
    tiles.append(length)
    tiles.append(new)
    start += length
  return tiles


# [H,1]
def lightning_slopes(of_heads: Tensor, like: Tensor) -> Tensor:
  return of_heads.to(6).to(like.device).unsqueeze(1)


# λ^exponent, [H,n,1].
def lightning_powers(slopes: Tensor, exponents: Tensor) -> Tensor:
  return torch.exp(-slopes * exponents.unsqueeze(0)).unsqueeze(2)


def lightning_block(x: Tensor, start: int, length: int) -> Tensor:
  return f32(x.narrow(0, start, length)).permute(1, 0, 2)


# Keys or values for every query head.
def lightning_shared(x: Tensor, start: int, length: int, kv: Tensor) -> Tensor:
  return lightning_block(x, start, length).index_select(0, kv)


# (A·Bᵀ)∘M.
def lightning_inside(a: Tensor, b: Tensor, slopes: Tensor) -> Tensor:
  n = torch.arange(a.size(1), device=a.device)
  apart = n.unsqueeze(1) - n.unsqueeze(0)
  m = torch.exp(-slopes.unsqueeze(2) * apart.clamp(min=0).unsqueeze(0)).masked_fill(apart < 0, 0.0)
  return torch.matmul(a, b.transpose(1, 2)) * m


# λⁿ·S + Σ_j λ^(n−1−j)·K[j]ᵀ·V[j].
def lightning_advance(s: Tensor, k: Tensor, v: Tensor, slopes: Tensor) -> Tensor:
  n = k.size(1)
  left = lightning_powers(slopes, torch.arange(n - 1, -1, -1, device=k.device))
  return torch.exp(-slopes * n).unsqueeze(2) * s + torch.matmul((k * left).transpose(1, 2), v)


# λⁿ·G + Σ_i λ^(i+1)·Q[i]ᵀ·dO[i].
def lightning_retreat(g: Tensor, q: Tensor, d: Tensor, slopes: Tensor) -> Tensor:
  n = q.size(1)
  since = lightning_powers(slopes, torch.arange(1, n + 1, device=q.device))
  return torch.exp(-slopes * n).unsqueeze(2) * g + torch.matmul((q * since).transpose(1, 2), d)


def linear_attention(
  q: Tensor, k: Tensor, v: Tensor, kv: Tensor, of_heads: Tensor, resets: Tensor, state: Tensor, out: Tensor
) -> None:
  at : List[int] = resets.tolist()
  tiles = lightning_tiles(q.size(0), at)
  slopes = lightning_slopes(of_heads, q)
  of = kv.to(q.device)
  s = state.clone()
  for i in range(len(tiles) // 3):
    start = tiles[3 * i]
    n = tiles[3 * i + 1]
    if tiles[3 * i + 2] == 1:
      s = torch.zeros_like(s)
    wq = lightning_block(q, start, n)
    wk = lightning_shared(k, start, n, of)
    wv = lightning_shared(v, start, n, of)
    since = lightning_powers(slopes, torch.arange(1, n + 1, device=q.device))
    o = torch.matmul(lightning_inside(wq, wk, slopes), wv) + since * torch.matmul(wq, s)
    out.narrow(0, start, n).copy_(o.permute(1, 0, 2))
    s = lightning_advance(s, wk, wv, slopes)
  state.copy_(s)


def linear_attention_state(
  a: Tensor, b: Tensor, kv: Tensor, of_heads: Tensor, resets: Tensor, backward: bool, state: Tensor
) -> None:
  at : List[int] = resets.tolist()
  tiles = lightning_tiles(a.size(0), at)
  slopes = lightning_slopes(of_heads, a)
  of = kv.to(a.device)
  s = state.clone()
  for i in range(len(tiles) // 3):
    t = i
    if backward:
      t = len(tiles) // 3 - 1 - i
    start = tiles[3 * t]
    n = tiles[3 * t + 1]
    if backward:
      s = lightning_retreat(s, lightning_block(a, start, n), lightning_block(b, start, n), slopes)
    if tiles[3 * t + 2] == 1:
      s = torch.zeros_like(s)
    if not backward:
      s = lightning_advance(s, lightning_shared(a, start, n, of), lightning_shared(b, start, n, of), slopes)
  state.copy_(s)


def linear_attention_backward(
  q: Tensor, k: Tensor, v: Tensor, kv: Tensor, of_heads: Tensor, resets: Tensor, state: Tensor, d_out: Tensor,
  d_state: Tensor, dq: Tensor, dk: Tensor, dv: Tensor
) -> None:
  at : List[int] = resets.tolist()
  tiles = lightning_tiles(q.size(0), at)
  slopes = lightning_slopes(of_heads, q)
  of = kv.to(q.device)
  s = state
  for i in range(len(tiles) // 3):
    start = tiles[3 * i]
    n = tiles[3 * i + 1]
    if tiles[3 * i + 2] == 1:
      s = torch.zeros_like(s)
    wq = lightning_block(q, start, n)
    wk = lightning_shared(k, start, n, of)
    wv = lightning_shared(v, start, n, of)
    d = lightning_block(d_out, start, n)
    w = lightning_inside(d, wv, slopes)
    p = lightning_inside(wq, wk, slopes)
    since = lightning_powers(slopes, torch.arange(1, n + 1, device=q.device))
    gq = torch.matmul(w, wk) + since * torch.matmul(d, s.transpose(1, 2))
    dq.narrow(0, start, n).add_(gq.permute(1, 0, 2))
    dk.narrow(0, start, n).index_add_(1, of, torch.matmul(w.transpose(1, 2), wq).permute(1, 0, 2))
    dv.narrow(0, start, n).index_add_(1, of, torch.matmul(p.transpose(1, 2), d).permute(1, 0, 2))
    s = lightning_advance(s, wk, wv, slopes)
  g = d_state.clone()
  for i in range(len(tiles) // 3):
    t = len(tiles) // 3 - 1 - i
    start = tiles[3 * t]
    n = tiles[3 * t + 1]
    wk = lightning_shared(k, start, n, of)
    wv = lightning_shared(v, start, n, of)
    left = lightning_powers(slopes, torch.arange(n - 1, -1, -1, device=q.device))
    gk = left * torch.matmul(wv, g.transpose(1, 2))
    gv = left * torch.matmul(wk, g)
    dk.narrow(0, start, n).index_add_(1, of, gk.permute(1, 0, 2))
    dv.narrow(0, start, n).index_add_(1, of, gv.permute(1, 0, 2))
    g = lightning_retreat(g, lightning_block(q, start, n), lightning_block(d_out, start, n), slopes)
    if tiles[3 * t + 2] == 1:
      g = torch.zeros_like(g)
  d_state.copy_(g)
