package dev.gyre.model.hf;

import dev.gyre.model.safetensors.SafetensorsReader;
import dev.gyre.partitioning.model.TensorBox;
import dev.gyre.partitioning.model.TensorSpec;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/**
 * Where the tensors of a model lie in those of a Hugging Face folder. Each is one or several boxes
 * whose elements lie in a tensor of the folder at regular distances.
 */
public final class TensorMap {
  private final Map<String, FileTensor> files = new LinkedHashMap<>();
  private final Map<String, List<Piece>> ofOurs = new HashMap<>();
  private final Map<String, List<Piece>> ofFile = new HashMap<>();

  /**
   * A tensor of a folder.
   *
   * @param shape dims, outermost first
   */
  public record FileTensor(String name, long... shape) {
    public long elements() {
      return Arrays.stream(shape).reduce(1, Math::multiplyExact);
    }

    /** Elements of each index of the first dim: a row. */
    public long rowElements() {
      return elements() / shape[0];
    }

    @Override
    public String toString() {
      return name + Arrays.toString(shape);
    }
  }

  /** Reads a box of one of our tensors. */
  @FunctionalInterface
  public interface BoxSource {
    /**
     * @param to F32 in the box's row-major order
     */
    void read(TensorSpec ours, TensorBox box, MemorySegment to) throws IOException;
  }

  @FunctionalInterface
  private interface Run {
    /**
     * @param position of the run's first element in the visited box
     * @param at of the same element in the file's tensor
     * @param stride from one element to the next in the file's tensor
     */
    void elements(long position, long at, long stride, long count);
  }

  /**
   * A box of one of our tensors, in a tensor of a folder.
   *
   * @param offset of the box's first element
   * @param strides from one index of each of the box's dims to the next
   */
  private record Piece(
      TensorSpec ours, TensorBox box, FileTensor file, long offset, long[] strides) {

    /** The part of the box that lies in rows {@code [from, to)} of the file's tensor. */
    Optional<TensorBox> inRows(long from, long to) {
      long row = file.rowElements();
      long first = offset / row;
      for (int d = 0; d < strides.length; d++) {
        if (strides[d] >= row) { // this dim, and no other, goes from row to row
          long step = strides[d] / row;
          long[] start = box.offsets();
          long[] extent = box.extents();
          long begin = Math.clamp(Math.ceilDiv(from - first, step), 0, extent[d]);
          long end = Math.clamp(Math.ceilDiv(to - first, step), 0, extent[d]);
          start[d] += begin;
          extent[d] = end - begin;
          return begin < end ? Optional.of(new TensorBox(start, extent)) : Optional.empty();
        }
      }
      return first >= from && first < to ? Optional.of(box) : Optional.empty();
    }

    /**
     * @param of the box that positions are in
     * @param part inside both boxes
     */
    void forEachRun(TensorBox of, TensorBox part, Run run) {
      int last = part.dims() - 1;
      long[] index = part.offsets();
      boolean more = true;
      while (more) {
        long at = offset;
        for (int d = 0; d <= last; d++) {
          at += (index[d] - box.start(d)) * strides[d];
        }
        run.elements(of.position(index), at, strides[last], part.end(last) - part.start(last));
        int d = last - 1;
        while (d >= 0 && ++index[d] == part.end(d)) {
          index[d] = part.start(d);
          d--;
        }
        more = d >= 0;
      }
    }
  }

  TensorMap() {}

  /** A tensor of the same shape, as it is. */
  void whole(TensorSpec ours, String name) {
    add(new Piece(ours, ours.whole(), new FileTensor(name, ours.shape()), 0, strides(ours)));
  }

  /**
   * All of ours at regular distances.
   *
   * @param offset of its first element
   * @param strides from one index of each of its dims to the next
   */
  void strided(TensorSpec ours, FileTensor file, long offset, long... strides) {
    add(new Piece(ours, ours.whole(), file, offset, strides));
  }

  /**
   * Rows of ours from every {@code step}-th row of a tensor with rows of the same length.
   *
   * @param first row of ours
   * @param count rows; none adds nothing
   * @param firstInFile row of the file's tensor
   */
  void rows(TensorSpec ours, FileTensor file, long first, long count, long firstInFile, long step) {
    if (count > 0) {
      long[] start = new long[ours.shape().length];
      long[] extent = ours.shape().clone();
      start[0] = first;
      extent[0] = count;
      long[] strides = strides(ours);
      long offset = firstInFile * strides[0];
      strides[0] *= step;
      add(new Piece(ours, new TensorBox(start, extent), file, offset, strides));
    }
  }

  private static long[] strides(TensorSpec ours) {
    long[] strides = new long[ours.shape().length];
    long stride = 1;
    for (int d = strides.length - 1; d >= 0; d--) {
      strides[d] = stride;
      stride *= ours.shape()[d];
    }
    return strides;
  }

  private void add(Piece piece) {
    files.putIfAbsent(piece.file.name, piece.file);
    ofOurs.computeIfAbsent(piece.ours.name(), _ -> new ArrayList<>()).add(piece);
    ofFile.computeIfAbsent(piece.file.name, _ -> new ArrayList<>()).add(piece);
  }

  /** The tensors of the folder, in the model's order. */
  public Collection<FileTensor> files() {
    return Collections.unmodifiableCollection(files.values());
  }

  /** Names of the folder's tensors that hold one of ours. */
  List<String> filesOf(String ours) {
    return pieces(ofOurs, ours).stream().map(piece -> piece.file.name).distinct().toList();
  }

  private static List<Piece> pieces(Map<String, List<Piece>> from, String name) {
    List<Piece> pieces = from.get(name);
    if (pieces == null) {
      throw new IllegalArgumentException("the model has no tensor " + name);
    }
    return pieces;
  }

  /**
   * Reads the elements of a box of one of our tensors.
   *
   * @param prefix of every name in the files
   * @param holding the file that holds a tensor
   * @param to F32 in the box's row-major order
   */
  public void read(
      TensorSpec ours,
      TensorBox box,
      String prefix,
      Function<String, SafetensorsReader> holding,
      MemorySegment to) {
    for (Piece piece : pieces(ofOurs, ours.name())) {
      TensorBox part = piece.box.intersection(box).orElse(null);
      if (part != null) {
        String name = prefix + piece.file.name;
        SafetensorsReader file = holding.apply(name);
        piece.forEachRun(
            box,
            part,
            (position, at, stride, count) ->
                file.readF32(
                    name,
                    at,
                    stride,
                    count,
                    to.asSlice(position * Float.BYTES, count * Float.BYTES)));
      }
    }
  }

  /**
   * Fills rows {@code [from, to)} of a tensor of the folder with the elements of ours.
   *
   * @param rows F32, written
   * @param scratch of the same size
   */
  public void fill(
      FileTensor file,
      long from,
      long to,
      BoxSource source,
      MemorySegment rows,
      MemorySegment scratch)
      throws IOException {
    long start = from * file.rowElements();
    for (Piece piece : pieces(ofFile, file.name)) {
      TensorBox part = piece.inRows(from, to).orElse(null);
      if (part != null) {
        source.read(piece.ours, part, scratch);
        piece.forEachRun(
            part,
            part,
            (position, at, stride, count) -> {
              for (long i = 0; i < count; i++) {
                float value = scratch.getAtIndex(ValueLayout.JAVA_FLOAT, position + i);
                rows.setAtIndex(ValueLayout.JAVA_FLOAT, at - start + i * stride, value);
              }
            });
      }
    }
  }
}
