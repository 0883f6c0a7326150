package dev.gyre.trainer.checkpoint;

import java.util.Optional;

/**
 * A slice's name in a rank's file: {@code PARAMETER:KIND:FIRST_ELEMENT}. Its length is the entry's
 * own shape. The shape of the complete tensor is in the file's metadata under the parameter's name.
 */
record SliceName(String parameter, StateKind kind, long from) {

  String format() {
    return parameter + ":" + kind.key() + ":" + from;
  }

  static Optional<SliceName> parse(String entry) {
    int last = entry.lastIndexOf(':');
    int middle = last < 0 ? -1 : entry.lastIndexOf(':', last - 1);
    if (middle <= 0) {
      return Optional.empty();
    }
    Optional<StateKind> kind = StateKind.of(entry.substring(middle + 1, last));
    String from = entry.substring(last + 1);
    if (kind.isEmpty() || !from.matches("\\d{1,18}")) {
      return Optional.empty();
    }
    return Optional.of(new SliceName(entry.substring(0, middle), kind.get(), Long.parseLong(from)));
  }
}
