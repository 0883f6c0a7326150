# A stable sort: of equal logits the lower expert comes first.
def route_top_k(logits: Tensor, probs: Tensor, lse: Tensor, indices: Tensor, weights: Tensor) -> None:
  lse.copy_(torch.logsumexp(logits, 1))
  probs.copy_(torch.softmax(logits, 1))
  best, order = torch.sort(logits, stable=True, dim=1, descending=True)
  k = indices.size(1)
  indices.copy_(order.narrow(1, 0, k))
  weights.copy_(torch.softmax(best.narrow(1, 0, k), 1))


# Both softmaxes have the gradient dz = s·(ds − Σ s·ds), over all and over the chosen logits.
def route_top_k_backward(
  probs: Tensor, lse: Tensor, indices: Tensor, weights: Tensor, d_weights: Tensor, probs_grad: Tensor,
  z_grad: float, d_logits: Tensor
) -> None:
  through = (probs * probs_grad).sum(1, True)
  dz = probs * (probs_grad - through + z_grad * lse.unsqueeze(1))
  chosen = weights * (d_weights - (weights * d_weights).sum(1, True))
  d_logits.copy_(dz.scatter_add_(1, indices.to(4), chosen))


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
