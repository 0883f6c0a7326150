package dev.gyre.trainer.checkpoint;

import dev.gyre.model.safetensors.SafetensorsWriter;
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
  static final String FORMAT = "gyre-checkpoint-1";
  static final String FORMAT_KEY = "format";

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
   * @throws IOException if storage fails; the run then ends with older checkpoints untouched
   */
  public static FileEntry write(Path temporary, int rank, List<OwnedSlice> slices)
      throws IOException {
    Files.createDirectories(temporary);
    Path file = temporary.resolve(fileName(rank));
    Files.deleteIfExists(file); // of an earlier attempt at this step that was never committed
    List<SafetensorsWriter.Entry> entries = new ArrayList<>();
    List<MemorySegment> values = new ArrayList<>();
    Map<String, String> metadata = new LinkedHashMap<>();
    metadata.put(FORMAT_KEY, FORMAT);
    for (OwnedSlice slice : slices) {
      if (slice.count() > 0) {
        metadata.put(slice.spec().name(), Shapes.format(slice.spec().shape()));
        for (StateKind kind : StateKind.values()) {
          String name = new SliceName(slice.spec().name(), kind, slice.from()).format();
          entries.add(new SafetensorsWriter.Entry(name, "F32", slice.count()));
          values.add(kind.of(slice));
        }
      }
    }
    try (SafetensorsWriter writer = SafetensorsWriter.create(file, entries, metadata)) {
      for (int i = 0; i < values.size(); i++) {
        writer.write(entries.get(i).name(), 0, values.get(i));
      }
      writer.channel().force(true);
    }
    return new FileEntry(file.getFileName().toString(), Files.size(file), Digests.sha256(file));
  }
}
