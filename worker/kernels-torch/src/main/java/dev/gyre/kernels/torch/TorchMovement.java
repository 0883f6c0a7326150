package dev.gyre.kernels.torch;

import dev.gyre.kernels.MovementKernels;
import dev.gyre.kernels.Tensor;
import org.bytedeco.pytorch.Function;

/** Filling, copying, adding and indexing rows and columns, one TorchScript call each. */
final class TorchMovement implements MovementKernels {
  private final TorchCall.Wrapping wrapping;
  private final IndexChecks indices;
  private final Function fill;
  private final Function copy;
  private final Function add;
  private final Function scale;
  private final Function gatherRows;
  private final Function scatterAddRows;
  private final Function copyColumns;

  TorchMovement(Functions functions, TorchCall.Wrapping wrapping, IndexChecks indices) {
    this.wrapping = wrapping;
    this.indices = indices;
    fill = functions.get("fill");
    copy = functions.get("copy");
    add = functions.get("add");
    scale = functions.get("scale");
    gatherRows = functions.get("gather_rows");
    scatterAddRows = functions.get("scatter_add_rows");
    copyColumns = functions.get("copy_columns");
  }

  @Override
  public void fill(Tensor x, float value) {
    try (TorchCall call = new TorchCall(wrapping)) {
      call.overwrite(x).real(value).run(fill);
    }
  }

  @Override
  public void copy(Tensor from, Tensor to) {
    try (TorchCall call = new TorchCall(wrapping)) {
      call.read(from).overwrite(to).run(copy);
    }
  }

  @Override
  public void add(Tensor x, Tensor into) {
    try (TorchCall call = new TorchCall(wrapping)) {
      call.read(x).update(into).run(add);
    }
  }

  @Override
  public void scale(Tensor x, float factor) {
    try (TorchCall call = new TorchCall(wrapping)) {
      call.update(x).real(factor).run(scale);
    }
  }

  @Override
  public void gatherRows(Tensor table, Tensor indices, Tensor out) {
    this.indices.check("indices", indices, table.dim(0));
    try (TorchCall call = new TorchCall(wrapping)) {
      call.read(table).read(indices).overwrite(out).run(gatherRows);
    }
  }

  @Override
  public void scatterAddRows(Tensor rows, Tensor indices, Tensor table) {
    this.indices.check("indices", indices, table.dim(0));
    try (TorchCall call = new TorchCall(wrapping)) {
      call.read(rows).read(indices).update(table).run(scatterAddRows);
    }
  }

  @Override
  public void copyColumns(
      Tensor from, long fromColumn, Tensor to, long toColumn, long columns, boolean accumulate) {
    try (TorchCall call = new TorchCall(wrapping)) {
      call.read(from)
          .integer(fromColumn)
          .result(to, accumulate || columns < to.width())
          .integer(toColumn)
          .integer(columns)
          .flag(accumulate)
          .run(copyColumns);
    }
  }
}
