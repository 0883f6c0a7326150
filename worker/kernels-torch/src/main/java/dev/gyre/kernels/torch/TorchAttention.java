package dev.gyre.kernels.torch;

import dev.gyre.kernels.AttentionTiles;
import dev.gyre.kernels.Tensor;
import java.util.List;
import org.bytedeco.pytorch.Function;

/** Attention, one call of the library for each part of a tile and each run of heads. */
final class TorchAttention {
  private final TorchCall.Wrapping wrapping;
  private final Function flash;
  private final Function flashBackward;
  private final Function band;
  private final Function bandBackward;

  TorchAttention(Functions functions, TorchCall.Wrapping wrapping) {
    this.wrapping = wrapping;
    this.flash = functions.get("attention_flash");
    this.flashBackward = functions.get("attention_flash_backward");
    this.band = functions.get("attention_band");
    this.bandBackward = functions.get("attention_band_backward");
  }

  /** What both directions read. */
  record Inputs(Tensor q, Tensor k, Tensor v, int[] kvHeadOf, AttentionTiles tiles, float scale) {}

  void forward(Inputs in, Tensor out, Tensor lse) {
    walk(in, flash, band, out, lse);
  }

  /**
   * @param rest dOut, lse, delta, dq, dk, dv
   */
  void backward(Inputs in, Tensor... rest) {
    walk(in, flashBackward, bandBackward, rest);
  }

  private void walk(Inputs in, Function onFlash, Function onBand, Tensor... rest) {
    List<int[]> runs = HeadGroups.of(in.kvHeadOf);
    Caller caller = new Caller(in, runs, onFlash, onBand, rest);
    if (in.q.dim(2) > 0) {
      for (int tile = 0; tile < in.tiles.count(); tile++) {
        TileParts.cut(in.tiles, tile, caller);
      }
    }
  }

  private final class Caller implements TileParts.Parts {
    private final Inputs in;
    private final List<int[]> runs;
    private final Function onFlash;
    private final Function onBand;
    private final Tensor[] rest;

    Caller(Inputs in, List<int[]> runs, Function onFlash, Function onBand, Tensor[] rest) {
      this.in = in;
      this.runs = runs;
      this.onFlash = onFlash;
      this.onBand = onBand;
      this.rest = rest;
    }

    @Override
    public void flash(int query, int queries, int key, int keys, boolean causal) {
      for (int[] run : runs) {
        try (TorchCall call = started(new int[] {query, queries, key, keys}, run)) {
          finish(call.flag(causal), onFlash);
        }
      }
    }

    @Override
    public void band(int query, int queries, int key, int keys, int corner, int least, int most) {
      for (int[] run : runs) {
        try (TorchCall call = started(new int[] {query, queries, key, keys}, run)) {
          finish(call.ints(new int[] {corner, least, most}), onBand);
        }
      }
    }

    private TorchCall started(int[] place, int[] run) {
      return new TorchCall(wrapping).tensor(in.q).tensor(in.k).tensor(in.v).ints(place).ints(run);
    }

    private void finish(TorchCall call, Function function) {
      call.real(in.scale);
      for (Tensor t : rest) {
        call.tensor(t);
      }
      call.run(function);
    }
  }
}
