package dev.gyre.trainer.experts;

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
import dev.gyre.model.port.ExpertGroup.Round;
import dev.gyre.partitioning.mesh.Axis;
import dev.gyre.partitioning.mesh.Mesh;
import dev.gyre.trainer.rank.LocalNetwork;
import dev.gyre.trainer.rank.RankThreads;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Rows reach their experts in order and come back to their places, in one round or in many. */
final class ShardedExpertsTest {
  private static final int WIDTH = 3;

  /** Rows whose values tell where they come from: sending rank, expert, position. */
  private static float[] rows(int rank, int[] counts) {
    int total = 0;
    for (int count : counts) {
      total += count;
    }
    float[] rows = new float[total * WIDTH];
    int at = 0;
    for (int e = 0; e < counts.length; e++) {
      for (int i = 0; i < counts[e]; i++) {
        rows[at++] = rank;
        rows[at++] = e;
        rows[at++] = i;
      }
    }
    return rows;
  }

  @Test
  void oneRoundIsTheNormalCase() {
    int[][] counts = {{2, 0, 3, 1}, {1, 4, 0, 2}};
    List<Integer> rounds = run(new Mesh(1, 2, 1, 2), counts, 100);
    assertEquals(List.of(1, 1), rounds);
  }

  @Test
  void asManyRoundsAsTheFullestNeeds() {
    int[][] counts = {{9, 9, 0, 1}, {9, 9, 0, 0}};
    List<Integer> rounds = run(new Mesh(1, 2, 1, 2), counts, 10); // 36 rows on rank 0
    assertEquals(List.of(4, 4), rounds);
  }

  @Test
  void noRowsAtAll() {
    run(new Mesh(1, 1, 3, 3), new int[3][5], 4);
    run(new Mesh(1, 1, 1, 1), new int[1][5], 4);
  }

  @Test
  void expertsThatDoNotDivideOverGroupsOfADataParallelMesh() {
    run(new Mesh(2, 1, 2, 2), new int[][] {{1, 2, 3}, {0, 5, 1}, {7, 0, 0}, {2, 2, 2}}, 3);
  }

  @Test
  void randomCounts() {
    Random random = new Random(77);
    for (int n = 0; n < 20; n++) {
      int ranks = 1 + random.nextInt(4);
      int experts = ranks + random.nextInt(5);
      int[][] counts = new int[ranks][experts];
      for (int[] of : counts) {
        for (int e = 0; e < experts; e++) {
          of[e] = random.nextInt(3) == 0 ? 0 : random.nextInt(12);
        }
      }
      run(new Mesh(1, ranks, 1, ranks), counts, 1 + random.nextInt(20));
    }
  }

  @Test
  void moreRanksThanExpertsAreRefused() {
    try (LocalNetwork network = LocalNetwork.loopback(4, Options.plain());
        Arena arena = Arena.ofConfined();
        Backend backend = new ScalarBackendProvider().open(1)) {
      Transport transport = network.open(0);
      IllegalArgumentException e =
          assertThrows(
              IllegalArgumentException.class,
              () -> new ShardedExperts(transport, new Mesh(1, 4, 1, 4), backend, 3, 8, arena));
      assertTrue(e.getMessage().contains("expert-parallel 4"), e.getMessage());
    }
  }

  /** Every rank's number of rounds. */
  private static List<Integer> run(Mesh mesh, int[][] counts, int bound) {
    try (LocalNetwork network =
        LocalNetwork.loopback(mesh.workers(), Options.plain().withNeverBuffer())) {
      return RankThreads.run(
          mesh.workers(), network, transport -> rank(transport, mesh, counts, bound));
    }
  }

  private static int rank(Transport transport, Mesh mesh, int[][] counts, int bound) {
    int rank = transport.rank();
    int[] group = mesh.group(rank, Axis.EXPERT);
    try (Arena arena = Arena.ofShared();
        Backend backend = new ScalarBackendProvider().open(1)) {
      ShardedExperts experts =
          new ShardedExperts(transport, mesh, backend, counts[0].length, bound, arena);
      float[] values = rows(rank, counts[rank]);
      int total = values.length / WIDTH;
      Tensor rows = Tensors.of(arena, values, total, WIDTH);
      Tensor back = Tensors.zeros(arena, DType.F32, total, WIDTH);
      List<Round> rounds = experts.agreeOnRounds(counts[rank]);
      int[][] seen = new int[group.length][experts.localExperts()];
      for (Round round : rounds) {
        assertTrue(round.receivedRows() <= bound, () -> round.receivedRows() + " > " + bound);
        Tensor received = Tensors.zeros(arena, DType.F32, round.receivedRows(), WIDTH);
        experts.dispatch(round, rows, received);
        float[] got = Tensors.toFloats(received);
        int at = 0;
        for (int e = 0; e < experts.localExperts(); e++) {
          assertEquals(at, round.localOffsets()[e] * WIDTH);
          for (int source = 0; source < group.length; source++) {
            for (int i = 0; i < round.receiveCount()[source][e]; i++) {
              assertEquals(group[source], got[at++]);
              assertEquals(experts.firstExpert() + e, got[at++]);
              assertEquals(seen[source][e]++, got[at++]);
            }
          }
        }
        assertEquals(got.length, at);
        backend.kernels().scale(received, 2);
        experts.combine(round, received, back);
      }
      for (int source = 0; source < group.length; source++) {
        for (int e = 0; e < experts.localExperts(); e++) {
          assertEquals(counts[group[source]][experts.firstExpert() + e], seen[source][e]);
        }
      }
      for (int i = 0; i < values.length; i++) {
        values[i] *= 2;
      }
      assertArrayEquals(values, Tensors.toFloats(back));
      return rounds.size();
    }
  }
}
