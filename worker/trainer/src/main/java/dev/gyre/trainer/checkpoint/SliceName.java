package dev.gyre.trainer.checkpoint;

import java.util.Arrays;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * A slice's name in a rank's file: {@code PARAMETER:KIND:OFFSETS}, with commas between the offsets,
 * of which a scalar has none. The entry's own shape is the box's extents. The shape of the complete
 * tensor is in the file's metadata under the parameter's name.
 *
 * @param offsets of the slice's box; in {@link ShardWriter#RUNS_FORMAT} the run's first element
 */
record SliceName(String parameter, StateKind kind, long[] offsets) {
  private static final Pattern OFFSETS = Pattern.compile("(\\d{1,18}(,\\d{1,18})*)?");

  String format() {
    return parameter
        + ":"
        + kind.key()
        + ":"
        + Arrays.stream(offsets).mapToObj(Long::toString).collect(Collectors.joining(","));
  }

  static Optional<SliceName> parse(String entry) {
    int last = entry.lastIndexOf(':');
    int middle = last < 0 ? -1 : entry.lastIndexOf(':', last - 1);
    if (middle <= 0) {
      return Optional.empty();
    }
    Optional<StateKind> kind = StateKind.of(entry.substring(middle + 1, last));
    String text = entry.substring(last + 1);
    if (kind.isEmpty() || !OFFSETS.matcher(text).matches()) {
      return Optional.empty();
    }
    long[] offsets =
        text.isEmpty()
            ? new long[0]
            : Arrays.stream(text.split(",", -1)).mapToLong(Long::parseLong).toArray();
    return Optional.of(new SliceName(entry.substring(0, middle), kind.get(), offsets));
  }
}
