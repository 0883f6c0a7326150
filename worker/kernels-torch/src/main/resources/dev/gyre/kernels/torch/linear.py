# y (+)= a·b. Equal dtypes are passed to libtorch directly, which accumulates in float32. A float32 result of
# bfloat16 operands is one product with float32 output on a GPU; a CPU has no such product, so operands are
# widened.
def product(a: Tensor, b: Tensor, y: Tensor, accumulate: bool) -> None:
  if y.dtype != a.dtype and a.is_cuda:
    p = torch.mm(a, b, out_dtype=6)
    if accumulate:
      y.add_(p)
    else:
      y.copy_(p)
  else:
    left = a.to(y.dtype)
    right = b.to(y.dtype)
    if accumulate:
      y.addmm_(left, right)
    else:
      torch.mm(left, right, out=y)


def linear(x: Tensor, w: Tensor, y: Tensor, accumulate: bool) -> None:
  product(x, w.t(), y, accumulate)


def linear_backward_input(dy: Tensor, w: Tensor, dx: Tensor, accumulate: bool) -> None:
  product(dy, w, dx, accumulate)


def linear_backward_weight(dy: Tensor, x: Tensor, dw: Tensor) -> None:
  product(dy.t(), x, dw, True)


# Experts without rows are skipped.
def grouped_linear(x: Tensor, w: Tensor, offsets: Tensor, y: Tensor) -> None:
  at : List[int] = offsets.tolist()
  for e in range(len(at) - 1):
    n = at[e + 1] - at[e]
    if n > 0:
      product(x.narrow(0, at[e], n), w.select(0, e).t(), y.narrow(0, at[e], n), False)


def grouped_linear_backward_input(dy: Tensor, w: Tensor, offsets: Tensor, dx: Tensor) -> None:
  at : List[int] = offsets.tolist()
  for e in range(len(at) - 1):
    n = at[e + 1] - at[e]
    if n > 0:
      product(dy.narrow(0, at[e], n), w.select(0, e), dx.narrow(0, at[e], n), False)


def grouped_linear_backward_weight(dy: Tensor, x: Tensor, offsets: Tensor, dw: Tensor) -> None:
  at : List[int] = offsets.tolist()
  for e in range(len(at) - 1):
    n = at[e + 1] - at[e]
    if n > 0:
      product(dy.narrow(0, at[e], n).t(), x.narrow(0, at[e], n), dw.select(0, e), True)
