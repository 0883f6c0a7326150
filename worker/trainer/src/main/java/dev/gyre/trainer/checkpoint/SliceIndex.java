package dev.gyre.trainer.checkpoint;

import dev.gyre.model.safetensors.SafetensorsException;
import dev.gyre.model.safetensors.SafetensorsReader;
import dev.gyre.model.safetensors.TensorInfo;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Finds the slices of every tensor in the ranks' files, and checks that they cover it exactly once.
 */
final class SliceIndex implements AutoCloseable {
  private record Key(String parameter, StateKind kind) {}

  private record Slice(long from, long to, String entry, SafetensorsReader file) {}

  private record Tensor(long[] shape, List<Slice> slices) {}

  private final Path folder;
  private final List<SafetensorsReader> files = new ArrayList<>();
  private final Map<Key, Tensor> tensors =
      new TreeMap<>(Comparator.comparing(Key::parameter).thenComparing(Key::kind));

  private SliceIndex(Path folder) {
    this.folder = folder;
  }

  /**
   * @throws CheckpointException if a file is no rank's file, or slices of a tensor are missing,
   *     overlap, or disagree about its shape
   */
  static SliceIndex open(Path folder, List<FileEntry> entries) throws IOException {
    SliceIndex index = new SliceIndex(folder);
    boolean whole = false;
    try {
      for (FileEntry entry : entries) {
        index.add(SafetensorsReader.open(folder.resolve(entry.name())));
      }
      index.checkCover();
      whole = true;
      return index;
    } catch (SafetensorsException e) {
      throw new CheckpointException("damaged: " + e.getMessage(), e);
    } catch (NoSuchFileException e) {
      throw new CheckpointException(e.getFile() + " is missing", e);
    } finally {
      if (!whole) {
        index.close();
      }
    }
  }

  private void add(SafetensorsReader file) throws IOException {
    files.add(file);
    String format = file.metadata().getOrDefault(ShardWriter.FORMAT_KEY, "none");
    if (!format.equals(ShardWriter.FORMAT)) {
      throw new UnknownFormatException(file.file().toString(), format, ShardWriter.FORMAT);
    }
    for (String entry : file.names()) {
      SliceName name =
          SliceName.parse(entry)
              .orElseThrow(
                  () ->
                      new CheckpointException(
                          file.file() + ": '" + entry + "' is not a tensor slice"));
      TensorInfo info = file.info(entry);
      if (!info.dtype().equals("F32")) {
        throw new CheckpointException(file.file() + ": " + info + " should be F32");
      }
      long[] shape = shape(file, name.parameter());
      Tensor tensor =
          tensors.computeIfAbsent(
              new Key(name.parameter(), name.kind()), _ -> new Tensor(shape, new ArrayList<>()));
      if (!Arrays.equals(tensor.shape, shape)) {
        throw new CheckpointException(
            "%s has %s as %s, another file as %s"
                .formatted(
                    file.file(), name.parameter(), Shapes.show(shape), Shapes.show(tensor.shape)));
      }
      tensor.slices.add(new Slice(name.from(), name.from() + info.elements(), entry, file));
    }
  }

  private static long[] shape(SafetensorsReader file, String parameter) throws CheckpointException {
    String text = file.metadata().get(parameter);
    try {
      if (text != null) {
        return Shapes.parse(text);
      }
    } catch (NumberFormatException e) {
      throw new CheckpointException(
          file.file() + ": '" + text + "' is not a shape for " + parameter, e);
    }
    throw new CheckpointException(file.file() + " has no shape for " + parameter);
  }

  private void checkCover() throws CheckpointException {
    for (Map.Entry<Key, Tensor> entry : tensors.entrySet()) {
      Tensor tensor = entry.getValue();
      tensor.slices.sort(Comparator.comparingLong(Slice::from));
      String what = entry.getKey().parameter + " (" + entry.getKey().kind.key() + ")";
      long at = 0;
      for (Slice slice : tensor.slices) {
        if (slice.from < at) {
          throw new CheckpointException(
              "%s: elements [%d, %d) of %s are stored twice"
                  .formatted(slice.file.file(), slice.from, Math.min(at, slice.to), what));
        }
        if (slice.from > at) {
          throw missing(what, at, slice.from);
        }
        at = slice.to;
      }
      long elements = Shapes.elements(tensor.shape);
      if (at < elements) {
        throw missing(what, at, elements);
      }
      if (at > elements) {
        throw new CheckpointException(
            "%s: %s has %d elements, its slices end at %d".formatted(folder, what, elements, at));
      }
    }
  }

  private CheckpointException missing(String what, long from, long to) {
    return new CheckpointException(
        "%s: elements [%d, %d) of %s are missing".formatted(folder, from, to, what));
  }

  /** Null if there is no such tensor. */
  long @Nullable [] shape(String parameter, StateKind kind) {
    Tensor tensor = tensors.get(new Key(parameter, kind));
    return tensor == null ? null : tensor.shape.clone();
  }

  /** Elements {@code [from, from + count)} of a tensor that exists. */
  void read(String parameter, StateKind kind, long from, long count, MemorySegment target) {
    Tensor tensor = tensors.get(new Key(parameter, kind));
    if (tensor == null || from < 0 || count < 0 || from + count > Shapes.elements(tensor.shape)) {
      throw new IndexOutOfBoundsException(
          "elements %d+%d of %s (%s)".formatted(from, count, parameter, kind.key()));
    }
    for (Slice slice : tensor.slices) {
      long first = Math.max(from, slice.from);
      long end = Math.min(from + count, slice.to);
      if (first < end) {
        MemorySegment part =
            target.asSlice((first - from) * Float.BYTES, (end - first) * Float.BYTES);
        slice.file.readF32(slice.entry, first - slice.from, end - first, part);
      }
    }
  }

  @Override
  public void close() {
    files.forEach(SafetensorsReader::close);
  }
}
