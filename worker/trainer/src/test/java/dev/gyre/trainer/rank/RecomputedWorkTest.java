package dev.gyre.trainer.rank;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gyre.comms.Transport;
import dev.gyre.comms.loopback.LoopbackNetwork.Options;
import dev.gyre.kernels.Backend;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.KernelCall;
import dev.gyre.kernels.scalar.ScalarBackendProvider;
import dev.gyre.model.Execution;
import dev.gyre.model.Objective;
import dev.gyre.model.Observer;
import dev.gyre.model.tape.Checkpointing;
import dev.gyre.partitioning.layout.Documents;
import dev.gyre.partitioning.mesh.Mesh;
import dev.gyre.partitioning.model.AttentionPattern;
import dev.gyre.partitioning.model.Decoder;
import dev.gyre.partitioning.model.EmbeddingSpec;
import dev.gyre.partitioning.model.HeadShape;
import dev.gyre.partitioning.model.ModelSpec;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** A recomputed block does a second time only what its backward pass reads. */
final class RecomputedWorkTest {
  private static final int TOKENS = 64;
  private static final int LAYERS = 3;

  /** A dense layer, and two with experts. */
  private static final ModelSpec MODEL =
      new Decoder(new EmbeddingSpec(16, 24), LAYERS, new HeadShape(4, 2, 8))
          .mlp(12)
          .experts(4, 2)
          .attention(new AttentionPattern(List.of(), 0))
          .mlpOnly(List.of(1))
          .spec();

  private static final int DENSE = 1;
  private static final int MOE = 2;

  /** One step of rank 0. */
  private record Done(Map<String, Integer> calls, Map<String, Long> sent, double squaredNorm) {
    int callsMore(Done than, String kernel) {
      return calls.getOrDefault(kernel, 0) - than.calls.getOrDefault(kernel, 0);
    }
  }

  private static Done step(Mesh mesh, Checkpointing keep) {
    RankSpec spec =
        RankSpec.of(
            MODEL,
            mesh,
            Objective.of(0.01, 0.001),
            new Execution(DType.F32, keep, 16),
            TOKENS,
            8 << 20);
    try (LocalNetwork network = LocalNetwork.loopback(mesh.workers(), Options.plain())) {
      return RankThreads.run(mesh.workers(), network, t -> step(t, spec)).getFirst();
    }
  }

  private static Done step(Transport transport, RankSpec spec) {
    Map<String, Integer> calls = new TreeMap<>();
    try (Backend scalar = new ScalarBackendProvider().open(1);
        TrainingRank rank = TrainingRank.open(transport, counting(scalar, calls), spec)) {
      rank.parameters().initialise(5);
      rank.parameters().zeroGradients();
      calls.clear();
      try (PreparedRow row =
          rank.prepare(
              rank.layOut(new Documents(TOKENS)),
              (run, ids, labels) -> {
                for (int i = 0; i < run.length(); i++) {
                  int token = (run.start() + i) * 7 % MODEL.vocabulary();
                  ids.setAtIndex(ValueLayout.JAVA_INT, i, token);
                }
                MemorySegment.copy(ids, 0, labels, 0, ids.byteSize());
              },
              new BatchTotals(TOKENS, TOKENS, 1))) {
        row.forwardBackward(Observer.NONE);
      }
      Map<String, Integer> inStep = new TreeMap<>(calls);
      Map<String, Long> sent = transport.counters().bytesSent();
      rank.parameters().reduceGradients();
      return new Done(inStep, sent, rank.parameters().squaredNorm());
    }
  }

  private static Backend counting(Backend inner, Map<String, Integer> calls) {
    return inner.withKernels(
        KernelCall.receivedBy(
            call -> {
              calls.merge(call.kernel(), 1, Integer::sum);
              call.on(inner.kernels());
            }));
  }

  /** The exchange keeps copies of q, k and v, so backward does not read the projections. */
  @Test
  void withUlyssesAttentionSavingProjectsNothingAgain() {
    Mesh ulysses = new Mesh(1, 1, 2, 2);
    Done once = step(ulysses, Checkpointing.NONE);
    Done saving = step(ulysses, Checkpointing.ATTENTION_SAVING);
    assertEquals(DENSE, saving.callsMore(once, "linear"), "gate and up of the dense layer");
    assertEquals(0, saving.callsMore(once, "rope"));
    assertEquals(once.squaredNorm, saving.squaredNorm);
    assertEquals(once.sent.get("all-to-all"), saving.sent.get("all-to-all"));
  }

  @Test
  void withoutUlyssesBackwardReadsTheProjections() {
    for (Mesh mesh : List.of(new Mesh(1, 2, 1, 2), new Mesh(1, 1, 1, 1))) {
      Done once = step(mesh, Checkpointing.NONE);
      Done saving = step(mesh, Checkpointing.ATTENTION_SAVING);
      assertEquals(DENSE + 3 * LAYERS, saving.callsMore(once, "linear"), mesh.toString());
      assertEquals(2 * LAYERS, saving.callsMore(once, "rope"), mesh.toString());
      assertEquals(once.squaredNorm, saving.squaredNorm, mesh.toString());
    }
  }

  @Test
  void fullRunsAttentionAgainWithAllThatLeadsToIt() {
    Mesh ulysses = new Mesh(1, 1, 2, 2);
    Done once = step(ulysses, Checkpointing.NONE);
    Done full = step(ulysses, Checkpointing.ALL);
    assertEquals(DENSE + 3 * LAYERS, full.callsMore(once, "linear"));
    assertEquals(LAYERS, full.callsMore(once, "attention"));
    assertEquals(once.squaredNorm, full.squaredNorm);
  }

  /**
   * Experts' outputs are needed again: the gradient of a router's weight is their product with the
   * residual's gradient. The sum onto the residual is not needed.
   */
  @Test
  void expertsMakeTheirOutputsAgainAndNoMore() {
    Mesh mesh = new Mesh(1, 1, 2, 2);
    Done once = step(mesh, Checkpointing.NONE);
    for (Checkpointing keep : List.of(Checkpointing.ATTENTION_SAVING, Checkpointing.ALL)) {
      Done again = step(mesh, keep);
      assertEquals(2 * MOE, again.callsMore(once, "groupedLinear"), keep.toString());
      assertEquals(0, again.callsMore(once, "combineRows"), keep.toString());
      assertEquals(0, again.callsMore(once, "routeTopK"), keep.toString());
      for (String kind : List.of("dispatch", "combine")) {
        long twice = once.sent.get(kind);
        assertEquals(3 * twice / 2, again.sent.get(kind), keep + " " + kind);
      }
    }
  }
}
