package dev.gyre.partitioning.layout;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The documents packed in one row, in order. Tokens attend inside their document only, and
 * positions restart in each. Immutable.
 */
public final class Documents {
  private final int[] starts;

  /**
   * @param lengths tokens of each document, each at least 1; none for an empty row
   */
  public Documents(int... lengths) {
    starts = new int[lengths.length + 1];
    for (int i = 0; i < lengths.length; i++) {
      if (lengths[i] < 1) {
        throw new IllegalArgumentException("document " + i + " has " + lengths[i] + " tokens");
      }
      starts[i + 1] = Math.addExact(starts[i], lengths[i]);
    }
  }

  /** The documents of several rows, one row after the other. */
  public static Documents concatenated(List<Documents> rows) {
    if (rows.size() == 1) {
      return rows.getFirst();
    }
    List<Integer> lengths = new ArrayList<>();
    for (Documents row : rows) {
      for (int d = 0; d < row.count(); d++) {
        lengths.add(row.length(d));
      }
    }
    return new Documents(lengths.stream().mapToInt(Integer::intValue).toArray());
  }

  public int count() {
    return starts.length - 1;
  }

  /** Tokens of the row. */
  public int tokens() {
    return starts[starts.length - 1];
  }

  /** Row position of a document's first token; {@code start(count()) == tokens()}. */
  public int start(int document) {
    return starts[document];
  }

  public int length(int document) {
    return starts[document + 1] - starts[document];
  }

  /** Document of a row position. */
  public int documentOf(int position) {
    int at = Arrays.binarySearch(starts, position);
    return at >= 0 ? at : -at - 2;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Documents that && Arrays.equals(starts, that.starts);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(starts);
  }
}
