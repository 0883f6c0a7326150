# TorchScript, compiled at start-up. Every function writes into tensors that the caller owns.
# Dtypes are c10::ScalarType numbers, as this language has no names for them: 4 int64, 6 float32, 7 float64.
# Shapes and their letters: dev.gyre.kernels.Kernels.


def f32(x: Tensor) -> Tensor:
  return x.to(6)


def fill(x: Tensor, value: float) -> None:
  x.fill_(value)


def copy(source: Tensor, to: Tensor) -> None:
  to.copy_(source.view(to.size()))


def add(x: Tensor, into: Tensor) -> None:
  into.add_(x.view(into.size()))


def scale(x: Tensor, factor: float) -> None:
  x.mul_(factor)


def gather_rows(table: Tensor, indices: Tensor, out: Tensor) -> None:
  if table.size(0) == 0:
    out.zero_()
  else:
    torch.index_select(table, 0, indices.clamp(min=0), out=out)
    out.masked_fill_((indices < 0).unsqueeze(1), 0.0)


# index_add_ adds in index order on a CPU, and on a GPU because deterministic algorithms are enabled.
# Skipped rows are added to row 0 as zeros.
def scatter_add_rows(rows: Tensor, indices: Tensor, table: Tensor) -> None:
  if table.size(0) > 0:
    skipped = (indices < 0).unsqueeze(1)
    table.index_add_(0, indices.clamp(min=0), f32(rows).masked_fill(skipped, 0.0))


def copy_columns(
  source: Tensor, from_column: int, to: Tensor, to_column: int, columns: int, accumulate: bool
) -> None:
  if columns > 0:
    part = source.view(-1, source.size(-1)).narrow(1, from_column, columns)
    into = to.view(-1, to.size(-1)).narrow(1, to_column, columns)
    if accumulate:
      into.add_(part)
    else:
      into.copy_(part)
