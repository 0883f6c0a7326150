package dev.gyre.integration;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** What a person can read when a command has ended. */
final class Says {
  private Says() {}

  /** All of these words, and no sign that Gyre itself lost its way. */
  static void all(Gyre.Ended ended, String... words) {
    for (String word : words) {
      assertTrue(ended.output().contains(word), "'" + word + "' is not in\n" + ended.output());
    }
    for (String lost : new String[] {"a bug in Gyre", "Exception in thread", "\tat dev.gyre."}) {
      assertFalse(ended.output().contains(lost), ended.output());
    }
  }
}
