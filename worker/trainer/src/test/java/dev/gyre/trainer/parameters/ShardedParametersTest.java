package dev.gyre.trainer.parameters;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.comms.Transport;
import dev.gyre.comms.loopback.LoopbackNetwork.Options;
import dev.gyre.kernels.Backend;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.Tensors;
import dev.gyre.kernels.scalar.ScalarBackendProvider;
import dev.gyre.partitioning.job.TrainSpec;
import dev.gyre.partitioning.mesh.Axis;
import dev.gyre.partitioning.mesh.EvenCut;
import dev.gyre.partitioning.mesh.Mesh;
import dev.gyre.partitioning.model.Decoder;
import dev.gyre.partitioning.model.EmbeddingSpec;
import dev.gyre.partitioning.model.HeadShape;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.model.TensorNames;
import dev.gyre.partitioning.model.TensorSpec;
import dev.gyre.trainer.rank.LocalNetwork;
import dev.gyre.trainer.rank.RankThreads;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.Test;

/** Weights and optimizer state over any number of ranks equal those of one rank. */
final class ShardedParametersTest {
  private static final ModelSpec MODEL =
      new Decoder(new EmbeddingSpec(11, 6), 2, new HeadShape(2, 1, 4))
          .mlp(5)
          .experts(5, 2)
          .mlpOnly(List.of(1))
          .initializerRange(0.02)
          .spec();
  private static final TrainSpec.Optimizer ADAM =
      TrainSpec.Optimizer.constant(1e-2).with("eps", 1e-6);
  private static final Mesh ONE = new Mesh(1, 1, 1, 1);
  private static final List<Mesh> MESHES =
      List.of(
          new Mesh(1, 2, 1, 1),
          new Mesh(1, 1, 3, 3),
          new Mesh(2, 2, 1, 2),
          new Mesh(2, 1, 2, 4),
          new Mesh(5, 1, 1, 5));

  /** What all ranks own together, by name. */
  private record State(
      Map<String, float[]> master,
      Map<String, float[]> m,
      Map<String, float[]> v,
      Map<String, float[]> gradient) {
    State() {
      this(empty(), empty(), empty(), empty());
    }

    private static Map<String, float[]> empty() {
      Map<String, float[]> map = new ConcurrentHashMap<>();
      for (TensorSpec spec : MODEL.tensors()) {
        float[] values = new float[(int) spec.elements()];
        Arrays.fill(values, Float.NaN);
        map.put(spec.name(), values);
      }
      return map;
    }

    void collect(List<OwnedSlice> slices) {
      for (OwnedSlice s : slices) {
        float[][] all = of(s.spec().name());
        var segments = List.of(s.master(), s.firstMoment(), s.secondMoment(), s.gradient());
        for (int i = 0; i < all.length; i++) {
          float[] values = segments.get(i).toArray(ValueLayout.JAVA_FLOAT);
          float[] whole = all[i];
          assertEquals(s.box().elements(), values.length);
          s.box()
              .forEachRun(
                  s.spec().shape(),
                  (from, count, at) -> {
                    for (int n = 0; n < count; n++) {
                      int to = (int) from + n;
                      assertTrue(Float.isNaN(whole[to]), () -> s + " is owned twice at " + to);
                      whole[to] = values[(int) at + n];
                    }
                  });
        }
      }
    }

    float[][] of(String name) {
      return new float[][] {get(master, name), get(m, name), get(v, name), get(gradient, name)};
    }

    private static float[] get(Map<String, float[]> map, String name) {
      float[] values = map.get(name);
      if (values == null) {
        throw new IllegalArgumentException(name);
      }
      return values;
    }
  }

  private interface Body {
    void run(Transport transport, ShardedParameters parameters);
  }

  private static void run(Mesh mesh, DType dtype, Body body) {
    try (LocalNetwork network =
        LocalNetwork.loopback(mesh.workers(), Options.plain().withNeverBuffer())) {
      RankThreads.run(
          mesh.workers(),
          network,
          transport -> {
            try (Arena arena = Arena.ofShared();
                Backend backend = new ScalarBackendProvider().open(1)) {
              body.run(
                  transport, new ShardedParameters(transport, mesh, backend, MODEL, dtype, arena));
            }
            return true;
          });
    }
  }

  /** Names and shapes of what a rank holds. */
  private static List<TensorSpec> held(Mesh mesh, int rank) {
    int experts = MODEL.experts();
    int x = mesh.expertParallel();
    return MODEL.tensors(
        (int) EvenCut.start(experts, x, mesh.place(rank, Axis.EXPERT)),
        (int) EvenCut.count(experts, x, mesh.place(rank, Axis.EXPERT)));
  }

  @Test
  void initialWeightsAreTheSameOnEveryMesh() {
    for (DType dtype : List.of(DType.F32, DType.BF16)) {
      Map<String, float[]> want = new TreeMap<>();
      run(
          ONE,
          dtype,
          (_, parameters) -> {
            parameters.initialise(42);
            for (TensorSpec spec : held(ONE, 0)) {
              want.put(spec.name(), values(parameters.weight(spec.name(), spec.shape())));
            }
          });
      for (Mesh mesh : MESHES) {
        run(
            mesh,
            dtype,
            (transport, parameters) -> {
              parameters.initialise(42);
              for (TensorSpec spec : held(mesh, transport.rank())) {
                assertArrayEquals(
                    want.get(spec.name()),
                    values(parameters.weight(spec.name(), spec.shape())),
                    spec.name());
              }
            });
      }
      assertEquals(MODEL.tensors().size(), want.size());
    }
  }

  /**
   * Gradients are whole numbers, so that their sums over ranks are exact in any order; then every
   * step must give exactly the bits of one rank.
   */
  @Test
  void stepsEqualThoseOfOneRank() {
    for (DType dtype : List.of(DType.F32, DType.BF16)) {
      State want = steps(ONE, dtype, 6);
      for (Mesh mesh : MESHES) {
        assertSame(mesh + " " + dtype, want, steps(mesh, dtype, 6));
      }
    }
  }

  private static State steps(Mesh mesh, DType dtype, int count) {
    State state = new State();
    run(
        mesh,
        dtype,
        (transport, parameters) -> {
          parameters.initialise(7);
          for (int step = 1; step <= count; step++) {
            gradients(parameters, mesh, transport.rank(), step);
            parameters.reduceGradients();
            assertEquals(norm(step), parameters.squaredNorm());
            parameters.step(ADAM, ADAM.lr(), 0.5, step);
          }
          state.collect(parameters.ownedSlices());
        });
    return state;
  }

  /**
   * Element i of a tensor has the global gradient (i + step) mod 7 − 3; each comes from one rank.
   */
  private static void gradients(ShardedParameters parameters, Mesh mesh, int rank, int step) {
    parameters.zeroGradients();
    for (TensorSpec spec : held(mesh, rank)) {
      int[] holders = spec.isExpert() ? mesh.group(rank, Axis.EXPERT_REPLICA) : mesh.everyone();
      Tensor gradient = parameters.gradient(spec.name(), spec.shape());
      for (int i = 0; i < spec.elements(); i++) {
        float whole = gradientOf(i, step);
        boolean first = holders[0] == rank;
        float share = first ? whole - 2 * (holders.length - 1) : 2;
        gradient.segment().setAtIndex(ValueLayout.JAVA_FLOAT, i, share);
      }
    }
  }

  private static float gradientOf(int element, int step) {
    return (element + step) % 7 - 3;
  }

  private static double norm(int step) {
    double sum = 0;
    for (TensorSpec spec : MODEL.tensors()) {
      for (int i = 0; i < spec.elements(); i++) {
        sum += gradientOf(i, step) * gradientOf(i, step);
      }
    }
    return sum;
  }

  @Test
  void stateMovesToAnotherMesh() {
    State want = steps(ONE, DType.BF16, 5);
    State before = steps(new Mesh(2, 2, 1, 2), DType.BF16, 4);
    State after = new State();
    Mesh mesh = new Mesh(1, 1, 3, 3);
    run(
        mesh,
        DType.BF16,
        (transport, parameters) -> {
          for (OwnedSlice s : parameters.ownedSlices()) {
            float[][] from = before.of(s.spec().name());
            var into = List.of(s.master(), s.firstMoment(), s.secondMoment());
            for (int i = 0; i < into.size(); i++) {
              MemorySegment to = into.get(i);
              float[] whole = from[i];
              s.box()
                  .forEachRun(
                      s.spec().shape(),
                      (first, count, at) ->
                          MemorySegment.copy(
                              whole,
                              (int) first,
                              to,
                              ValueLayout.JAVA_FLOAT,
                              at * Float.BYTES,
                              (int) count));
            }
          }
          parameters.publishWeights();
          gradients(parameters, mesh, transport.rank(), 5);
          parameters.reduceGradients();
          parameters.step(ADAM, ADAM.lr(), 0.5, 5);
          after.collect(parameters.ownedSlices());
        });
    assertSame("moved", want, after);
  }

  @Test
  void neighboursAreOneView() {
    run(
        new Mesh(1, 2, 1, 2),
        DType.F32,
        (transport, parameters) -> {
          parameters.initialise(3);
          int first = transport.rank() == 0 ? 0 : 3;
          int count = transport.rank() == 0 ? 3 : 2;
          TensorNames names = new TensorNames(0);
          float[] pairs = values(parameters.weight(names.expertGate(first), count, 10, 6));
          for (int e = 0; e < count; e++) {
            assertArrayEquals(
                Arrays.copyOfRange(pairs, e * 60 + 30, e * 60 + 60),
                values(parameters.weight(names.expertUp(first + e), 5, 6)));
          }
          assertThrows(
              IllegalArgumentException.class,
              () -> parameters.weight(names.expertGate(first), 1, 7, 6));
          assertThrows(
              IllegalArgumentException.class,
              () -> parameters.weight(names.expertGate(transport.rank() == 0 ? 3 : 0), 5, 6));
        });
  }

  private static float[] values(Tensor t) {
    return Tensors.toFloats(t);
  }

  private static void assertSame(String what, State want, State got) {
    for (TensorSpec spec : MODEL.tensors()) {
      float[][] a = want.of(spec.name());
      float[][] b = got.of(spec.name());
      for (int i = 0; i < a.length; i++) {
        assertArrayEquals(a[i], b[i], what + " " + spec.name() + " part " + i);
      }
    }
  }
}
