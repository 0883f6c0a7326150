package dev.gyre.trainer.checkpoint;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gyre.partitioning.mesh.EvenCut;
import dev.gyre.partitioning.model.Decoder;
import dev.gyre.partitioning.model.EmbeddingSpec;
import dev.gyre.partitioning.model.HeadShape;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.model.TensorBox;
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
      slices.addAll(run(spec, from, count));
    }
    return slices;
  }

  /** The slices of a run of elements. */
  static List<OwnedSlice> run(TensorSpec spec, long from, long count) {
    return TensorBox.ofRun(spec.shape(), from, count).stream()
        .map(box -> slice(spec, box))
        .toList();
  }

  static OwnedSlice slice(TensorSpec spec, TensorBox box) {
    MemorySegment[] values = new MemorySegment[StateKind.values().length];
    for (StateKind kind : StateKind.values()) {
      MemorySegment of = empty(box.elements());
      box.forEachRun(
          spec.shape(),
          (from, count, at) -> {
            for (long i = 0; i < count; i++) {
              of.setAtIndex(ValueLayout.JAVA_FLOAT, at + i, value(spec.name(), kind, from + i));
            }
          });
      values[kind.ordinal()] = of;
    }
    return new OwnedSlice(spec, box, values[0], values[1], values[2], empty(box.elements()));
  }

  /** The same slices with other values. */
  static List<OwnedSlice> blank(List<OwnedSlice> slices) {
    for (OwnedSlice slice : slices) {
      for (StateKind kind : StateKind.values()) {
        kind.of(slice).fill((byte) 0x7F);
      }
    }
    return slices;
  }

  static void assertValues(OwnedSlice slice) {
    for (StateKind kind : StateKind.values()) {
      MemorySegment want = kind.of(slice(slice.spec(), slice.box()));
      assertEquals(-1, want.mismatch(kind.of(slice)), () -> slice + " " + kind);
    }
  }

  static MemorySegment empty(long count) {
    return Arena.ofAuto().allocate(count * Float.BYTES, Float.BYTES);
  }

  CheckpointStore store(int keep) {
    return new CheckpointStore(checkpoints, keep, null, _ -> {});
  }

  List<FileEntry> write(long step, int ranks) throws IOException {
    List<List<OwnedSlice>> parts = new ArrayList<>();
    for (int rank = 0; rank < ranks; rank++) {
      parts.add(slices(ranks, rank));
    }
    return writeParts(step, parts);
  }

  private List<FileEntry> writeParts(long step, List<List<OwnedSlice>> parts) throws IOException {
    Path temporary = CheckpointStore.temporary(checkpoints, step);
    List<FileEntry> files = new ArrayList<>();
    for (int rank = 0; rank < parts.size(); rank++) {
      files.add(ShardWriter.write(temporary, rank, parts.get(rank), WriteProgress.NONE));
    }
    return files;
  }

  /** With the slices of each rank. */
  Path saveParts(long step, List<List<OwnedSlice>> parts) throws IOException {
    return store(100).commit(manifest(step).withFiles(writeParts(step, parts)));
  }

  Path save(long step, int ranks) throws IOException {
    return save(store(100), step, ranks);
  }

  Path save(CheckpointStore store, long step, int ranks) throws IOException {
    return store.commit(manifest(step).withFiles(write(step, ranks)));
  }
}
