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
def rope_table(positions: Tensor, theta: float, table: Tensor) -> None:
  half = table.size(2)
  frequency = torch.pow(theta, torch.arange(half, dtype=7, device=table.device) / (-half))
  angle = positions.to(7).unsqueeze(1) * frequency
  table.select(1, 0).copy_(angle.cos())
  table.select(1, 1).copy_(angle.sin())


def rope(x: Tensor, table: Tensor, inverse: bool) -> None:
  half = table.size(2)
  cos = table.select(1, 0).unsqueeze(1)
  sin = table.select(1, 1).unsqueeze(1)
  if inverse:
    sin = -sin
  a = f32(x.narrow(2, 0, half))
  b = f32(x.narrow(2, half, half))
  first = a * cos - b * sin
  x.narrow(2, half, half).copy_(b * cos + a * sin)
  x.narrow(2, 0, half).copy_(first)


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
