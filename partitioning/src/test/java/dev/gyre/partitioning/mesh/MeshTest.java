package dev.gyre.partitioning.mesh;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.gyre.partitioning.check.Invalid;
import org.junit.jupiter.api.Test;

class MeshTest {
  @Test
  void evenCutsCoverOnceLargerFirst() {
    for (long n : new long[] {0, 1, 2, 7, 64, 97, 1L << 40}) {
      for (int parts = 1; parts <= 64; parts++) {
        assertEquals(0, EvenCut.start(n, parts, 0));
        assertEquals(n, EvenCut.start(n, parts, parts));
        for (int part = 0; part < parts; part++) {
          long count = EvenCut.count(n, parts, part);
          assertEquals(n / parts + (part < n % parts ? 1 : 0), count);
        }
      }
    }
  }

  @Test
  void everyRankIsItsCoordinates() {
    Mesh mesh = new Mesh(2, 3, 4, 8);
    for (int rank = 0; rank < mesh.workers(); rank++) {
      assertEquals(
          rank, mesh.rank(mesh.dataRank(rank), mesh.ringRank(rank), mesh.ulyssesRank(rank)));
      assertEquals(rank, mesh.ringGroup(rank)[mesh.ringRank(rank)]);
      assertEquals(rank, mesh.ulyssesGroup(rank)[mesh.ulyssesRank(rank)]);
      assertEquals(rank, mesh.expertGroup(rank)[mesh.expertRank(rank)]);
      assertEquals(rank, mesh.expertReplicas(rank)[rank / 8]);
    }
    assertArrayEquals(new int[] {13, 17, 21}, mesh.ringGroup(17));
    assertArrayEquals(new int[] {16, 17, 18, 19}, mesh.ulyssesGroup(17));
    assertArrayEquals(new int[] {1, 9, 17}, mesh.expertReplicas(17));
    assertEquals(12, mesh.rowGroup(17)[0]);
    assertEquals(24, mesh.everyone().length);
  }

  @Test
  void degreesThatCannotBeAreRefused() {
    assertThrows(Invalid.class, () -> new Mesh(0, 1, 1, 1));
    assertThrows(Invalid.class, () -> new Mesh(1, 3, 2, 4));
  }
}
