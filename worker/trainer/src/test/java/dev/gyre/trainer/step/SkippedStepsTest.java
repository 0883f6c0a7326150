package dev.gyre.trainer.step;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class SkippedStepsTest {
  /**
   * Skipped steps do not count for AdamW's bias correction: the first update after them is the
   * second.
   */
  @Test
  void skippedStepsAreNoUpdates() {
    SkippedSteps skipped = new SkippedSteps(0);
    assertEquals(1, skipped.update(0));
    skipped.applied();
    for (int step = 1; step <= 3; step++) {
      skipped.skipped();
    }
    assertEquals(2, skipped.update(4));
    assertEquals(3, skipped.total());
  }

  @Test
  void aResumedRunCountsOn() {
    SkippedSteps resumed = new SkippedSteps(3);
    assertEquals(98, resumed.update(100));
    assertFalse(resumed.tooMany());
  }

  @Test
  void twentyInARowAreTooManyAndAnyUpdateBeginsAnew() {
    SkippedSteps skipped = new SkippedSteps(100);
    for (int step = 0; step < 19; step++) {
      skipped.skipped();
    }
    assertFalse(skipped.tooMany());
    skipped.applied();
    for (int step = 0; step < 19; step++) {
      skipped.skipped();
    }
    assertFalse(skipped.tooMany());
    skipped.skipped();
    assertTrue(skipped.tooMany());
    assertEquals(139, skipped.total());
  }
}
