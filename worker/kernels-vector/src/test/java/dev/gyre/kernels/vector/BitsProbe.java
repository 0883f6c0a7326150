package dev.gyre.kernels.vector;

import static dev.gyre.kernels.AttentionTiles.UNLIMITED;

import dev.gyre.kernels.AttentionTiles;
import dev.gyre.kernels.Backend;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Kernels;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.Tensors;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.Random;

/**
 * Runs kernels on fixed inputs and prints a line per kernel with hashes of its results' bits.
 * Started in new JVMs by {@link SameBitsTest}.
 */
final class BitsProbe {
  private static final int[] ONE_HEAD = {0};

  private BitsProbe() {}

  /** The argument says how often to run everything; the last run is printed. */
  public static void main(String[] arguments) {
    int runs = Integer.parseInt(arguments[0]);
    StringBuilder lines = new StringBuilder();
    try (Backend backend = new VectorBackendProvider().open(1)) {
      for (int run = 0; run < runs; run++) {
        lines.setLength(0);
        try (Arena arena = Arena.ofConfined()) {
          new Run(backend.kernels(), arena, lines).all();
        }
      }
    }
    System.out.print(lines);
  }

  private record Run(Kernels kernels, Arena arena, StringBuilder lines, Random random) {
    Run(Kernels kernels, Arena arena, StringBuilder lines) {
      this(kernels, arena, lines, new Random(3));
    }

    void all() {
      sums();
      rows();
      products();
      attention(DType.F32);
      attention(DType.BF16);
      optimizer();
    }

    private Tensor normal(DType dtype, long... dims) {
      float[] values = new float[(int) new Tensor(0, dtype, dims).elements()];
      for (int i = 0; i < values.length; i++) {
        values[i] = (float) random.nextGaussian() * 3;
      }
      return Tensors.of(arena, dtype, values, dims);
    }

    private void print(String kernel, Tensor... results) {
      lines.append(kernel);
      for (Tensor t : results) {
        lines.append(' ').append(Arrays.hashCode(Tensors.toDoubles(t)));
      }
      lines.append('\n');
    }

    private void sums() {
      Tensor x = normal(DType.F32, 77);
      Tensor squares = Tensors.zeros(arena, DType.F64, 1);
      kernels.sumSquares(x, squares);
      print("sumSquares", squares);
      Tensor logits = normal(DType.F32, 2, 77);
      Tensor losses = Tensors.zeros(arena, DType.F32, 2);
      kernels.crossEntropy(logits, Tensors.ofInts(arena, new int[] {3, 76}, 2), 0.1f, losses);
      print("crossEntropy", losses, logits);
    }

    private void rows() {
      Tensor x = normal(DType.BF16, 2, 53);
      Tensor y = Tensors.zeros(arena, DType.BF16, 2, 53);
      Tensor rstd = Tensors.zeros(arena, DType.F32, 2);
      Tensor weight = normal(DType.F32, 53);
      kernels.rmsNorm(x, weight, 1e-5f, y, rstd);
      Tensor dx = Tensors.zeros(arena, DType.F32, 2, 53);
      Tensor dweight = Tensors.zeros(arena, DType.F32, 53);
      kernels.rmsNormBackward(y, x, weight, rstd, dx, dweight);
      print("rmsNorm", y, rstd, dx, dweight);
      Tensor gateUp = normal(DType.F32, 2, 74);
      Tensor h = Tensors.zeros(arena, DType.F32, 2, 37);
      Tensor dGateUp = Tensors.zeros(arena, DType.F32, 2, 74);
      kernels.swiglu(gateUp, h);
      kernels.swigluBackward(h, gateUp, dGateUp);
      print("swiglu", h, dGateUp);
      Tensor halves = normal(DType.BF16, 2, 74);
      Tensor h16 = Tensors.zeros(arena, DType.BF16, 2, 37);
      Tensor dHalves = Tensors.zeros(arena, DType.BF16, 2, 74);
      kernels.swiglu(halves, h16);
      kernels.swigluBackward(h16, halves, dHalves);
      Tensor positions = Tensors.ofInts(arena, new int[] {3, 70000}, 2);
      double[] frequencies = new double[21];
      for (int i = 0; i < 21; i++) {
        frequencies[i] = StrictMath.pow(10000, -i / 21.0);
      }
      Tensor table = Tensors.zeros(arena, DType.F32, 2, 2, 21);
      kernels.ropeTable(positions, frequencies, 1, table);
      Tensor heads = normal(DType.BF16, 2, 1, 42);
      kernels.rope(heads, table, false);
      print("bf16 rows", h16, dHalves, table, heads);
      for (DType dtype : new DType[] {DType.F32, DType.BF16}) {
        biasesAndClamps(dtype);
      }
    }

    private void biasesAndClamps(DType dtype) {
      Tensor x = normal(dtype, 2, 74);
      kernels.addBias(x, normal(DType.F32, 74));
      Tensor dbias = Tensors.zeros(arena, DType.F32, 74);
      kernels.addBiasBackward(x, dbias);
      Tensor clamped = Tensors.zeros(arena, dtype, 2, 74);
      Tensor dx = Tensors.zeros(arena, dtype, 2, 74);
      kernels.clamp(x, 2, clamped);
      kernels.clampBackward(clamped, x, 2, dx);
      Tensor h = Tensors.zeros(arena, dtype, 2, 37);
      Tensor dGateUp = Tensors.zeros(arena, dtype, 2, 74);
      kernels.swigluClamped(x, 1.702f, 2, h);
      kernels.swigluClampedBackward(h, x, 1.702f, 2, dGateUp);
      print("biases and clamps " + dtype, x, dbias, clamped, dx, h, dGateUp);
      Tensor sum = Tensors.zeros(arena, DType.F32, 2, 41);
      kernels.copyColumns(x, 3, sum, 2, 38, true);
      Tensor sinks = normal(DType.F32, 37);
      Tensor lse = normal(DType.F32, 2, 37);
      Tensor out = normal(DType.F32, 2, 37, 19);
      Tensor dsinks = Tensors.zeros(arena, DType.F32, 37);
      kernels.attentionSinks(sinks, out, lse);
      kernels.attentionSinksBackward(sinks, lse, lse, dsinks);
      print("columns and sinks " + dtype, sum, out, lse, dsinks);
    }

    private void products() {
      Tensor x = normal(DType.F32, 7, 41);
      Tensor w = normal(DType.F32, 35, 41);
      Tensor y = Tensors.zeros(arena, DType.F32, 7, 35);
      kernels.linear(x, w, y, false);
      Tensor dw = Tensors.zeros(arena, DType.F32, 35, 41);
      kernels.linearBackwardWeight(y, x, dw);
      print("linear", y, dw);
      Tensor logits = normal(DType.F32, 3, 19);
      Tensor probs = Tensors.zeros(arena, DType.F32, 3, 19);
      Tensor lse = Tensors.zeros(arena, DType.F32, 3);
      Tensor indices = Tensors.ofInts(arena, new int[6], 3, 2);
      Tensor weights = Tensors.zeros(arena, DType.F32, 3, 2);
      kernels.routeTopK(logits, true, probs, lse, indices, weights);
      print("routeTopK", probs, lse, weights);
      kernels.routeGroups(logits, normal(DType.F32, 19), 1, 1, true, 2.5f, probs, indices, weights);
      Tensor dLogits = Tensors.zeros(arena, DType.F32, 3, 19);
      kernels.routeGroupsBackward(probs, indices, true, 2.5f, weights, dLogits);
      print("routeGroups", probs, weights, dLogits);
    }

    private void attention(DType dtype) {
      int n = 21;
      Tensor q = normal(dtype, n, 1, 16);
      Tensor k = normal(dtype, n, 1, 16);
      Tensor v = normal(dtype, n, 1, 16);
      Tensor out = Tensors.zeros(arena, DType.F32, n, 1, 16);
      Tensor lse = Tensors.zeros(arena, DType.F32, n, 1);
      kernels.fill(lse, Float.NEGATIVE_INFINITY);
      AttentionTiles tiles = new AttentionTiles.Builder().add(0, n, 0, n, 0, UNLIMITED).build();
      kernels.attention(q, k, v, ONE_HEAD, tiles, 0.25f, out, lse);
      kernels.attention(q, k, v, ONE_HEAD, tiles, 0.25f, out, lse);
      print("attention " + dtype, out, lse);
      Tensor delta = Tensors.zeros(arena, DType.F32, n, 1);
      kernels.attentionDelta(out, v, delta);
      Tensor dq = Tensors.zeros(arena, DType.F32, n, 1, 16);
      Tensor dk = Tensors.zeros(arena, DType.F32, n, 1, 16);
      Tensor dv = Tensors.zeros(arena, DType.F32, n, 1, 16);
      kernels.attentionBackward(q, k, v, ONE_HEAD, tiles, 0.25f, v, lse, delta, dq, dk, dv);
      print("attentionBackward " + dtype, dq, dk, dv);
    }

    private void optimizer() {
      Tensor w = normal(DType.F32, 37);
      Tensor m = normal(DType.F32, 37);
      Tensor v = Tensors.zeros(arena, DType.F32, 37);
      kernels.adamW(w, m, v, normal(DType.F32, 37), 1, 0.01f, 0.9f, 0.95f, 1e-8f, 0.1f, 2);
      print("adamW", w, m, v);
    }
  }
}
