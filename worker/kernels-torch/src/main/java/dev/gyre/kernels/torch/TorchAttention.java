package dev.gyre.kernels.torch;

import dev.gyre.kernels.AttentionKernels;
import dev.gyre.kernels.AttentionTiles;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Tensor;
import java.util.List;
import java.util.function.Consumer;
import org.bytedeco.pytorch.Function;

/** Attention, with one libtorch call for each part of a tile and each run of heads. */
final class TorchAttention implements AttentionKernels {
  /** What a device's flash-attention operator supports; other calls are computed block by block. */
  interface Flashes {
    boolean take(DType dtype, long headSize);

    /** The CPU's operator supports everything, as f32. */
    Flashes ON_CPU = (_, _) -> true;

    /**
     * The GPU's operator supports 16-bit types and head sizes that are multiples of 8 and fit in
     * shared memory.
     */
    Flashes ON_GPU = (dtype, size) -> dtype == DType.BF16 && size % 8 == 0 && size <= 256;
  }

  private final TorchCall.Wrapping wrapping;
  private final Flashes flashes;
  private final Function flash;
  private final Function flashBackward;
  private final Function band;
  private final Function bandBackward;
  private final Function merge;
  private final Function sinks;
  private final Function sinksBackward;
  private final Function delta;

  TorchAttention(Functions functions, TorchCall.Wrapping wrapping, Flashes flashes) {
    this.wrapping = wrapping;
    this.flashes = flashes;
    this.flash = functions.get("attention_flash");
    this.flashBackward = functions.get("attention_flash_backward");
    this.band = functions.get("attention_band");
    this.bandBackward = functions.get("attention_band_backward");
    this.merge = functions.get("attention_merge");
    this.sinks = functions.get("attention_sinks");
    this.sinksBackward = functions.get("attention_sinks_backward");
    this.delta = functions.get("attention_delta");
  }

  /** Inputs of forward and backward. */
  private record Inputs(
      Tensor q, Tensor k, Tensor v, int[] kvHeadOf, AttentionTiles tiles, float scale) {}

  @Override
  public void attention(
      Tensor q,
      Tensor k,
      Tensor v,
      int[] kvHeadOf,
      AttentionTiles tiles,
      float scale,
      Tensor out,
      Tensor lse) {
    walk(
        new Inputs(q, k, v, kvHeadOf, tiles, scale),
        call -> call.update(out).update(lse).run(flash),
        call -> call.update(out).update(lse).run(band));
  }

  /** Final lse and delta; dq, dk and dv are accumulated into. */
  private record Gradients(Tensor dOut, Tensor lse, Tensor delta, Tensor dq, Tensor dk, Tensor dv) {
    private TorchCall onto(TorchCall call) {
      return call.read(dOut).read(lse).read(delta).update(dq).update(dk).update(dv);
    }
  }

  @Override
  public void attentionBackward(
      Tensor q,
      Tensor k,
      Tensor v,
      int[] kvHeadOf,
      AttentionTiles tiles,
      float scale,
      Tensor dOut,
      Tensor lse,
      Tensor delta,
      Tensor dq,
      Tensor dk,
      Tensor dv) {
    Gradients of = new Gradients(dOut, lse, delta, dq, dk, dv);
    walk(
        new Inputs(q, k, v, kvHeadOf, tiles, scale),
        call -> of.onto(call).undefined().run(flashBackward),
        call -> of.onto(call).run(bandBackward));
  }

  @Override
  public void attentionMerge(Tensor outB, Tensor lseB, Tensor out, Tensor lse) {
    try (TorchCall call = new TorchCall(wrapping)) {
      call.read(outB).read(lseB).update(out).update(lse).run(merge);
    }
  }

  @Override
  public void attentionSinks(Tensor sinks, Tensor out, Tensor lse) {
    try (TorchCall call = new TorchCall(wrapping)) {
      call.read(sinks).update(out).update(lse).run(this.sinks);
    }
  }

  @Override
  public void attentionSinksBackward(Tensor sinks, Tensor lse, Tensor delta, Tensor dsinks) {
    try (TorchCall call = new TorchCall(wrapping)) {
      call.read(sinks).read(lse).read(delta).update(dsinks).run(sinksBackward);
    }
  }

  @Override
  public void attentionDelta(Tensor out, Tensor dOut, Tensor delta) {
    try (TorchCall call = new TorchCall(wrapping)) {
      call.read(out).read(dOut).overwrite(delta).run(this.delta);
    }
  }

  private void walk(Inputs in, Consumer<TorchCall> onFlash, Consumer<TorchCall> onBand) {
    if (in.q.dim(2) > 0) {
      Caller caller = new Caller(in, HeadGroups.of(in.kvHeadOf), onFlash, onBand);
      for (int tile = 0; tile < in.tiles.count(); tile++) {
        TileParts.cut(in.tiles, tile, caller);
      }
    }
  }

  /**
   * Creates a call for each part and run of heads; forward or backward adds its arguments and runs
   * it.
   */
  private final class Caller implements TileParts.Parts {
    private final Inputs in;
    private final List<int[]> runs;
    private final Consumer<TorchCall> onFlash;
    private final Consumer<TorchCall> onBand;

    Caller(Inputs in, List<int[]> runs, Consumer<TorchCall> onFlash, Consumer<TorchCall> onBand) {
      this.in = in;
      this.runs = runs;
      this.onFlash = onFlash;
      this.onBand = onBand;
    }

    @Override
    public void flash(int query, int queries, int key, int keys, boolean causal) {
      if (!flashes.take(in.q.dtype(), in.q.dim(2))) {
        long least = causal ? 0 : -AttentionTiles.UNLIMITED;
        TileParts.blocks(query, queries, key, keys, least, AttentionTiles.UNLIMITED, this);
        return;
      }
      for (int[] run : runs) {
        try (TorchCall call = started(new int[] {query, queries, key, keys}, run)) {
          onFlash.accept(call.flag(causal).real(in.scale));
        }
      }
    }

    @Override
    public void band(int query, int queries, int key, int keys, int corner, int least, int most) {
      for (int[] run : runs) {
        try (TorchCall call = started(new int[] {query, queries, key, keys}, run)) {
          onBand.accept(call.ints(new int[] {corner, least, most}).real(in.scale));
        }
      }
    }

    private TorchCall started(int[] place, int[] run) {
      return new TorchCall(wrapping).read(in.q).read(in.k).read(in.v).ints(place).ints(run);
    }
  }
}
