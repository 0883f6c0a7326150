# A stable sort: of equal logits the lower expert comes first.
def route_top_k(
  logits: Tensor, renormalise: bool, probs: Tensor, lse: Tensor, indices: Tensor, weights: Tensor
) -> None:
  lse.copy_(torch.logsumexp(logits, 1))
  probs.copy_(torch.softmax(logits, 1))
  best, order = torch.sort(logits, stable=True, dim=1, descending=True)
  k = indices.size(1)
  indices.copy_(order.narrow(1, 0, k))
  if renormalise:
    weights.copy_(torch.softmax(best.narrow(1, 0, k), 1))
  else:
    weights.copy_(probs.gather(1, order.narrow(1, 0, k)))


# Both softmaxes have the gradient dz = s·(ds − Σ s·ds), over all and over the chosen logits. Without
# renormalisation the weights are probs, and the second sum is over all.
def route_top_k_backward(
  probs: Tensor, lse: Tensor, indices: Tensor, weights: Tensor, renormalise: bool, d_weights: Tensor,
  probs_grad: Tensor, z_grad: float, d_logits: Tensor
) -> None:
  through = (probs * probs_grad).sum(1, True)
  weighted = (weights * d_weights).sum(1, True)
  if renormalise:
    chosen = weights * (d_weights - weighted)
  else:
    chosen = weights * d_weights
    through = through + weighted
  dz = probs * (probs_grad - through + z_grad * lse.unsqueeze(1))
  d_logits.copy_(dz.scatter_add_(1, indices.to(4), chosen))


# Sigmoids in float64, so that equal logits get equal scores: a CPU computes the last elements of a float32
# tensor by another function. Kept groups are put in ascending order: of equal choices the lower expert is first.
def route_groups(
  logits: Tensor, bias: Tensor, groups: int, chosen_groups: int, renormalise: bool, scale: float,
  scores: Tensor, indices: Tensor, weights: Tensor
) -> None:
  scores.copy_(torch.sigmoid(logits.to(7)))
  size = logits.size(1) // groups
  k = indices.size(1)
  choice = (scores + bias).view(logits.size(0), groups, size)
  value = torch.topk(choice, 2 if size > 1 else size, 2)[0].sum(2)
  best, order = torch.sort(value, stable=True, dim=1, descending=True)
  kept = torch.sort(order.narrow(1, 0, chosen_groups), 1)[0]
  rest = choice.gather(1, kept.unsqueeze(2).expand(-1, -1, size)).flatten(1)
  best, order = torch.sort(rest, stable=True, dim=1, descending=True)
  place = order.narrow(1, 0, k)
  group = torch.div(place, size, rounding_mode='floor')
  expert = kept.gather(1, group) * size + (place - group * size)
  indices.copy_(expert)
  chosen = scores.gather(1, expert)
  if renormalise:
    chosen = chosen / (chosen.sum(1, True) + 1e-20)
  weights.copy_(chosen * scale)


# With S = Σ s + 1e-20 over the chosen, w = scale·s/S: ds = scale/S·(dw − Σ dw·s/S). And σ' = s·(1 − s).
def route_groups_backward(
  scores: Tensor, indices: Tensor, renormalise: bool, scale: float, d_weights: Tensor, d_logits: Tensor
) -> None:
  chosen = indices.to(4)
  s = scores.gather(1, chosen)
  ds = d_weights * scale
  if renormalise:
    total = s.sum(1, True) + 1e-20
    ds = (ds - (ds * s).sum(1, True) / total) / total
  d_logits.zero_()
  d_logits.scatter_add_(1, chosen, ds * s * (1.0 - s))


def combine_rows(rows: Tensor, slots: Tensor, weights: Tensor, out: Tensor) -> None:
  if rows.size(0) > 0:
    sums = f32(out)
    for j in range(slots.size(1)):
      slot = slots.select(1, j)
      none = (slot < 0).unsqueeze(1)
      row = f32(rows.index_select(0, slot.clamp(min=0))).masked_fill_(none, 0.0)
      weight = weights.select(1, j).unsqueeze(1).masked_fill(none, 0.0)
      sums = torch.addcmul(sums, row, weight)
    out.copy_(sums)


# A row that is in no slot must stay unchanged, so slots of −1 are removed first.
def combine_rows_backward(
  d_out: Tensor, rows: Tensor, slots: Tensor, weights: Tensor, d_rows: Tensor, d_weights: Tensor
) -> None:
  d_weights.zero_()
  for j in range(slots.size(1)):
    slot = slots.select(1, j)
    tokens = torch.nonzero(slot >= 0).squeeze(1)
    if tokens.size(0) > 0:
      taken = slot.index_select(0, tokens).to(4)
      d = f32(d_out.index_select(0, tokens))
      w = weights.select(1, j).index_select(0, tokens).unsqueeze(1)
      dots = (d * f32(rows.index_select(0, taken))).sum(1)
      d_weights.select(1, j).index_copy_(0, tokens, dots)
      d_rows.index_copy_(0, taken, (d * w).to(d_rows.dtype))
