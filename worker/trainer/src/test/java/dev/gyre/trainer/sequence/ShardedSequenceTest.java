package dev.gyre.trainer.sequence;

import static dev.gyre.trainer.sequence.AttentionCheck.NEVER_BUFFER;
import static dev.gyre.trainer.sequence.AttentionCheck.check;
import static dev.gyre.trainer.sequence.AttentionCheck.workspace;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.comms.loopback.LoopbackNetwork;
import dev.gyre.comms.loopback.LoopbackNetwork.Options;
import dev.gyre.kernels.Backend;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.Tensors;
import dev.gyre.kernels.Workspace;
import dev.gyre.kernels.scalar.ScalarBackendProvider;
import dev.gyre.model.port.SequenceRow;
import dev.gyre.partitioning.layout.Documents;
import dev.gyre.partitioning.layout.LayoutKind;
import dev.gyre.partitioning.layout.Layouts;
import dev.gyre.partitioning.layout.SequenceLayout;
import dev.gyre.partitioning.mask.AttentionMask;
import dev.gyre.partitioning.mesh.Mesh;
import dev.gyre.partitioning.schedule.ScheduleKind;
import dev.gyre.trainer.sequence.AttentionCheck.Row;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Attention over any ranks equals attention on one, gradients included. */
final class ShardedSequenceTest {
  @Test
  void oneRank() {
    check(new Row(new Documents(40, 7, 1), 0, 4, 2, 8), 1, 1, 64);
  }

  @Test
  void ringOfCutDocuments() {
    check(new Row(new Documents(37), 0, 2, 1, 8), 2, 1, 2);
    check(new Row(new Documents(61, 30), 0, 2, 2, 8), 3, 1, 2);
    check(new Row(new Documents(50), 0, 3, 1, 4), 5, 1, 1);
  }

  @Test
  void ringOfTinyDocumentsAndEmptyRanks() {
    check(new Row(new Documents(1, 1, 2, 3, 1), 0, 2, 1, 8), 3, 1, 64);
    check(new Row(new Documents(2), 0, 2, 1, 8), 4, 1, 64);
    check(new Row(new Documents(), 0, 2, 1, 8), 2, 1, 64);
  }

  @Test
  void windows() {
    check(new Row(new Documents(45), 13, 2, 2, 8), 2, 1, 4);
    check(new Row(new Documents(20, 33), 5, 2, 1, 8), 3, 1, 2);
    check(new Row(new Documents(40), 1, 2, 1, 8), 2, 2, 2);
  }

  @Test
  void ulyssesWithHeadsThatDoNotDivide() {
    check(new Row(new Documents(23, 9), 0, 4, 2, 8), 1, 2, 64);
    check(new Row(new Documents(23, 9), 0, 4, 2, 8), 1, 3, 64); // one kv head on two ranks
    check(new Row(new Documents(31), 0, 5, 1, 8), 1, 4, 64); // one kv head on every rank
    check(new Row(new Documents(2), 0, 3, 3, 8), 1, 3, 64); // a rank without tokens
    check(new Row(new Documents(), 0, 3, 3, 8), 1, 2, 64);
  }

  @Test
  void ringTimesUlysses() {
    check(new Row(new Documents(41, 3, 22), 0, 4, 2, 8), 2, 2, 4);
    check(new Row(new Documents(41, 3, 22), 9, 6, 2, 4), 2, 4, 3);
    check(new Row(new Documents(5), 0, 4, 2, 8), 3, 2, 64);
  }

  /** The ranks' gradients of sink logits sum to one rank's, each head's once. */
  @Test
  void sinkLogitsOfHeadsThatDoNotDivide() {
    check(new Row(new Documents(23, 1, 9), 0, 4, 2, 8).withSinkLogits(), 1, 3, 64);
    check(new Row(new Documents(31), 6, 5, 1, 8).withSinkLogits().withScale(1.1), 2, 4, 2);
    check(new Row(new Documents(2), 0, 3, 3, 8).withSinkLogits(), 2, 3, 64);
    check(new Row(new Documents(), 0, 3, 3, 8).withSinkLogits(), 1, 2, 64);
  }

  @Test
  void stripedAndContiguousLayouts() {
    Row row = new Row(new Documents(29, 12), 0, 4, 2, 8);
    check(row, new Mesh(1, 3, 1, 1), LayoutKind.STRIPED, 1, DType.F32, NEVER_BUFFER);
    check(row, new Mesh(1, 2, 2, 1), LayoutKind.CONTIGUOUS, 1, DType.F32, NEVER_BUFFER);
  }

  @Test
  void bf16() {
    Row row = new Row(new Documents(41, 3, 22), 0, 4, 2, 8);
    check(row, new Mesh(1, 2, 2, 1), LayoutKind.ZIGZAG, 4, DType.BF16, NEVER_BUFFER);
  }

  @Test
  void delayedAndReorderedMessages() {
    Row row = new Row(new Documents(41, 3, 22), 0, 4, 2, 8);
    Options delayed = Options.plain().withDelay(7, 2_000_000);
    check(row, new Mesh(1, 3, 2, 1), LayoutKind.ZIGZAG, 2, DType.F32, delayed);
  }

  /**
   * The engine does not depend on the kind of schedule: these also send queries, partial outputs
   * and dQ.
   */
  @Test
  void schedulesThatAreNoRing() {
    for (ScheduleKind kind :
        List.of(OtherSchedules.KEYS_TO_QUERIES, OtherSchedules.QUERIES_TO_KEYS)) {
      for (DType dtype : List.of(DType.F32, DType.BF16)) {
        Row row = new Row(new Documents(41, 3, 22), 0, 4, 2, 8);
        check(row, new Mesh(1, 3, 1, 1), LayoutKind.ZIGZAG, 4, dtype, kind, NEVER_BUFFER);
        check(row, new Mesh(1, 2, 2, 1), LayoutKind.STRIPED, 4, dtype, kind, NEVER_BUFFER);
        Row tiny = new Row(new Documents(1, 1), 0, 2, 1, 8);
        check(tiny, new Mesh(1, 4, 1, 1), LayoutKind.ZIGZAG, 4, dtype, kind, NEVER_BUFFER);
      }
    }
  }

  @Test
  void randomRows() {
    Random random = new Random(20240611);
    for (int n = 0; n < 25; n++) {
      int[] lengths = new int[1 + random.nextInt(5)];
      for (int d = 0; d < lengths.length; d++) {
        lengths[d] = 1 + random.nextInt(d == 0 ? 50 : 12);
      }
      int kvHeads = 1 + random.nextInt(3);
      int heads = kvHeads * (1 + random.nextInt(3));
      int window = random.nextInt(3) == 0 ? 1 + random.nextInt(20) : 0;
      int ulysses = 1 + random.nextInt(Math.min(3, heads));
      int ring = 1 + random.nextInt(4);
      check(
          new Row(new Documents(lengths), window, heads, kvHeads, 4),
          ring,
          ulysses,
          1 + random.nextInt(8));
    }
  }

  @Test
  void aWindowWithoutScheduleIsRefused() {
    Row row = new Row(new Documents(8), 0, 2, 1, 4);
    try (LoopbackNetwork network = new LoopbackNetwork(1, NEVER_BUFFER);
        Arena arena = Arena.ofConfined();
        Backend backend = new ScalarBackendProvider().open(1)) {
      ShardedSequence sequence =
          new ShardedSequence(
              network.transport(0), new Mesh(1, 1, 1, 1), backend, row.model(), DType.F32);
      SequenceLayout layout =
          Layouts.of(LayoutKind.CONTIGUOUS, row.documents(), 1, 1, Layouts.DEFAULT_MIN_CHUNK);
      Workspace ws = workspace(arena, 1 << 16);
      SequenceRow opened = sequence.open(layout, Map.of(), null, ws);
      Tensor q = Tensors.zeros(arena, DType.F32, 8, 2, 4);
      Tensor k = Tensors.zeros(arena, DType.F32, 8, 1, 4);
      IllegalStateException e =
          assertThrows(
              IllegalStateException.class,
              () -> opened.attention(q, k, k, AttentionMask.window(3), 0.5f, null, q, ws));
      assertTrue(e.getMessage().contains("window 3"), e.getMessage());
    }
  }
}
