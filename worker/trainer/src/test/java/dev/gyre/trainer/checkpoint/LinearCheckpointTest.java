package dev.gyre.trainer.checkpoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.kernels.DType;
import dev.gyre.model.parameters.ModelParameters;
import dev.gyre.model.parameters.ParameterNames;
import dev.gyre.model.parameters.ParameterSpec;
import dev.gyre.partitioning.job.AttentionPattern;
import dev.gyre.partitioning.job.Invalid;
import dev.gyre.partitioning.job.LayerKind;
import dev.gyre.partitioning.job.ModelSpec;
import dev.gyre.partitioning.mesh.EvenCut;
import dev.gyre.trainer.files.WriteProgress;
import dev.gyre.trainer.parameters.OwnedSlice;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Checkpoints of models with linear layers, whose output norm no other layer has. */
final class LinearCheckpointTest {
  private static final ModelSpec MODEL =
      new ModelSpec(
          "llama",
          16,
          8,
          2,
          2,
          1,
          4,
          6,
          0,
          0,
          1e-5,
          10_000,
          true,
          new AttentionPattern(List.of(LayerKind.FULL, LayerKind.LINEAR), 0),
          List.of(),
          0);

  @TempDir Path folder;

  private Path save(int ranks) throws IOException {
    List<FileEntry> files = new ArrayList<>();
    for (int rank = 0; rank < ranks; rank++) {
      List<OwnedSlice> slices = new ArrayList<>();
      for (ParameterSpec spec : ModelParameters.of(MODEL)) {
        long from = EvenCut.start(spec.elements(), ranks, rank);
        long count = EvenCut.count(spec.elements(), ranks, rank);
        slices.add(CheckpointFixture.slice(spec, from, count));
      }
      files.add(
          ShardWriter.write(
              CheckpointStore.temporary(folder, 3), rank, slices, WriteProgress.NONE));
    }
    Manifest manifest =
        Manifest.of(3, 0, 1, 12, CheckpointFixture.identity(), MODEL, "", "{\"plan\": 3}");
    return new CheckpointStore(folder, 3, null, _ -> {}).commit(manifest.withFiles(files));
  }

  @Test
  void anotherNumberOfRanksReadsIt() throws IOException {
    Path saved = save(3);
    assertEquals(MODEL, CheckpointStore.verify(saved).model());
    String name = new ParameterNames(1).outputNorm();
    ParameterSpec norm =
        ModelParameters.of(MODEL).stream()
            .filter(p -> p.name().equals(name))
            .findFirst()
            .orElseThrow();
    try (CheckpointReader reader = CheckpointReader.open(saved)) {
      for (StateKind kind : StateKind.values()) {
        MemorySegment values = CheckpointFixture.empty(norm.elements());
        reader.read(norm, kind, 0, norm.elements(), values);
        for (long i = 0; i < norm.elements(); i++) {
          assertEquals(
              CheckpointFixture.value(name, kind, i),
              values.getAtIndex(ValueLayout.JAVA_FLOAT, i),
              name + " " + kind);
        }
      }
    }
  }

  @Test
  void exportIsRefusedBeforeAnythingIsWritten() throws IOException {
    Path saved = save(1);
    Path hf = folder.resolve("hf");
    Invalid e =
        assertThrows(
            Invalid.class, () -> HuggingFaceExport.export(saved, hf, DType.F32, List.of()));
    assertTrue(e.getMessage().contains("linear_attention"), e.getMessage());
    assertFalse(Files.exists(hf));
  }
}
