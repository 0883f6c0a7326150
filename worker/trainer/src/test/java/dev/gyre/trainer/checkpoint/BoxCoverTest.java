package dev.gyre.trainer.checkpoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.partitioning.mesh.EvenCut;
import dev.gyre.partitioning.model.TensorBox;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Random boxes against a count of the boxes that hold each element. */
final class BoxCoverTest {
  private static final int CASES = 20_000;

  @Test
  void faultsAreThoseOfCountedElements() {
    Random random = new Random(1);
    for (int i = 0; i < CASES; i++) {
      long[] shape = new long[random.nextInt(4)];
      Arrays.setAll(shape, _ -> 1 + random.nextInt(4));
      List<TensorBox> boxes = cut(TensorBox.whole(shape), random, 4);
      Collections.shuffle(boxes, random);
      assertEquals(Optional.empty(), BoxCover.fault(shape, boxes), boxes::toString);
      change(boxes, shape, random);
      assertIsTrue(shape, boxes, BoxCover.fault(shape, boxes));
    }
  }

  /** Divides a box at random, up to some depth. */
  private static List<TensorBox> cut(TensorBox box, Random random, int depth) {
    List<TensorBox> boxes = new ArrayList<>();
    int dim = box.dims() == 0 ? 0 : random.nextInt(box.dims());
    if (depth == 0 || box.dims() == 0 || box.extents()[dim] == 1) {
      boxes.add(box);
      return boxes;
    }
    long at = box.start(dim) + 1 + random.nextLong(box.extents()[dim] - 1);
    boxes.addAll(cut(with(box, dim, box.start(dim), at), random, depth - 1));
    boxes.addAll(cut(with(box, dim, at, box.end(dim)), random, depth - 1));
    return boxes;
  }

  private static TensorBox with(TensorBox box, int dim, long from, long to) {
    long[] offsets = box.offsets();
    long[] extents = box.extents();
    offsets[dim] = from;
    extents[dim] = to - from;
    return new TensorBox(offsets, extents);
  }

  /** Removes a box, repeats one, adds a random one, or moves a boundary. */
  private static void change(List<TensorBox> boxes, long[] shape, Random random) {
    int one = random.nextInt(boxes.size());
    switch (random.nextInt(4)) {
      case 0 -> {
        if (boxes.size() > 1) {
          boxes.remove(one);
        }
      }
      case 1 -> boxes.add(boxes.get(one));
      case 2 -> {
        TensorBox box = TensorBox.whole(shape);
        for (int d = 0; d < shape.length; d++) {
          long from = random.nextLong(shape[d]);
          box = with(box, d, from, from + 1 + random.nextLong(shape[d] - from));
        }
        boxes.add(box);
      }
      case 3 -> {
        if (shape.length > 0) {
          int d = random.nextInt(shape.length);
          TensorBox box = boxes.get(one);
          long to = box.start(d) + 1 + random.nextLong(shape[d] - box.start(d));
          boxes.set(one, with(box, d, box.start(d), to));
        }
      }
      default -> throw new AssertionError();
    }
  }

  private static void assertIsTrue(
      long[] shape, List<TensorBox> boxes, Optional<BoxCover.Fault> found) {
    int[] holders = holders(shape, boxes);
    if (found.isEmpty()) {
      assertTrue(Arrays.stream(holders).allMatch(h -> h == 1), boxes::toString);
      return;
    }
    switch (found.get()) {
      case BoxCover.Fault.Missing(TensorBox elements) ->
          elements.forEachRun(
              shape,
              (from, count, _) -> {
                for (int i = 0; i < count; i++) {
                  assertEquals(0, holders[(int) from + i], boxes::toString);
                }
              });
      case BoxCover.Fault.Twice(TensorBox elements, int one, int other) -> {
        assertNotEquals(one, other);
        for (int holder : List.of(one, other)) {
          assertEquals(
              Optional.of(elements), boxes.get(holder).intersection(elements), boxes::toString);
        }
      }
    }
  }

  private static int[] holders(long[] shape, List<TensorBox> boxes) {
    int[] holders = new int[(int) TensorBox.whole(shape).elements()];
    for (TensorBox box : boxes) {
      box.forEachRun(
          shape,
          (from, count, _) -> {
            for (int i = 0; i < count; i++) {
              holders[(int) from + i]++;
            }
          });
    }
    return holders;
  }

  /** To compare all pairs of these boxes would take minutes. */
  @Test
  void manyBoxesAreCheckedByASweep() {
    int ranks = 100_000;
    long[] shape = {500_000, 700_000};
    long elements = shape[0] * shape[1];
    List<TensorBox> runs = new ArrayList<>();
    List<TensorBox> columns = new ArrayList<>();
    for (int rank = 0; rank < ranks; rank++) {
      long from = EvenCut.start(elements, ranks, rank);
      runs.addAll(TensorBox.ofRun(shape, from, EvenCut.count(elements, ranks, rank)));
      long column = EvenCut.start(shape[1], ranks, rank);
      columns.add(
          new TensorBox(
              new long[] {0, column}, new long[] {shape[0], EvenCut.count(shape[1], ranks, rank)}));
    }
    for (List<TensorBox> boxes : List.of(runs, columns)) {
      Collections.shuffle(boxes, new Random(2));
      assertTimeoutPreemptively(
          Duration.ofMinutes(1),
          () -> {
            assertEquals(Optional.empty(), BoxCover.fault(shape, boxes));
            TensorBox gone = boxes.removeLast();
            assertEquals(
                Optional.of(new BoxCover.Fault.Missing(gone)), BoxCover.fault(shape, boxes));
            boxes.add(gone);
            boxes.add(gone);
            assertInstanceOf(
                BoxCover.Fault.Twice.class, BoxCover.fault(shape, boxes).orElseThrow());
          });
    }
  }

  /** Each of 8 blocks of columns is divided over 128 ranks at other rows. */
  @Test
  void blocksOfColumnsThatAreDividedDifferently() {
    long[] shape = {4096, 4096};
    List<TensorBox> boxes = new ArrayList<>();
    for (int block = 0; block < 8; block++) {
      long[] blockShape = {4096, 512};
      long all = blockShape[0] * blockShape[1];
      long from = 0;
      for (int rank = 0; rank < 128; rank++) {
        long to = rank == 127 ? all : EvenCut.start(all, 128, rank + 1) + 701L * block;
        for (TensorBox part : TensorBox.ofRun(blockShape, from, to - from)) {
          long[] offsets = part.offsets();
          offsets[1] += 512L * block;
          boxes.add(new TensorBox(offsets, part.extents()));
        }
        from = to;
      }
    }
    assertEquals(Optional.empty(), BoxCover.fault(shape, boxes));
    assertFalse(BoxCover.fault(shape, boxes.subList(1, boxes.size())).isEmpty());
  }
}
