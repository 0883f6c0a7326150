package dev.gyre.trainer.checkpoint;

import dev.gyre.model.hf.HfNames;
import dev.gyre.partitioning.model.TensorBox;
import dev.gyre.partitioning.model.TensorSpec;
import dev.gyre.trainer.parameters.OwnedSlice;
import dev.gyre.trainer.parameters.WeightSource;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/**
 * The tensors of a checkpoint under their global names, however many ranks wrote them. Files are
 * memory-mapped, so ranks of one host share the pages. Thread safe until closed.
 */
public final class CheckpointReader implements AutoCloseable {
  private final Path folder;
  private final Manifest manifest;
  private final SliceIndex index;

  private CheckpointReader(Path folder, Manifest manifest, SliceIndex index) {
    this.folder = folder;
    this.manifest = manifest;
    this.index = index;
  }

  /**
   * Checks the manifest, the headers, and that every tensor of the model is complete with its
   * shape. Contents are not hashed again: {@link CheckpointStore#verify} does that once for all
   * ranks.
   *
   * @throws CheckpointException naming the file or tensor
   */
  public static CheckpointReader open(Path folder) throws IOException {
    return open(folder, Manifest.read(folder));
  }

  /** With the manifest of a checkpoint that is not committed yet. */
  static CheckpointReader open(Path folder, Manifest manifest) throws IOException {
    SliceIndex index = SliceIndex.open(folder, manifest.files());
    boolean whole = false;
    try {
      CheckpointReader reader = new CheckpointReader(folder, manifest, index);
      reader.require(manifest.model().tensors());
      whole = true;
      return reader;
    } finally {
      if (!whole) {
        index.close();
      }
    }
  }

  public Manifest manifest() {
    return manifest;
  }

  /**
   * Checks, before any data is read, that all state of these parameters exists in these shapes.
   *
   * @throws CheckpointException naming the first parameter that is missing, or both shapes
   */
  public void require(List<TensorSpec> parameters) throws CheckpointException {
    for (TensorSpec parameter : parameters) {
      for (StateKind kind : StateKind.values()) {
        long[] shape = index.shape(stored(parameter), kind);
        if (shape == null) {
          throw new CheckpointException(
              "%s has no %s of %s".formatted(folder, kind.key(), parameter));
        }
        if (!Arrays.equals(shape, parameter.shape())) {
          throw new CheckpointException(
              "%s holds %s %s, the model needs %s"
                  .formatted(folder, parameter.name(), Shapes.show(shape), parameter));
        }
      }
    }
  }

  private String stored(TensorSpec parameter) {
    return manifest.format() == Manifest.FLAT_MODEL
        ? HfNames.former(parameter.name())
        : parameter.name();
  }

  /**
   * Reads the elements of a box of a tensor from the files that hold them.
   *
   * @param target F32 in the box's row-major order, at least 4 bytes for each element
   * @throws CheckpointException if there is no such tensor, or it has another shape; names both
   * @throws IndexOutOfBoundsException if the box is not inside the tensor
   */
  public void read(TensorSpec parameter, StateKind kind, TensorBox box, MemorySegment target)
      throws CheckpointException {
    require(List.of(parameter));
    index.read(stored(parameter), kind, box, target);
  }

  /**
   * Fills a rank's slices with weights and optimizer state. The mesh may differ from the one that
   * saved.
   */
  public void load(List<OwnedSlice> slices) throws CheckpointException {
    for (OwnedSlice slice : slices) {
      for (StateKind kind : StateKind.values()) {
        read(slice.spec(), kind, slice.box(), kind.of(slice));
      }
    }
  }

  /** The weights only; its {@code read} throws {@link UncheckedIOException}. */
  public WeightSource weights() {
    return (spec, box, into) -> {
      try {
        read(spec, StateKind.WEIGHT, box, into);
      } catch (CheckpointException e) {
        throw new UncheckedIOException(e.getMessage(), e);
      }
    };
  }

  @Override
  public void close() {
    index.close();
  }
}
