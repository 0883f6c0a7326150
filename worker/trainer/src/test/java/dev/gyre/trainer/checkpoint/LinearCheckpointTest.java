package dev.gyre.trainer.checkpoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.kernels.DType;
import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.mesh.EvenCut;
import dev.gyre.partitioning.model.AttentionPattern;
import dev.gyre.partitioning.model.Decoder;
import dev.gyre.partitioning.model.EmbeddingSpec;
import dev.gyre.partitioning.model.HeadShape;
import dev.gyre.partitioning.model.LayerKind;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.model.TensorNames;
import dev.gyre.partitioning.model.TensorSpec;
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
      new Decoder(new EmbeddingSpec(16, 8), 2, new HeadShape(2, 1, 4))
          .mlp(6)
          .tied(true)
          .attention(new AttentionPattern(List.of(LayerKind.FULL, LayerKind.LINEAR), 0))
          .spec();

  @TempDir Path folder;

  private Path save(int ranks) throws IOException {
    List<FileEntry> files = new ArrayList<>();
    for (int rank = 0; rank < ranks; rank++) {
      List<OwnedSlice> slices = new ArrayList<>();
      for (TensorSpec spec : MODEL.tensors()) {
        long from = EvenCut.start(spec.elements(), ranks, rank);
        long count = EvenCut.count(spec.elements(), ranks, rank);
        slices.addAll(CheckpointFixture.run(spec, from, count));
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
    String name = new TensorNames(1).attentionNorm();
    TensorSpec norm =
        MODEL.tensors().stream().filter(p -> p.name().equals(name)).findFirst().orElseThrow();
    try (CheckpointReader reader = CheckpointReader.open(saved)) {
      for (StateKind kind : StateKind.values()) {
        MemorySegment values = CheckpointFixture.empty(norm.elements());
        reader.read(norm, kind, norm.whole(), values);
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
            Invalid.class,
            () ->
                HuggingFaceExport.export(
                    saved, hf, DType.F32, HuggingFaceExport.SHARD_BYTES, List.of()));
    assertTrue(e.getMessage().contains("linear_attention"), e.getMessage());
    assertFalse(Files.exists(hf));
  }
}
