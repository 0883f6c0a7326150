package dev.gyre.integration;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Checks of a command's output after it has ended. */
final class Says {
  private Says() {}

  /** The output has all of these words, and no sign of a bug in Gyre. */
  static void all(Gyre.Ended ended, String... words) {
    for (String word : words) {
      assertTrue(ended.output().contains(word), "'" + word + "' is not in\n" + ended.output());
    }
    for (String lost : new String[] {"a bug in Gyre", "Exception in thread", "\tat dev.gyre."}) {
      assertFalse(ended.output().contains(lost), ended.output());
    }
  }
}
