package dev.gyre.trainer.checkpoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.partitioning.model.TensorSpec;
import dev.gyre.trainer.parameters.OwnedSlice;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
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
            List<OwnedSlice> slices = CheckpointFixture.slices(readers, rank);
            for (OwnedSlice slice : slices) {
              for (StateKind kind : StateKind.values()) {
                kind.of(slice).fill((byte) 0x7F);
              }
            }
            reader.load(slices);
            slices.forEach(CheckpointReaderTest::assertValues);
          }
        }
      }
    }
  }

  private static void assertValues(OwnedSlice slice) {
    for (StateKind kind : StateKind.values()) {
      for (long i = 0; i < slice.count(); i++) {
        assertEquals(
            CheckpointFixture.value(slice.spec().name(), kind, slice.from() + i),
            kind.of(slice).getAtIndex(ValueLayout.JAVA_FLOAT, i));
      }
    }
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
      TensorSpec unknown =
          new TensorSpec(
              "model.unknown.weight",
              new long[] {2},
              embedding.precision(),
              -1,
              -1,
              false,
              embedding.initialiser());
      MemorySegment target = CheckpointFixture.empty(200);
      e =
          assertThrows(
              CheckpointException.class,
              () -> reader.read(unknown, StateKind.WEIGHT, 0, 1, target));
      assertTrue(e.getMessage().contains("has no weight of model.unknown.weight"), e.getMessage());
      assertThrows(
          IndexOutOfBoundsException.class,
          () -> reader.read(embedding, StateKind.WEIGHT, 100, 29, target));
      reader.weights().read(embedding, 100, 28, target);
      assertEquals(
          CheckpointFixture.value(embedding.name(), StateKind.WEIGHT, 127),
          target.getAtIndex(ValueLayout.JAVA_FLOAT, 27));
    }
  }
}
