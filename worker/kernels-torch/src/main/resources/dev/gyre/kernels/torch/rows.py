def rms_norm(x: Tensor, weight: Tensor, eps: float, y: Tensor, rstd: Tensor) -> None:
  wide = f32(x)
  r = torch.rsqrt(wide.square().mean(1) + eps)
  rstd.copy_(r)
  y.copy_(wide * r.unsqueeze(1) * weight)


# With n = x·rstd and g = dy·weight: dx += rstd·(g − n·mean(g·n)), dweight += Σ dy·n.
def rms_norm_backward(
  dy: Tensor, x: Tensor, weight: Tensor, rstd: Tensor, dx: Tensor, dweight: Tensor
) -> None:
  r = rstd.unsqueeze(1)
  n = f32(x) * r
  d = f32(dy)
  dweight.add_((d * n).sum(0))
  g = d * weight
  dx.add_((g - n * (g * n).mean(1, True)) * r)


# Angles in float64: a float32 position·frequency is off by a whole radian after some million tokens.
def rope_table(positions: Tensor, frequencies: Tensor, scale: float, table: Tensor) -> None:
  angle = positions.to(7).unsqueeze(1) * frequencies.to(table.device)
  table.select(1, 0).copy_(angle.cos().mul_(scale))
  table.select(1, 1).copy_(angle.sin().mul_(scale))


def rope(x: Tensor, table: Tensor, inverse: bool) -> None:
  half = table.size(2)
  cos = table.select(1, 0).unsqueeze(1)
  sin = table.select(1, 1).unsqueeze(1)
  if inverse:
    sin = -sin
  at = x.size(2) - 2 * half
  a = f32(x.narrow(2, at, half))
  b = f32(x.narrow(2, at + half, half))
  first = a * cos - b * sin
  x.narrow(2, at + half, half).copy_(b * cos + a * sin)
  x.narrow(2, at, half).copy_(first)


def add_bias(x: Tensor, bias: Tensor) -> None:
  x.copy_(f32(x) + bias)


def add_bias_backward(dy: Tensor, dbias: Tensor) -> None:
  dbias.add_(f32(dy).sum(0))


def clamp(x: Tensor, limit: float, y: Tensor) -> None:
  y.copy_(f32(x).clamp(-limit, limit))


# 0 where |x| > limit or x is NaN, whatever dy holds there.
def clamp_backward(dy: Tensor, x: Tensor, limit: float, dx: Tensor) -> None:
  dx.copy_(f32(dy).masked_fill((f32(x).abs() <= limit).logical_not_(), 0.0))


def swiglu(gate_up: Tensor, h: Tensor) -> None:
  width = h.size(1)
  gate = f32(gate_up.narrow(1, 0, width))
  h.copy_(gate * gate.sigmoid() * f32(gate_up.narrow(1, width, width)))


# silu'(g) = σ(g)·(1 + g·(1 − σ(g))).
def swiglu_backward(dh: Tensor, gate_up: Tensor, d_gate_up: Tensor) -> None:
  width = dh.size(1)
  gate = f32(gate_up.narrow(1, 0, width))
  up = f32(gate_up.narrow(1, width, width))
  d = f32(dh)
  s = gate.sigmoid()
  d_gate_up.narrow(1, 0, width).copy_(d * up * s * (1.0 + gate * (1.0 - s)))
  d_gate_up.narrow(1, width, width).copy_(d * gate * s)


def swiglu_clamped(gate_up: Tensor, alpha: float, limit: float, h: Tensor) -> None:
  width = h.size(1)
  g = f32(gate_up.narrow(1, 0, width)).clamp(max=limit)
  u = f32(gate_up.narrow(1, width, width)).clamp(-limit, limit)
  h.copy_((u + 1.0) * (g * (g * alpha).sigmoid()))


# With s = σ(alpha·g): the derivative of g·s is s·(1 + alpha·g·(1 − s)).
def swiglu_clamped_backward(
  dh: Tensor, gate_up: Tensor, alpha: float, limit: float, d_gate_up: Tensor
) -> None:
  width = dh.size(1)
  gate = f32(gate_up.narrow(1, 0, width))
  up = f32(gate_up.narrow(1, width, width))
  g = gate.clamp(max=limit)
  u = up.clamp(-limit, limit)
  s = (g * alpha).sigmoid()
  d = f32(dh) * s
  d_gate = d * (u + 1.0) * (1.0 + g * alpha * (1.0 - s))
  d_gate_up.narrow(1, 0, width).copy_(d_gate.masked_fill_((gate <= limit).logical_not_(), 0.0))
  d_gate_up.narrow(1, width, width).copy_((d * g).masked_fill_((up.abs() <= limit).logical_not_(), 0.0))
