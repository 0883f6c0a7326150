package dev.gyre.partitioning.mesh;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.gyre.partitioning.check.Invalid;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class MeshTest {
  private static final int MOST = 24;

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

  /** All meshes of up to 24 ranks. */
  private static List<Mesh> meshes() {
    List<Mesh> all = new ArrayList<>();
    for (int data = 1; data <= MOST; data++) {
      for (int ring = 1; data * ring <= MOST; ring++) {
        for (int ulysses = 1; data * ring * ulysses <= MOST; ulysses++) {
          int workers = data * ring * ulysses;
          for (int experts = 1; experts <= workers; experts++) {
            if (workers % experts == 0) {
              all.add(new Mesh(data, ring, ulysses, experts));
            }
          }
        }
      }
    }
    return all;
  }

  @Test
  void placesAreThoseOfTheOrder() {
    for (Mesh mesh : meshes()) {
      int r = mesh.ring();
      int u = mesh.ulysses();
      int x = mesh.expertParallel();
      for (int rank = 0; rank < mesh.workers(); rank++) {
        assertEquals(rank / (r * u), mesh.place(rank, Axis.DATA));
        assertEquals(rank / u % r, mesh.place(rank, Axis.RING));
        assertEquals(rank % u, mesh.place(rank, Axis.ULYSSES));
        assertEquals(rank % x, mesh.place(rank, Axis.EXPERT));
        assertEquals(rank / x, mesh.place(rank, Axis.EXPERT_REPLICA));
      }
    }
  }

  /** The places of a rank along the axes of an order are those of no other rank. */
  @Test
  void placesGiveTheRankBack() {
    for (Mesh mesh : meshes()) {
      for (List<Axis> order : Mesh.ORDERS) {
        assertEquals(mesh.workers(), mesh.degree(order.toArray(Axis[]::new)));
        Map<List<Integer>, Integer> ranks = new HashMap<>();
        for (int rank = 0; rank < mesh.workers(); rank++) {
          int of = rank;
          List<Integer> places = order.stream().map(axis -> mesh.place(of, axis)).toList();
          assertNull(ranks.put(places, rank), () -> mesh + ": " + places);
          int back = 0;
          for (int i = 0; i < places.size(); i++) {
            back = back * mesh.degree(order.get(i)) + places.get(i);
          }
          assertEquals(rank, back);
        }
      }
    }
  }

  @Test
  void groupsAreThoseOfTheOrder() {
    for (Mesh mesh : meshes()) {
      int d = mesh.dataParallel();
      int r = mesh.ring();
      int u = mesh.ulysses();
      int x = mesh.expertParallel();
      int workers = mesh.workers();
      for (int k = 0; k < workers; k++) {
        int rank = k;
        int row = rank / (r * u) * (r * u);
        assertGroup(mesh, rank, r * u, i -> row + i, Axis.RING, Axis.ULYSSES);
        assertGroup(mesh, rank, r * u, i -> row + i, Axis.ULYSSES, Axis.RING);
        assertGroup(mesh, rank, r, i -> row + i * u + rank % u, Axis.RING);
        assertGroup(mesh, rank, u, i -> rank / u * u + i, Axis.ULYSSES);
        assertGroup(mesh, rank, d, i -> i * r * u + rank % (r * u), Axis.DATA);
        assertGroup(mesh, rank, x, i -> rank / x * x + i, Axis.EXPERT);
        assertGroup(mesh, rank, workers / x, i -> rank % x + i * x, Axis.EXPERT_REPLICA);
        assertGroup(mesh, rank, workers, i -> i, Axis.DATA, Axis.RING, Axis.ULYSSES);
        assertGroup(mesh, rank, workers, i -> i, Axis.EXPERT, Axis.EXPERT_REPLICA);
        assertGroup(
            mesh,
            rank,
            d * u,
            i -> (i / u * r + rank / u % r) * u + i % u,
            Axis.DATA,
            Axis.ULYSSES);
        assertGroup(mesh, rank, 1, i -> rank);
      }
      assertArrayEquals(IntStream.range(0, workers).toArray(), mesh.everyone());
    }
  }

  private static void assertGroup(
      Mesh mesh, int rank, int size, IntUnaryOperator member, Axis... axes) {
    int[] expected = IntStream.range(0, size).map(member).toArray();
    assertArrayEquals(expected, mesh.group(rank, axes), () -> mesh + ", rank " + rank);
    assertEquals(size, mesh.degree(axes));
  }

  /** Every rank is in one group of an axis, at its place there, and all members see that group. */
  @Test
  void groupsOfAnAxisPartitionTheRanks() {
    for (Mesh mesh : meshes()) {
      for (Axis axis : Axis.values()) {
        int[] seen = new int[mesh.workers()];
        for (int rank = 0; rank < mesh.workers(); rank++) {
          int[] group = mesh.group(rank, axis);
          assertEquals(mesh.degree(axis), group.length);
          assertEquals(rank, group[mesh.place(rank, axis)]);
          if (mesh.place(rank, axis) == 0) {
            for (int member : group) {
              seen[member]++;
              assertArrayEquals(group, mesh.group(member, axis));
            }
          }
        }
        for (int times : seen) {
          assertEquals(1, times, () -> mesh + " along " + axis);
        }
      }
    }
  }

  @Test
  void axesOfTwoOrdersFormNoGroup() {
    Mesh mesh = new Mesh(2, 2, 1, 2);
    assertThrows(IllegalArgumentException.class, () -> mesh.group(0, Axis.RING, Axis.EXPERT));
  }

  @Test
  void degreesLeftOutAreOne() {
    assertEquals(new Mesh(1, 3, 1, 1), new Mesh(Map.of(Axis.RING, 3)));
    assertEquals(new Mesh(2, 3, 1, 6), new Mesh(2, 3, 1, 1).with(Axis.EXPERT, 6));
    assertEquals("data-parallel 2 × ring 3 × ulysses 1", new Mesh(2, 3, 1, 6).factors());
    assertEquals(
        "data-parallel 2, ring 3, ulysses 1, expert-parallel 6", new Mesh(2, 3, 1, 6).toString());
  }

  @Test
  void degreesThatCannotBeAreRefused() {
    assertThrows(Invalid.class, () -> new Mesh(0, 1, 1, 1));
    Invalid experts = assertThrows(Invalid.class, () -> new Mesh(1, 3, 2, 4));
    assertEquals(
        "mesh.expert-parallel: 4 does not divide the 6 workers (data-parallel 1 × ring 3 × ulysses"
            + " 2)",
        experts.getMessage());
  }
}
