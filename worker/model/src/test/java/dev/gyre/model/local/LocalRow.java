package dev.gyre.model.local;

import dev.gyre.kernels.AttentionTiles;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.DecayPattern;
import dev.gyre.kernels.Kernels;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.Workspace;
import dev.gyre.model.port.SequenceRow;
import dev.gyre.model.port.SinkLogits;
import dev.gyre.partitioning.layout.Documents;
import dev.gyre.partitioning.mask.AttentionMask;
import org.jspecify.annotations.Nullable;

/** A row that is whole on one rank: a few tiles for each document. */
public final class LocalRow implements SequenceRow {
  private final Kernels kernels;
  private final int[] kvHeadOf;
  private final Documents documents;

  /**
   * @param kvHeadOf key/value head of each query head
   * @param documents the row, whose tokens are in row order
   */
  public LocalRow(Kernels kernels, int[] kvHeadOf, Documents documents) {
    this.documents = documents;
    this.kernels = kernels;
    this.kvHeadOf = kvHeadOf.clone();
  }

  private record Attended(
      Tensor q, Tensor k, Tensor v, float scale, Tensor out, Tensor lse, AttentionTiles tiles)
      implements Saved {
    @Override
    public boolean readsInputs() {
      return true;
    }

    @Override
    public Saved withInputs(Tensor newQ, Tensor newK, Tensor newV) {
      return new Attended(newQ, newK, newV, scale, out, lse, tiles);
    }
  }

  @Override
  public Saved attention(
      Tensor q,
      Tensor k,
      Tensor v,
      AttentionMask mask,
      float scale,
      @Nullable SinkLogits sinks,
      Tensor out,
      Workspace workspace) {
    if (q.dim(0) != documents.tokens()) {
      throw new IllegalArgumentException(
          "q has %d tokens, the row %d".formatted(q.dim(0), documents.tokens()));
    }
    Tensor lse = workspace.save(DType.F32, q.dim(0), q.dim(1));
    AttentionTiles tiles = tiles(mask);
    long mark = workspace.scratchMark();
    Tensor sum =
        out.dtype() == DType.F32 ? out : workspace.scratch(DType.F32, q.dim(0), q.dim(1), q.dim(2));
    kernels.fill(sum, 0f);
    kernels.fill(lse, Float.NEGATIVE_INFINITY);
    kernels.attention(q, k, v, kvHeadOf, tiles, scale, sum, lse);
    if (sinks != null) {
      kernels.attentionSinks(sinks.values(), sum, lse);
    }
    if (sum != out) {
      kernels.copy(sum, out);
    }
    workspace.releaseScratch(mark);
    return new Attended(q, k, v, scale, out, lse, tiles);
  }

  private record Linear(Tensor q, Tensor k, Tensor v, DecayPattern pattern) implements Saved {
    @Override
    public boolean readsInputs() {
      return true;
    }

    @Override
    public Saved withInputs(Tensor again, Tensor keys, Tensor values) {
      return new Linear(again, keys, values, pattern);
    }
  }

  @Override
  public Saved linearAttention(
      Tensor q, Tensor k, Tensor v, float[] slopes, Tensor out, Workspace workspace) {
    if (q.dim(0) != documents.tokens()) {
      throw new IllegalArgumentException(
          "q has %d tokens, the row %d".formatted(q.dim(0), documents.tokens()));
    }
    int[] starts = new int[documents.count()];
    for (int d = 0; d < starts.length; d++) {
      starts[d] = documents.start(d);
    }
    DecayPattern pattern = new DecayPattern(kvHeadOf, slopes, starts);
    long mark = workspace.scratchMark();
    kernels.linearAttention(q, k, v, pattern, noState(q, workspace), out);
    workspace.releaseScratch(mark);
    return new Linear(q, k, v, pattern);
  }

  /** A state of zeros: nothing precedes the row, and nothing follows it. */
  private Tensor noState(Tensor q, Workspace workspace) {
    Tensor state = workspace.scratch(DType.F32, q.dim(1), q.dim(2), q.dim(2));
    kernels.fill(state, 0f);
    return state;
  }

  private void linearBackward(
      Linear a, Tensor dOut, Tensor dq, Tensor dk, Tensor dv, Workspace workspace) {
    kernels.fill(dq, 0f);
    kernels.fill(dk, 0f);
    kernels.fill(dv, 0f);
    long mark = workspace.scratchMark();
    Tensor state = noState(a.q(), workspace);
    Tensor dState = noState(a.q(), workspace);
    kernels.linearAttentionBackward(
        a.q(), a.k(), a.v(), a.pattern(), state, dOut, dState, dq, dk, dv);
    workspace.releaseScratch(mark);
  }

  /** Made straight from the mask's definition, without the code that plans for several ranks. */
  private AttentionTiles tiles(AttentionMask mask) {
    AttentionTiles.Builder tiles = new AttentionTiles.Builder();
    for (int d = 0; d < documents.count(); d++) {
      int start = documents.start(d);
      int length = documents.length(d);
      int prefix = Math.min(mask.prefix(), length);
      if (prefix > 0) {
        addAll(tiles, start, prefix, start, prefix);
      }
      if (prefix < length) {
        addBehind(tiles, mask, d, prefix);
      }
      if (mask.seesAnchorElsewhere(d)) {
        addAll(tiles, start, length, 0, 1);
      }
    }
    return tiles.build();
  }

  /** Queries behind the prefix: query i of the tile is at position prefix + i of the document. */
  private void addBehind(
      AttentionTiles.Builder tiles, AttentionMask mask, int document, int prefix) {
    int start = documents.start(document);
    int length = documents.length(document);
    int query = start + prefix;
    int queries = length - prefix;
    if (mask.window() == 0) {
      tiles.add(query, queries, start, length, -prefix, AttentionTiles.UNLIMITED);
      return;
    }
    int sinks = Math.min(mask.sinksOf(document), length);
    if (sinks > 0) {
      tiles.add(query, queries, start, sinks, -prefix, AttentionTiles.UNLIMITED);
    }
    if (sinks < length) {
      int own = sinks - prefix;
      int farthest = (int) Math.min(mask.window() - 1L + own, AttentionTiles.UNLIMITED);
      tiles.add(query, queries, start + sinks, length - sinks, own, farthest);
    }
  }

  private static void addAll(
      AttentionTiles.Builder tiles, int query, int queries, int key, int keys) {
    tiles.add(query, queries, key, keys, -AttentionTiles.UNLIMITED, AttentionTiles.UNLIMITED);
  }

  @Override
  public void backward(
      Saved saved,
      @Nullable SinkLogits sinks,
      Tensor dOut,
      Tensor dq,
      Tensor dk,
      Tensor dv,
      Workspace workspace) {
    if (saved instanceof Linear linear) {
      linearBackward(linear, dOut, dq, dk, dv, workspace);
      return;
    }
    Attended a = (Attended) saved;
    long mark = workspace.scratchMark();
    Tensor delta = workspace.scratch(DType.F32, a.q().dim(0), a.q().dim(1));
    kernels.attentionDelta(a.out(), dOut, delta);
    if (sinks != null) {
      kernels.attentionSinksBackward(sinks.values(), a.lse(), delta, sinks.gradient());
    }
    kernels.fill(dq, 0f);
    kernels.fill(dk, 0f);
    kernels.fill(dv, 0f);
    kernels.attentionBackward(
        a.q(), a.k(), a.v(), kvHeadOf, a.tiles(), a.scale(), dOut, a.lse(), delta, dq, dk, dv);
    workspace.releaseScratch(mark);
  }

  @Override
  public void sumOverRow(double[] values) {}
}
