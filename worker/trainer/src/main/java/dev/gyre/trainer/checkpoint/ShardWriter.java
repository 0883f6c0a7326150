package dev.gyre.trainer.checkpoint;

import dev.gyre.model.safetensors.SafetensorsWriter;
import dev.gyre.trainer.files.StorageException;
import dev.gyre.trainer.files.WriteProgress;
import dev.gyre.trainer.parameters.OwnedSlice;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Writes one rank's part of a checkpoint. */
public final class ShardWriter {
  static final String FORMAT = "gyre-checkpoint-2";

  /**
   * The format of earlier builds: a slice is a run of its tensor's row-major elements, stored in
   * one dimension. Tensors have the names that the manifest's format says.
   */
  static final String RUNS_FORMAT = "gyre-checkpoint-1";

  static final String FORMAT_KEY = "format";

  /** Progress is reported so often. */
  private static final long PIECE_BYTES = 16L << 20;

  /** No single sync then takes long, even on a slow disk, and the last one is short. */
  private static final long SYNC_BYTES = 256L << 20;

  private ShardWriter() {}

  /** {@code rank-00003.safetensors}. */
  public static String fileName(int rank) {
    return String.format(Locale.ROOT, "rank-%05d.safetensors", rank);
  }

  /**
   * Writes a rank's slices and syncs them to disk. Blocks; the slices must not change meanwhile.
   *
   * @param temporary {@link CheckpointStore#temporary}; made if missing
   * @param slices the slices that this rank owns, in any order
   * @param progress is called every few megabytes
   * @throws StorageException if storage fails; the run then ends with older checkpoints untouched
   */
  public static FileEntry write(
      Path temporary, int rank, List<OwnedSlice> slices, WriteProgress progress)
      throws StorageException {
    Path file = temporary.resolve(fileName(rank));
    try {
      Files.createDirectories(temporary);
      return write(file, slices, progress);
    } catch (IOException failed) {
      removeHalf(file);
      throw StorageException.of(file, bytes(slices), failed);
    }
  }

  /** A file that is not whole is of no use, and its room is needed for the next attempt. */
  private static void removeHalf(Path file) {
    try {
      Files.deleteIfExists(file);
    } catch (IOException left) {
      return; // what failed before is what the person must know
    }
  }

  private static long bytes(List<OwnedSlice> slices) {
    return slices.stream().mapToLong(slice -> slice.box().elements()).sum()
        * Float.BYTES
        * StateKind.values().length;
  }

  private static FileEntry write(Path file, List<OwnedSlice> slices, WriteProgress progress)
      throws IOException {
    Files.deleteIfExists(file); // of an earlier attempt at this step that was never committed
    List<SafetensorsWriter.Entry> entries = new ArrayList<>();
    List<MemorySegment> values = new ArrayList<>();
    Map<String, String> metadata = new LinkedHashMap<>();
    metadata.put(FORMAT_KEY, FORMAT);
    for (OwnedSlice slice : slices) {
      metadata.put(slice.spec().name(), Shapes.format(slice.spec().shape()));
      for (StateKind kind : StateKind.values()) {
        String name = new SliceName(slice.spec().name(), kind, slice.box().offsets()).format();
        entries.add(new SafetensorsWriter.Entry(name, "F32", slice.box().extents()));
        values.add(kind.of(slice));
      }
    }
    long total = values.stream().mapToLong(MemorySegment::byteSize).sum();
    try (SafetensorsWriter writer = SafetensorsWriter.create(file, entries, metadata)) {
      long done = 0;
      long synced = 0;
      for (int i = 0; i < values.size(); i++) {
        MemorySegment value = values.get(i);
        for (long at = 0; at < value.byteSize(); at += PIECE_BYTES) {
          long count = Math.min(PIECE_BYTES, value.byteSize() - at);
          writer.write(entries.get(i).name(), at, value.asSlice(at, count));
          done += count;
          progress.wrote(done, total);
          if (done - synced >= SYNC_BYTES) {
            writer.channel().force(false);
            synced = done;
          }
        }
      }
      writer.channel().force(true);
    }
    String sha256 = Digests.sha256(file, read -> progress.wrote(total, total));
    return new FileEntry(file.getFileName().toString(), Files.size(file), sha256);
  }
}
