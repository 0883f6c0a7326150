# One part of a tile at a time: queries [q0, q0 + nq) against keys [k0, k0 + nk), and heads in groups that
# share a key/value head. "heads" is [first query head, first key/value head, key/value heads, group size].
# Views: queries [K, G, nq, D]; keys and values [K, G, nk, D] whose G has stride 0, so nothing is expanded.


def queries(x: Tensor, q0: int, nq: int, heads: List[int]) -> Tensor:
  part = x.narrow(0, q0, nq).narrow(1, heads[0], heads[2] * heads[3])
  return part.unflatten(1, [heads[2], heads[3]]).permute(1, 2, 0, 3)


def row_scalars(x: Tensor, q0: int, nq: int, heads: List[int]) -> Tensor:
  part = x.narrow(0, q0, nq).narrow(1, heads[0], heads[2] * heads[3])
  return part.unflatten(1, [heads[2], heads[3]]).permute(1, 2, 0)


# [K, nk, D]
def keys(x: Tensor, k0: int, nk: int, heads: List[int]) -> Tensor:
  return x.narrow(0, k0, nk).narrow(1, heads[1], heads[2]).permute(1, 0, 2)


def shared(x: Tensor, heads: List[int]) -> Tensor:
  return x.unsqueeze(1).expand(-1, heads[3], -1, -1)


# The naive formula is out' = out·exp(lse − lse') + outB·exp(lseB − lse') with lse' = logaddexp(lse, lseB).
# The two weights add up to 1, and the second is σ(lseB − lse), which keeps its precision when both are large.
# If both are −∞ it would be NaN, so it is set to 0.
def merge(out_b: Tensor, lse_b: Tensor, out: Tensor, lse: Tensor) -> None:
  share = torch.sigmoid(lse_b - lse).masked_fill_(torch.isneginf(lse_b), 0.0)
  out.add_((out_b - out).mul_(share.unsqueeze(-1)))
  lse.copy_(torch.logaddexp(lse, lse_b))


def attention_merge(out_b: Tensor, lse_b: Tensor, out: Tensor, lse: Tensor) -> None:
  merge(out_b, lse_b, out, lse)


# exp(lse − lse') = σ(lse − sink). A row that saw no key keeps its output.
def attention_sinks(sinks: Tensor, out: Tensor, lse: Tensor) -> None:
  keep = torch.sigmoid(lse - sinks).masked_fill_(torch.isneginf(lse), 1.0)
  out.mul_(keep.unsqueeze(-1))
  lse.copy_(torch.logaddexp(lse, sinks))


def attention_sinks_backward(sinks: Tensor, lse: Tensor, delta: Tensor, dsinks: Tensor) -> None:
  p = torch.exp(sinks - lse)
  dsinks.sub_((p * delta).masked_fill_(torch.isneginf(lse), 0.0).sum(0))


def attention_delta(out: Tensor, d_out: Tensor, delta: Tensor) -> None:
  delta.copy_((f32(out) * f32(d_out)).sum(-1))


# Every query sees every key, or, if causal, the keys up to its own index (as many keys as queries).
def attention_flash(
  q: Tensor, k: Tensor, v: Tensor, place: Tensor, group: Tensor, causal: bool, scale: float, out: Tensor, lse: Tensor
) -> None:
  at : List[int] = place.tolist()
  heads : List[int] = group.tolist()
  wq = queries(q, at[0], at[1], heads)
  wk = keys(k, at[2], at[3], heads)
  wv = keys(v, at[2], at[3], heads)
  if q.is_cuda:
    o, l, cq, ck, mq, mk, seed, offset, debug = torch._scaled_dot_product_flash_attention(
      wq, shared(wk, heads), shared(wv, heads), 0.0, causal, False, scale=scale)
  else:
    o, l = torch._scaled_dot_product_flash_attention_for_cpu(
      f32(wq), shared(f32(wk), heads), shared(f32(wv), heads), 0.0, causal, scale=scale)
  merge(f32(o), l, queries(out, at[0], at[1], heads), row_scalars(lse, at[0], at[1], heads))


# libtorch's backward takes the output, from which it computes delta = rowsum(dOut·out). We have delta, of all
# keys and not of this part: dOut·(delta / rowsum(dOut²)) is an output with that delta.
def attention_flash_backward(
  q: Tensor, k: Tensor, v: Tensor, place: Tensor, group: Tensor, causal: bool, scale: float,
  d_out: Tensor, lse: Tensor, delta: Tensor, dq: Tensor, dk: Tensor, dv: Tensor, undefined: Tensor
) -> None:
  at : List[int] = place.tolist()
  heads : List[int] = group.tolist()
  wq = queries(q, at[0], at[1], heads)
  wk = keys(k, at[2], at[3], heads)
  wv = keys(v, at[2], at[3], heads)
  d = queries(d_out, at[0], at[1], heads)
  wide = f32(d)
  squares = wide.square().sum(-1)
  factor = (row_scalars(delta, at[0], at[1], heads) / squares).masked_fill(squares == 0.0, 0.0)
  stand_in = (wide * factor.unsqueeze(-1))
  l = nothing_seen(row_scalars(lse, at[0], at[1], heads)).contiguous()
  if q.is_cuda:
    # Defined sequence offsets, even empty ones, would select the variable-length mode.
    gq, gk, gv = torch._scaled_dot_product_flash_attention_backward(
      d, wq, shared(wk, heads), shared(wv, heads), stand_in.to(q.dtype), l, undefined, undefined, at[1], at[3],
      0.0, causal, undefined, undefined, scale=scale)
  else:
    gq, gk, gv = torch._scaled_dot_product_flash_attention_for_cpu_backward(
      wide, f32(wq), shared(f32(wk), heads), shared(f32(wv), heads), stand_in, l, 0.0, causal, scale=scale)
  queries(dq, at[0], at[1], heads).add_(gq)
  keys(dk, at[2], at[3], heads).add_(f32(gk).sum(1))
  keys(dv, at[2], at[3], heads).add_(f32(gv).sum(1))


# A row without visible keys has lse −∞; with +∞ instead, its exp(score − lse) is 0, as it must be.
def nothing_seen(lse: Tensor) -> Tensor:
  return lse.masked_fill(torch.isneginf(lse), float('inf'))


# Mask of the invisible pairs of a block: i − j outside [least, most], counted inside the tile.
def hidden(nq: int, nk: int, first: int, least: int, most: int, like: Tensor) -> Tensor:
  i = torch.arange(nq, device=like.device).unsqueeze(1)
  delta = i - torch.arange(nk, device=like.device) + first
  return (delta < least).logical_or_(delta > most)


# Any band, block by block, in float32. "band" is [i − j of the block's corner, least, most].
def attention_band(
  q: Tensor, k: Tensor, v: Tensor, place: Tensor, group: Tensor, band: Tensor, scale: float, out: Tensor, lse: Tensor
) -> None:
  at : List[int] = place.tolist()
  heads : List[int] = group.tolist()
  limits : List[int] = band.tolist()
  wq = f32(queries(q, at[0], at[1], heads))
  wk = f32(keys(k, at[2], at[3], heads)).unsqueeze(1)
  wv = f32(keys(v, at[2], at[3], heads)).unsqueeze(1)
  s = torch.matmul(wq, wk.transpose(2, 3)).mul_(scale)
  s.masked_fill_(hidden(at[1], at[3], limits[0], limits[1], limits[2], q), -float('inf'))
  l = torch.logsumexp(s, -1)
  p = s.sub_(nothing_seen(l).unsqueeze(-1)).exp_()
  merge(torch.matmul(p, wv), l, queries(out, at[0], at[1], heads), row_scalars(lse, at[0], at[1], heads))


# p = exp(s − lse), dp = dOut·v, ds = p·(dp − delta): dq = scale·ds·k, dk = scale·dsᵀ·q, dv = pᵀ·dOut.
def attention_band_backward(
  q: Tensor, k: Tensor, v: Tensor, place: Tensor, group: Tensor, band: Tensor, scale: float,
  d_out: Tensor, lse: Tensor, delta: Tensor, dq: Tensor, dk: Tensor, dv: Tensor
) -> None:
  at : List[int] = place.tolist()
  heads : List[int] = group.tolist()
  limits : List[int] = band.tolist()
  wq = f32(queries(q, at[0], at[1], heads))
  wk = f32(keys(k, at[2], at[3], heads)).unsqueeze(1)
  wv = f32(keys(v, at[2], at[3], heads)).unsqueeze(1)
  d = f32(queries(d_out, at[0], at[1], heads))
  unseen = hidden(at[1], at[3], limits[0], limits[1], limits[2], q)
  l = nothing_seen(row_scalars(lse, at[0], at[1], heads))
  p = torch.matmul(wq, wk.transpose(2, 3)).mul_(scale).sub_(l.unsqueeze(-1)).exp_()
  p.masked_fill_(unseen, 0.0)
  ds = torch.matmul(d, wv.transpose(2, 3)).sub_(row_scalars(delta, at[0], at[1], heads).unsqueeze(-1))
  ds.mul_(p).mul_(scale).masked_fill_(unseen, 0.0)
  queries(dq, at[0], at[1], heads).add_(torch.matmul(ds, wk))
  keys(dk, at[2], at[3], heads).add_(torch.matmul(ds.transpose(2, 3), wq).sum(1))
  keys(dv, at[2], at[3], heads).add_(torch.matmul(p.transpose(2, 3), d).sum(1))
