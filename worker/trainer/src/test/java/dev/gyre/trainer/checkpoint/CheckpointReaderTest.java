package dev.gyre.trainer.checkpoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.partitioning.mesh.EvenCut;
import dev.gyre.partitioning.model.TensorBox;
import dev.gyre.partitioning.model.TensorSpec;
import dev.gyre.trainer.parameters.OwnedSlice;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class CheckpointReaderTest {
  @TempDir Path folder;
  private CheckpointFixture fixture;

  @BeforeEach
  void open() {
    fixture = new CheckpointFixture(folder.resolve("checkpoints"));
  }

  @Test
  void anyMeshReadsWhatAnyOtherWrote() throws IOException {
    for (int writers : new int[] {1, 2, 3, 200}) {
      Path step = fixture.save(writers, writers);
      try (CheckpointReader reader = CheckpointReader.open(step)) {
        assertEquals(writers, reader.manifest().step());
        for (int readers : new int[] {1, 2, 5}) {
          for (int rank = 0; rank < readers; rank++) {
            List<OwnedSlice> slices =
                CheckpointFixture.blank(CheckpointFixture.slices(readers, rank));
            reader.load(slices);
            slices.forEach(CheckpointFixture::assertValues);
          }
        }
      }
    }
  }

  /**
   * Every tensor is written as a grid of blocks, split along its first and its last dimension. The
   * grids do not divide the dimensions; some blocks are one row, one column or one element.
   */
  @Test
  void anyRanksReadTensorsThatAreSplitAlongAnyDimension() throws IOException {
    for (int[] grid : new int[][] {{1, 2}, {1, 7}, {2, 2}, {3, 5}, {7, 8}}) {
      int step = 10 * grid[0] + grid[1];
      Path saved = fixture.saveParts(step, gridParts(grid[0], grid[1]));
      CheckpointStore.verify(saved);
      try (CheckpointReader reader = CheckpointReader.open(saved)) {
        for (int[] other : new int[][] {{1, 1}, {2, 1}, {5, 1}, {1, 4}, {3, 2}}) {
          assertRead(reader, gridParts(other[0], other[1]));
        }
        for (int ranks : new int[] {1, 2, 5}) {
          for (int rank = 0; rank < ranks; rank++) {
            List<OwnedSlice> runs = new ArrayList<>();
            for (TensorSpec spec : specs()) {
              long from = EvenCut.start(spec.elements(), ranks, rank);
              runs.addAll(
                  CheckpointFixture.run(spec, from, EvenCut.count(spec.elements(), ranks, rank)));
            }
            assertRead(reader, List.of(runs));
          }
        }
      }
    }
  }

  /** The model's tensors, and others with dimensions of 1, of primes, and three dimensions. */
  private static List<TensorSpec> specs() {
    List<TensorSpec> specs = new ArrayList<>(CheckpointFixture.MODEL.tensors());
    for (long[] shape : new long[][] {{1}, {1, 1}, {1, 7}, {7, 1}, {7, 5}, {2, 3, 5}, {3, 1, 4}}) {
      specs.add(spec("extra " + Shapes.show(shape), shape));
    }
    return specs;
  }

  private static TensorSpec spec(String name, long... shape) {
    TensorSpec any = CheckpointFixture.MODEL.tensors().getFirst();
    return new TensorSpec(name, shape, any.precision(), -1, -1, false, any.initialiser());
  }

  private static void assertRead(CheckpointReader reader, List<List<OwnedSlice>> ranks)
      throws IOException {
    for (List<OwnedSlice> slices : ranks) {
      reader.load(CheckpointFixture.blank(slices));
      slices.forEach(CheckpointFixture::assertValues);
    }
  }

  /** The blocks of each rank. A vector has a block for each row of the grid. */
  private static List<List<OwnedSlice>> gridParts(int rows, int columns) {
    List<List<OwnedSlice>> ranks = new ArrayList<>();
    for (int row = 0; row < rows; row++) {
      for (int column = 0; column < columns; column++) {
        List<OwnedSlice> slices = new ArrayList<>();
        for (TensorSpec spec : specs()) {
          long[] offsets = new long[spec.shape().length];
          long[] extents = spec.shape().clone();
          cut(offsets, extents, 0, rows, row);
          if (!spec.isVector()) {
            cut(offsets, extents, extents.length - 1, columns, column);
          }
          boolean owned = column == 0 || !spec.isVector();
          if (owned && Shapes.elements(extents) > 0) {
            slices.add(CheckpointFixture.slice(spec, new TensorBox(offsets, extents)));
          }
        }
        ranks.add(slices);
      }
    }
    return ranks;
  }

  private static void cut(long[] offsets, long[] extents, int dim, int parts, int part) {
    offsets[dim] = EvenCut.start(extents[dim], parts, part);
    extents[dim] = EvenCut.count(extents[dim], parts, part);
  }

  @Test
  void missingNamesAndWrongShapesAreRefused() throws IOException {
    Path step = fixture.save(1, 2);
    try (CheckpointReader reader = CheckpointReader.open(step)) {
      reader.require(CheckpointFixture.MODEL.tensors());
      CheckpointException e =
          assertThrows(
              CheckpointException.class,
              () -> reader.require(CheckpointFixture.model(12).tensors()));
      assertTrue(
          e.getMessage().contains("[16, 8], the model needs embedding.weight[16, 12]"),
          e.getMessage());
      TensorSpec embedding = CheckpointFixture.MODEL.tensors().getFirst();
      TensorSpec unknown = spec("model.unknown.weight", 2);
      MemorySegment target = CheckpointFixture.empty(200);
      e =
          assertThrows(
              CheckpointException.class,
              () -> reader.read(unknown, StateKind.WEIGHT, unknown.whole(), target));
      assertTrue(e.getMessage().contains("has no weight of model.unknown.weight"), e.getMessage());
      assertThrows(
          IndexOutOfBoundsException.class,
          () -> reader.read(embedding, StateKind.WEIGHT, rows(12, 17), target));
      reader.weights().read(embedding, rows(12, 16), target);
      assertEquals(
          CheckpointFixture.value(embedding.name(), StateKind.WEIGHT, 127),
          target.getAtIndex(ValueLayout.JAVA_FLOAT, 31));
    }
  }

  private static TensorBox rows(long from, long to) {
    return new TensorBox(new long[] {from, 0}, new long[] {to - from, 8});
  }
}
