package dev.gyre.partitioning.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Every box and every run of small tensors, against lists of their elements. */
final class TensorBoxTest {
  private static final List<long[]> SHAPES =
      List.of(
          new long[] {},
          new long[] {1},
          new long[] {5},
          new long[] {3, 4},
          new long[] {1, 4},
          new long[] {4, 1},
          new long[] {3, 4, 2},
          new long[] {2, 1, 3},
          new long[] {2, 2, 2, 2});

  private record Run(long from, long count, long at) {}

  private static List<TensorBox> boxes(long... shape) {
    List<TensorBox> boxes = new ArrayList<>();
    add(boxes, shape, 0, new long[shape.length], new long[shape.length]);
    return boxes;
  }

  private static void add(
      List<TensorBox> boxes, long[] shape, int dim, long[] offsets, long[] extents) {
    if (dim == shape.length) {
      boxes.add(new TensorBox(offsets, extents));
      return;
    }
    for (long from = 0; from < shape[dim]; from++) {
      for (long to = from + 1; to <= shape[dim]; to++) {
        offsets[dim] = from;
        extents[dim] = to - from;
        add(boxes, shape, dim + 1, offsets, extents);
      }
    }
  }

  /** The row-major numbers, inside the tensor, of the box's elements, found one by one. */
  private static List<Long> elements(TensorBox box, long... shape) {
    List<Long> elements = new ArrayList<>();
    for (long i = 0; i < count(shape); i++) {
      long rest = i;
      boolean inside = true;
      for (int d = shape.length - 1; d >= 0; d--) {
        long index = rest % shape[d];
        inside &= index >= box.offsets()[d] && index < box.offsets()[d] + box.extents()[d];
        rest /= shape[d];
      }
      if (inside) {
        elements.add(i);
      }
    }
    return elements;
  }

  private static long count(long... shape) {
    return Arrays.stream(shape).reduce(1, (a, b) -> a * b);
  }

  @Test
  void runsAreTheBoxesElementsAndAsLongAsPossible() {
    for (long[] shape : SHAPES) {
      for (TensorBox box : boxes(shape)) {
        List<Long> want = elements(box, shape);
        assertEquals(want.size(), box.elements());
        List<Long> got = new ArrayList<>();
        box.forEachRun(
            shape,
            (from, count, at) -> {
              assertEquals(got.size(), at, box::toString);
              boolean joins = !got.isEmpty() && got.getLast() + 1 == from;
              assertFalse(joins, () -> box + " of " + Arrays.toString(shape));
              for (long i = from; i < from + count; i++) {
                got.add(i);
              }
            });
        assertEquals(want, got, () -> box + " of " + Arrays.toString(shape));
      }
    }
  }

  @Test
  void sharedElementsHaveTheirPlaceInBothBoxes() {
    for (long[] shape : List.of(new long[] {}, new long[] {5}, new long[] {3, 4, 2})) {
      for (TensorBox a : boxes(shape)) {
        List<Long> ofA = elements(a, shape);
        for (TensorBox b : boxes(shape)) {
          List<Long> ofB = elements(b, shape);
          List<Long> want = ofA.stream().filter(ofB::contains).toList();
          Optional<TensorBox> shared = a.intersection(b);
          assertEquals(want, shared.map(box -> elements(box, shape)).orElse(List.of()));
          List<Run> runs = new ArrayList<>();
          TensorBox.forEachShared(a, b, (from, count, at) -> runs.add(new Run(from, count, at)));
          List<Long> got = new ArrayList<>();
          for (int r = 0; r < runs.size(); r++) {
            Run run = runs.get(r);
            for (int i = 0; i < run.count; i++) {
              got.add(ofA.get((int) run.from + i));
              assertEquals(got.getLast(), ofB.get((int) run.at + i));
            }
            assertFalse(r > 0 && joins(runs.get(r - 1), run), () -> a + " and " + b);
          }
          assertEquals(want, got, () -> a + " and " + b);
        }
      }
    }
  }

  private static boolean joins(Run before, Run run) {
    return before.from + before.count == run.from && before.at + before.count == run.at;
  }

  @Test
  void aRunIsTheFewestBoxesInItsOrder() {
    for (long[] shape : SHAPES) {
      int all = (int) count(shape);
      for (int from = 0; from <= all; from++) {
        int[] fewest = fewestBoxes(shape, from);
        for (int to = from; to <= all; to++) {
          List<TensorBox> boxes = TensorBox.ofRun(shape, from, to - from);
          List<Long> got = new ArrayList<>();
          boxes.forEach(box -> got.addAll(elements(box, shape)));
          List<Long> want = new ArrayList<>();
          for (long i = from; i < to; i++) {
            want.add(i);
          }
          assertEquals(want, got, boxes::toString);
          assertEquals(fewest[to], boxes.size(), boxes::toString);
        }
      }
    }
  }

  /** Over all ways to divide a run: element i is for the run {@code [from, i)}. */
  private static int[] fewestBoxes(long[] shape, int from) {
    int[] fewest = new int[(int) count(shape) + 1];
    Arrays.fill(fewest, Integer.MAX_VALUE);
    fewest[from] = 0;
    List<List<Long>> runs =
        boxes(shape).stream()
            .map(box -> elements(box, shape))
            .filter(elements -> elements.getLast() - elements.getFirst() + 1 == elements.size())
            .toList();
    for (int at = from; at < fewest.length; at++) {
      for (List<Long> run : runs) {
        if (run.getFirst() == at && fewest[at] < Integer.MAX_VALUE) {
          int end = at + run.size();
          fewest[end] = Math.min(fewest[end], fewest[at] + 1);
        }
      }
    }
    return fewest;
  }

  @Test
  void aRunOfAMatrixIsTheRestOfARowRowsAndTheStartOfARow() {
    assertEquals(
        List.of(box(0, 1, 6, 8), box(1, 4, 0, 8), box(4, 5, 0, 3)),
        TensorBox.ofRun(new long[] {16, 8}, 6, 29));
    assertEquals(List.of(box(0, 16, 0, 8)), TensorBox.ofRun(new long[] {16, 8}, 0, 128));
    assertEquals(List.of(), TensorBox.ofRun(new long[] {16, 8}, 128, 0));
    assertEquals(List.of(), TensorBox.ofRun(new long[] {0, 8}, 0, 0));
    assertEquals(List.of(TensorBox.whole()), TensorBox.ofRun(new long[] {}, 0, 1));
    String message =
        assertThrows(
                IndexOutOfBoundsException.class, () -> TensorBox.ofRun(new long[] {16, 8}, 100, 29))
            .getMessage();
    assertEquals("elements 100+29 of a tensor [16, 8]", message);
  }

  private static TensorBox box(long fromRow, long toRow, long from, long to) {
    return new TensorBox(new long[] {fromRow, from}, new long[] {toRow - fromRow, to - from});
  }

  @Test
  void boxesAreComparedByTheirNumbers() {
    assertEquals(box(1, 2, 3, 4), box(1, 2, 3, 4));
    assertEquals(box(1, 2, 3, 4).hashCode(), box(1, 2, 3, 4).hashCode());
    assertNotEquals(box(1, 2, 3, 4), box(1, 2, 3, 5));
    assertNotEquals(box(1, 2, 3, 4), box(0, 1, 3, 4));
    long[] extents = {2, 3};
    TensorBox box = TensorBox.whole(extents);
    extents[0] = 7;
    box.extents()[1] = 7;
    box.offsets()[1] = 7;
    assertArrayEquals(new long[] {2, 3}, box.extents());
    assertArrayEquals(new long[] {0, 0}, box.offsets());
    assertEquals("[0:2, 0:3]", box.toString());
    assertEquals("[]", TensorBox.whole().toString());
  }

  @Test
  void whatIsNoBoxIsRefused() {
    refused("2 offsets and 1 extents", new long[] {0, 0}, 1);
    refused("offset 0 and extent 0 in dimension 1", new long[] {0, 0}, 1, 0);
    refused("offset -1 and extent 2 in dimension 0", new long[] {-1, 0}, 2, 1);
    refused("extent 2 in dimension 0", new long[] {Long.MAX_VALUE - 1}, 2);
    refused("more than 2^63 − 1 elements", new long[] {0, 0}, 1L << 32, 1L << 31);
    refused("more than 2^63 − 1 elements", new long[] {0, 0}, 1L << 32, 1L << 32);
    TensorBox box = box(0, 2, 0, 3);
    assertTrue(box.isInside(2, 3));
    assertFalse(box.isInside(2, 3, 1));
    assertFalse(box.isInside(2, 2));
    assertThrows(IllegalArgumentException.class, () -> box.intersection(TensorBox.whole(2)));
    assertThrows(
        IndexOutOfBoundsException.class, () -> box.forEachRun(new long[] {1, 3}, (_, _, _) -> {}));
  }

  private static void refused(String part, long[] offsets, long... extents) {
    String message =
        assertThrows(IllegalArgumentException.class, () -> new TensorBox(offsets, extents))
            .getMessage();
    assertTrue(message.contains(part), message);
  }
}
