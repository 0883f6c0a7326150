# In place, because there is no memory for a second T×V tensor.
def cross_entropy(logits: Tensor, labels: Tensor, grad_scale: float, losses: Tensor) -> None:
  unlabelled = (labels < 0)
  label = labels.to(4).clamp(min=0).unsqueeze(1)
  logits.sub_(logits.amax(1, True))
  score = logits.gather(1, label)
  sums = logits.exp_().sum(1, True)
  losses.copy_((sums.log() - score).squeeze(1).masked_fill(unlabelled, 0.0))
  logits.div_(sums)
  logits.scatter_add_(1, label, torch.full([1, 1], -1.0, device=logits.device).expand(label.size()))
  logits.mul_(grad_scale).masked_fill_(unlabelled.unsqueeze(1), 0.0)


# Summed in float64 on the host, in index order; the caller reads the sum on the host next.
def sum(x: Tensor, total: Tensor) -> None:
  terms = torch.cat([total.cpu(), x.flatten().cpu().to(7)])
  total.copy_(torch.cumsum(terms, 0).narrow(0, terms.size(0) - 1, 1))


# In float64, piece by piece, because a float64 copy of all gradients would not fit.
def sum_squares(x: Tensor, total: Tensor) -> None:
  flat = x.flatten()
  n = flat.size(0)
  piece = 1 << 20
  for at in range(0, n, piece):
    count = piece if n - at > piece else n - at
    wide = flat.narrow(0, at, count).to(7)
    total.add_(torch.dot(wide, wide))


# The fused operator writes a scaled gradient back, but ours is an input, so it is scaled into a copy. The
# weights are returned so that the TorchScript compiler sees a use of the list; it would drop a call that only
# modifies a local list.
def adam_w(
  w: Tensor, m: Tensor, v: Tensor, grad: Tensor, grad_scale: float, lr: float, beta1: float, beta2: float,
  eps: float, decay: float, step: int
) -> List[Tensor]:
  g = grad
  if grad_scale != 1.0:
    g = grad * grad_scale
  unused : List[Tensor] = []
  steps = torch.full([1], float(step), dtype=6, device=w.device)
  weights = [w]
  torch._fused_adamw_(
    weights, [g], [m], [v], unused, [steps], lr=lr, beta1=beta1, beta2=beta2, weight_decay=decay, eps=eps,
    amsgrad=False, maximize=False)
  return weights
