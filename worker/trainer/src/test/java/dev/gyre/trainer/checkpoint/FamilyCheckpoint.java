package dev.gyre.trainer.checkpoint;

import dev.gyre.model.hf.HfConfig;
import dev.gyre.model.hf.HfFolder;
import dev.gyre.model.hf.HfWeights;
import dev.gyre.partitioning.mesh.EvenCut;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.model.TensorBox;
import dev.gyre.partitioning.model.TensorSpec;
import dev.gyre.trainer.files.WriteProgress;
import dev.gyre.trainer.parameters.OwnedSlice;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.node.ObjectNode;

/** The checkpoint of a run that has just loaded a Hugging Face folder. */
final class FamilyCheckpoint {
  /** A number that divides few tensors, so that boxes start and end inside rows. */
  private static final int RANKS = 5;

  private FamilyCheckpoint() {}

  /**
   * @param source the folder
   * @param checkpoints where to write it
   * @return its folder
   */
  static Path of(Path source, Path checkpoints) throws IOException {
    ObjectNode config = HfConfig.read(source.resolve("config.json")).source();
    return of(source, config.toString(), CheckpointFixture.identity(), checkpoints);
  }

  /**
   * @param source the folder with the weights and their model
   * @param config of the model that the run started from, which it may have changed; empty for none
   */
  static Path of(Path source, String config, RunIdentity identity, Path checkpoints)
      throws IOException {
    ModelSpec model = HfFolder.read(source, null, Map.of()).model();
    Path temporary = CheckpointStore.temporary(checkpoints, 1);
    List<FileEntry> files = new ArrayList<>();
    try (HfWeights weights = HfWeights.open(source, model)) {
      for (int rank = 0; rank < RANKS; rank++) {
        List<OwnedSlice> slices = slices(model, weights, rank);
        files.add(ShardWriter.write(temporary, rank, slices, WriteProgress.NONE));
      }
    }
    Manifest manifest = Manifest.of(1, 0, 1, 4, identity, model, config, "{}");
    return new CheckpointStore(checkpoints, 1, null, _ -> {}).commit(manifest.withFiles(files));
  }

  private static List<OwnedSlice> slices(ModelSpec model, HfWeights weights, int rank) {
    List<OwnedSlice> slices = new ArrayList<>();
    for (TensorSpec spec : model.tensors()) {
      long from = EvenCut.start(spec.elements(), RANKS, rank);
      long count = EvenCut.count(spec.elements(), RANKS, rank);
      for (TensorBox box : TensorBox.ofRun(spec.shape(), from, count)) {
        MemorySegment master = CheckpointFixture.empty(box.elements());
        MemorySegment zero = CheckpointFixture.empty(box.elements());
        weights.read(spec, box, master);
        slices.add(new OwnedSlice(spec, box, master, zero, zero, zero));
      }
    }
    return slices;
  }
}
