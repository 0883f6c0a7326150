package dev.gyre.model.local;

import dev.gyre.kernels.AttentionTiles;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Kernels;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.Workspace;
import dev.gyre.model.port.SequenceGroup;
import dev.gyre.partitioning.layout.AttentionMask;
import dev.gyre.partitioning.layout.Documents;

/** A row held whole by one rank: one tile per document. */
public final class LocalSequenceGroup implements SequenceGroup {
  private final Kernels kernels;
  private final int[] kvHeadOf;
  private final float scale;
  private Documents documents = new Documents();

  /**
   * @param kvHeadOf key/value head of each query head
   */
  public LocalSequenceGroup(Kernels kernels, int[] kvHeadOf, int headDim) {
    this.kernels = kernels;
    this.kvHeadOf = kvHeadOf.clone();
    this.scale = (float) (1 / Math.sqrt(headDim));
  }

  /** Sets the row of the passes that follow; its tokens are in row order. */
  public void setRow(Documents row) {
    documents = row;
  }

  private record Attended(
      Tensor q, Tensor k, Tensor v, Tensor out, Tensor lse, AttentionTiles tiles)
      implements Saved {}

  @Override
  public Saved attention(
      Tensor q, Tensor k, Tensor v, AttentionMask mask, Tensor out, Workspace workspace) {
    if (q.dim(0) != documents.tokens()) {
      throw new IllegalArgumentException(
          "q has %d tokens, the row %d".formatted(q.dim(0), documents.tokens()));
    }
    Tensor lse = workspace.save(DType.F32, q.dim(0), q.dim(1));
    AttentionTiles tiles = tiles(mask.window());
    long mark = workspace.scratchMark();
    Tensor sum =
        out.dtype() == DType.F32 ? out : workspace.scratch(DType.F32, q.dim(0), q.dim(1), q.dim(2));
    kernels.fill(sum, 0f);
    kernels.fill(lse, Float.NEGATIVE_INFINITY);
    kernels.attention(q, k, v, kvHeadOf, tiles, scale, sum, lse);
    if (sum != out) {
      kernels.copy(sum, out);
    }
    workspace.releaseScratch(mark);
    return new Attended(q, k, v, out, lse, tiles);
  }

  private AttentionTiles tiles(int window) {
    AttentionTiles.Builder tiles = new AttentionTiles.Builder();
    int maxDelta = window == 0 ? AttentionTiles.UNLIMITED : window - 1;
    for (int d = 0; d < documents.count(); d++) {
      int start = documents.start(d);
      int length = documents.length(d);
      tiles.add(start, length, start, length, 0, maxDelta);
    }
    return tiles.build();
  }

  @Override
  public void backward(
      Saved saved, Tensor dOut, Tensor dq, Tensor dk, Tensor dv, Workspace workspace) {
    Attended a = (Attended) saved;
    long mark = workspace.scratchMark();
    Tensor delta = workspace.scratch(DType.F32, a.q().dim(0), a.q().dim(1));
    kernels.attentionDelta(a.out(), dOut, delta);
    kernels.fill(dq, 0f);
    kernels.fill(dk, 0f);
    kernels.fill(dv, 0f);
    kernels.attentionBackward(
        a.q(), a.k(), a.v(), kvHeadOf, a.tiles(), scale, dOut, a.lse(), delta, dq, dk, dv);
    workspace.releaseScratch(mark);
  }

  @Override
  public void sumOverRow(double[] values) {}
}
