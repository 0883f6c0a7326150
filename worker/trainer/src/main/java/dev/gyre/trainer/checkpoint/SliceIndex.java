package dev.gyre.trainer.checkpoint;

import dev.gyre.model.safetensors.SafetensorsException;
import dev.gyre.model.safetensors.SafetensorsReader;
import dev.gyre.model.safetensors.TensorInfo;
import dev.gyre.partitioning.model.TensorBox;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Finds the slices of every tensor in the ranks' files, and checks that they cover it exactly once.
 */
final class SliceIndex implements AutoCloseable {
  private record Key(String parameter, StateKind kind) {}

  /**
   * A box of a tensor in a file.
   *
   * @param at where its data begin in the entry, in elements
   */
  private record Stored(TensorBox box, String entry, long at, SafetensorsReader file) {}

  private record Tensor(long[] shape, List<Stored> slices) {}

  private final Path folder;
  private final List<SafetensorsReader> files = new ArrayList<>();
  private final Map<Key, Tensor> tensors =
      new TreeMap<>(Comparator.comparing(Key::parameter).thenComparing(Key::kind));

  private SliceIndex(Path folder) {
    this.folder = folder;
  }

  /**
   * Opens files of {@link ShardWriter#FORMAT} and of {@link ShardWriter#RUNS_FORMAT}. Runs become
   * boxes here; everything after this knows boxes only.
   *
   * @throws CheckpointException if a file is no rank's file, or slices of a tensor are missing,
   *     overlap, are not inside it, or disagree about its shape
   * @throws UnknownFormatException if a file has another format
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
    boolean runs = format.equals(ShardWriter.RUNS_FORMAT);
    if (!runs && !format.equals(ShardWriter.FORMAT)) {
      throw new UnknownFormatException(
          file.file().toString(), format, ShardWriter.RUNS_FORMAT + " and " + ShardWriter.FORMAT);
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
      if (runs) {
        addRun(tensor, name, info, file);
      } else {
        addBox(tensor, name, info, file);
      }
    }
  }

  private static void addBox(Tensor tensor, SliceName name, TensorInfo info, SafetensorsReader file)
      throws CheckpointException {
    TensorBox box;
    try {
      box = new TensorBox(name.offsets(), info.shape());
    } catch (IllegalArgumentException e) {
      throw new CheckpointException(file.file() + ": " + info + ": " + e.getMessage(), e);
    }
    if (!box.isInside(tensor.shape)) {
      throw outside(file, box.toString(), name, tensor);
    }
    tensor.slices.add(new Stored(box, info.name(), 0, file));
  }

  private static void addRun(Tensor tensor, SliceName name, TensorInfo info, SafetensorsReader file)
      throws CheckpointException {
    if (name.offsets().length != 1) {
      throw new CheckpointException(file.file() + ": " + info + " has no first element");
    }
    long from = name.offsets()[0];
    long count = info.elements();
    if (from > Shapes.elements(tensor.shape) - count) {
      throw outside(file, "[%d, %d)".formatted(from, from + count), name, tensor);
    }
    long at = 0;
    for (TensorBox box : TensorBox.ofRun(tensor.shape, from, count)) {
      tensor.slices.add(new Stored(box, info.name(), at, file));
      at += box.elements();
    }
  }

  private static CheckpointException outside(
      SafetensorsReader file, String elements, SliceName name, Tensor tensor) {
    return new CheckpointException(
        "%s: elements %s of %s (%s) are not inside its shape %s"
            .formatted(
                file.file(),
                elements,
                name.parameter(),
                name.kind().key(),
                Shapes.show(tensor.shape)));
  }

  private static long[] shape(SafetensorsReader file, String parameter) throws CheckpointException {
    String text = file.metadata().get(parameter);
    if (text == null) {
      throw new CheckpointException(file.file() + " has no shape for " + parameter);
    }
    try {
      return TensorBox.whole(Shapes.parse(text)).extents();
    } catch (IllegalArgumentException e) { // not numbers, or a dimension below 1
      throw new CheckpointException(
          file.file() + ": '" + text + "' is not a shape for " + parameter, e);
    }
  }

  private void checkCover() throws CheckpointException {
    for (Map.Entry<Key, Tensor> entry : tensors.entrySet()) {
      Tensor tensor = entry.getValue();
      String what = entry.getKey().parameter + " (" + entry.getKey().kind.key() + ")";
      List<TensorBox> boxes = tensor.slices.stream().map(Stored::box).toList();
      Optional<BoxCover.Fault> fault = BoxCover.fault(tensor.shape, boxes);
      if (fault.isPresent()) {
        throw new CheckpointException(
            switch (fault.get()) {
              case BoxCover.Fault.Missing(TensorBox elements) ->
                  "%s: elements %s of %s are missing".formatted(folder, elements, what);
              case BoxCover.Fault.Twice(TensorBox elements, int one, int other) ->
                  "%s: elements %s of %s are stored twice: in %s of %s and in %s of %s"
                      .formatted(
                          folder,
                          elements,
                          what,
                          boxes.get(one),
                          tensor.slices.get(one).file.file().getFileName(),
                          boxes.get(other),
                          tensor.slices.get(other).file.file().getFileName());
            });
      }
    }
  }

  /** Null if there is no such tensor. */
  long @Nullable [] shape(String parameter, StateKind kind) {
    Tensor tensor = tensors.get(new Key(parameter, kind));
    return tensor == null ? null : tensor.shape.clone();
  }

  /** The elements of a box of a tensor that exists: one copy for each contiguous run. */
  void read(String parameter, StateKind kind, TensorBox box, MemorySegment target) {
    Tensor tensor = tensors.get(new Key(parameter, kind));
    if (tensor == null || !box.isInside(tensor.shape)) {
      throw new IndexOutOfBoundsException(
          "elements %s of %s (%s)".formatted(box, parameter, kind.key()));
    }
    for (Stored slice : tensor.slices) {
      TensorBox.forEachShared(
          slice.box,
          box,
          (from, count, at) ->
              slice.file.readF32(
                  slice.entry,
                  slice.at + from,
                  count,
                  target.asSlice(at * Float.BYTES, count * Float.BYTES)));
    }
  }

  @Override
  public void close() {
    files.forEach(SafetensorsReader::close);
  }
}
