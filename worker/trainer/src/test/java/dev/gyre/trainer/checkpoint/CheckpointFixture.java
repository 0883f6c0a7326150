package dev.gyre.trainer.checkpoint;

import dev.gyre.partitioning.mesh.EvenCut;
import dev.gyre.partitioning.model.Decoder;
import dev.gyre.partitioning.model.EmbeddingSpec;
import dev.gyre.partitioning.model.HeadShape;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.model.TensorSpec;
import dev.gyre.trainer.files.WriteProgress;
import dev.gyre.trainer.parameters.OwnedSlice;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** A tiny model with a value in every state element that says what and where it is. */
record CheckpointFixture(Path checkpoints) {
  static final ModelSpec MODEL = model(8);

  static ModelSpec model(int hidden) {
    return new Decoder(new EmbeddingSpec(16, hidden), 2, new HeadShape(2, 1, 4))
        .mlp(6)
        .experts(3, 2)
        .tied(true)
        .mlpOnly(List.of(1))
        .spec();
  }

  static RunIdentity identity() {
    return new RunIdentity(
        "data-1", new TreeMap<>(Map.of("train.seed", "1")), new TreeMap<>(Map.of("mesh", "2")));
  }

  static Manifest manifest(long step) {
    return manifest(step, 0);
  }

  static Manifest manifest(long step, long skipped) {
    return Manifest.of(
        step, skipped, 1, step * 4, identity(), MODEL, "", "{\"plan\": " + step + "}");
  }

  static float value(String name, StateKind kind, long index) {
    return (name.hashCode() % 1000) + kind.ordinal() * 0.25f + index * 0.001f;
  }

  /**
   * The slices that a rank owns; of a tensor with fewer elements than ranks, the last ranks own
   * none.
   */
  static List<OwnedSlice> slices(int ranks, int rank) {
    List<OwnedSlice> slices = new ArrayList<>();
    for (TensorSpec spec : MODEL.tensors()) {
      long from = EvenCut.start(spec.elements(), ranks, rank);
      long count = EvenCut.count(spec.elements(), ranks, rank);
      slices.add(slice(spec, from, count));
    }
    return slices;
  }

  static OwnedSlice slice(TensorSpec spec, long from, long count) {
    MemorySegment[] values = new MemorySegment[StateKind.values().length];
    for (StateKind kind : StateKind.values()) {
      values[kind.ordinal()] = empty(count);
      for (long i = 0; i < count; i++) {
        values[kind.ordinal()].setAtIndex(
            ValueLayout.JAVA_FLOAT, i, value(spec.name(), kind, from + i));
      }
    }
    return new OwnedSlice(spec, from, count, values[0], values[1], values[2], empty(count));
  }

  static MemorySegment empty(long count) {
    return Arena.ofAuto().allocate(count * Float.BYTES, Float.BYTES);
  }

  CheckpointStore store(int keep) {
    return new CheckpointStore(checkpoints, keep, null, _ -> {});
  }

  List<FileEntry> write(long step, int ranks) throws IOException {
    List<FileEntry> files = new ArrayList<>();
    for (int rank = 0; rank < ranks; rank++) {
      files.add(
          ShardWriter.write(
              CheckpointStore.temporary(checkpoints, step),
              rank,
              slices(ranks, rank),
              WriteProgress.NONE));
    }
    return files;
  }

  Path save(long step, int ranks) throws IOException {
    return save(store(100), step, ranks);
  }

  Path save(CheckpointStore store, long step, int ranks) throws IOException {
    return store.commit(manifest(step).withFiles(write(step, ranks)));
  }
}
