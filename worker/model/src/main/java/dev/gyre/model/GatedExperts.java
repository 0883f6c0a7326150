package dev.gyre.model;

import dev.gyre.kernels.Kernels;
import dev.gyre.kernels.Tensor;
import dev.gyre.partitioning.model.FeedForwardSpec.MixtureOfExperts;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.model.TensorNames;
import org.jspecify.annotations.Nullable;

/**
 * The gated MLP of a rank's experts over rows sorted by expert: all rows at once, or tile by tile,
 * so that gate, up and hidden of only one tile are in memory.
 *
 * <p>Legend: R rows, n rows of a tile, d hidden size, F expert width. A tile may hold rows of
 * several experts, and an expert may have rows in several tiles. Tiles change no row's value; a
 * weight's gradient is the sum of the tiles' in order, so its last bits depend on the tile.
 */
final class GatedExperts {
  private final Ops ops;
  private final GateKernel gate;
  private final String gateUpName;
  private final String downName;
  private final @Nullable String gateUpBias;
  private final @Nullable String downBias;
  private final long experts;
  private final long hidden;
  private final long width;
  private final int tile;

  /**
   * @param firstExpert first of the rank's experts, which are consecutive
   * @param tile rows of a tile; 0 for one tile
   */
  GatedExperts(
      Ops ops,
      ModelSpec model,
      MixtureOfExperts spec,
      int layer,
      int firstExpert,
      long experts,
      int tile) {
    this.ops = ops;
    TensorNames names = new TensorNames(layer);
    this.gate = GateKernel.of(spec.activation(), ops.kernels);
    this.gateUpBias = spec.bias() ? names.expertGateBias(firstExpert) : null;
    this.downBias = spec.bias() ? names.expertDownBias(firstExpert) : null;
    this.gateUpName = names.expertGate(firstExpert);
    this.downName = names.expertDown(firstExpert);
    this.experts = experts;
    this.hidden = model.width();
    this.width = spec.width();
    this.tile = tile;
  }

  /**
   * Activations that backward needs besides the rows.
   *
   * @param gateUp compute [R,2F]
   * @param h compute [R,F]
   */
  record Activations(Tensor gateUp, Tensor h) {}

  /**
   * @param rows compute [R,d]
   * @param offsets start of each expert's rows, then R
   * @param save whether to save what backward needs; tiles save nothing
   * @param out compute [R,d], written
   * @return what was saved
   */
  @Nullable Activations forward(Tensor rows, int[] offsets, boolean save, Tensor out) {
    long count = rows.dim(0);
    if (save && tile == 0) {
      Activations saved =
          new Activations(
              ops.tape.save(ops.compute, count, 2 * width),
              ops.tape.save(ops.compute, count, width));
      activate(rows, offsets, saved);
      project(saved.h, offsets, out);
      return saved;
    }
    ops.eachTile(
        count,
        step(count),
        (from, n) -> {
          int[] part = clip(offsets, from, n);
          Activations a = scratch(n);
          activate(rows.slice(from, n), part, a);
          project(a.h, part, out.slice(from, n));
        });
    return null;
  }

  /**
   * Adds the weights' gradients.
   *
   * @param saved by {@link #forward}, or null to recompute it
   * @param gradient compute [R,d]: of out on entry, of rows on return
   */
  void backward(Tensor rows, int[] offsets, @Nullable Activations saved, Tensor gradient) {
    long count = rows.dim(0);
    ops.eachTile(
        count,
        step(count),
        (from, n) -> {
          int[] part = clip(offsets, from, n);
          Tensor in = rows.slice(from, n);
          Activations a = saved;
          if (a == null) {
            a = scratch(n);
            activate(in, part, a);
          }
          backwardTile(in, part, a, gradient.slice(from, n));
        });
  }

  private void backwardTile(Tensor rows, int[] offsets, Activations a, Tensor gradient) {
    Kernels kernels = ops.kernels;
    Tensor dH = ops.workspace.scratch(ops.compute, rows.dim(0), width);
    kernels.groupedLinearBackwardInput(gradient, down(), offsets, dH);
    kernels.groupedLinearBackwardWeight(
        gradient, a.h, offsets, ops.store.gradient(downName, experts, hidden, width));
    Tensor dGateUp = ops.workspace.scratch(ops.compute, rows.dim(0), 2 * width);
    gate.backward(dH, a.gateUp, dGateUp);
    addBiasGradients(gradient, offsets, downBias, hidden);
    addBiasGradients(dGateUp, offsets, gateUpBias, 2 * width);
    kernels.groupedLinearBackwardWeight(
        dGateUp, rows, offsets, ops.store.gradient(gateUpName, experts, 2 * width, hidden));
    // The result's gradient is not needed any more; the rows' gradient overwrites it.
    kernels.groupedLinearBackwardInput(dGateUp, gateUp(), offsets, gradient);
  }

  private Activations scratch(long rows) {
    return new Activations(
        ops.workspace.scratch(ops.compute, rows, 2 * width),
        ops.workspace.scratch(ops.compute, rows, width));
  }

  private void activate(Tensor rows, int[] offsets, Activations a) {
    ops.kernels.groupedLinear(rows, gateUp(), offsets, a.gateUp);
    addBiases(a.gateUp, offsets, gateUpBias, 2 * width);
    gate.forward(a.gateUp, a.h);
  }

  private void project(Tensor h, int[] offsets, Tensor out) {
    ops.kernels.groupedLinear(h, down(), offsets, out);
    addBiases(out, offsets, downBias, hidden);
  }

  private void addBiases(Tensor rows, int[] offsets, @Nullable String name, long size) {
    if (name != null) {
      Tensor biases = ops.store.weight(name, experts, size);
      for (int e = 0; e < experts; e++) {
        int count = offsets[e + 1] - offsets[e];
        if (count > 0) {
          ops.kernels.addBias(rows.slice(offsets[e], count), biases.get(e));
        }
      }
    }
  }

  private void addBiasGradients(Tensor rows, int[] offsets, @Nullable String name, long size) {
    if (name != null) {
      Tensor gradients = ops.store.gradient(name, experts, size);
      for (int e = 0; e < experts; e++) {
        int count = offsets[e + 1] - offsets[e];
        if (count > 0) {
          ops.kernels.addBiasBackward(rows.slice(offsets[e], count), gradients.get(e));
        }
      }
    }
  }

  private long step(long count) {
    return tile == 0 ? count : tile;
  }

  /** The offsets inside rows {@code [from, from + count)}. */
  static int[] clip(int[] offsets, long from, long count) {
    int[] part = new int[offsets.length];
    for (int e = 0; e < part.length; e++) {
      part[e] = (int) Math.clamp(offsets[e] - from, 0, count);
    }
    return part;
  }

  private Tensor gateUp() {
    return ops.store.weight(gateUpName, experts, 2 * width, hidden);
  }

  private Tensor down() {
    return ops.store.weight(downName, experts, hidden, width);
  }
}
