package dev.gyre.partitioning.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.check.NumberRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class NumberRangeTest {
  @Test
  void limitsAreInsideUnlessExcluded() {
    NumberRange beta = NumberRange.below(0, 1);
    assertTrue(beta.holds(0.0) && beta.holds(0.95));
    assertFalse(beta.holds(1.0) || beta.holds(-1e-9));
    NumberRange eps = NumberRange.above(0);
    assertTrue(eps.holds(1e-8));
    assertFalse(eps.holds(0.0));
    NumberRange tokens = NumberRange.whole(1, 256);
    assertTrue(tokens.holds(1) && tokens.holds(256));
    assertFalse(tokens.holds(0) || tokens.holds(257));
  }

  @ParameterizedTest
  @ValueSource(
      doubles = {
        Double.NaN,
        Double.POSITIVE_INFINITY,
        Double.NEGATIVE_INFINITY,
        1e39, // infinite in f32
        1e-50, // 0 in f32
        -1e-50
      })
  void whatIsNoPositiveFloatIsOutside(double value) {
    assertFalse(NumberRange.above(0).holds(value));
  }

  @Test
  void roundingToF32MayNotReachAnExcludedLimit() {
    assertTrue(NumberRange.below(0, 1).holds(0.9999));
    assertFalse(NumberRange.below(0, 1).holds(0.99999999));
  }

  @Test
  void anyWholeNumberIsA64BitSeed() {
    assertTrue(NumberRange.ANY_WHOLE.holds((double) Long.MAX_VALUE));
    assertTrue(NumberRange.ANY_WHOLE.holds((double) Long.MIN_VALUE));
  }

  @Test
  void theTextNamesTheLimits() {
    assertEquals("from 1 to 1,024", NumberRange.whole(1, 1024).text());
    assertEquals("at least 0", NumberRange.atLeast(0).text());
    assertEquals("above 0", NumberRange.above(0).text());
    assertEquals("from 0 to below 1", NumberRange.below(0, 1).text());
    assertEquals("above 0, at most 1,000", NumberRange.aboveUpTo(0, 1000).text());
    assertEquals("from 0 to 50%", NumberRange.share(0, 0.5).text());
    assertEquals("from 0 to 0.5", NumberRange.between(0, 0.5).text());
    assertEquals("a 64-bit whole number", NumberRange.ANY_WHOLE.text());
  }

  @Test
  void theErrorNamesKeyValueAndRange() {
    Invalid whole =
        assertThrows(Invalid.class, () -> NumberRange.whole(1, 9).require("--tokens", -1));
    assertEquals("--tokens -1 must be from 1 to 9", whole.getMessage());
    Invalid real = assertThrows(Invalid.class, () -> NumberRange.above(0).require("a.b", 0.0));
    assertEquals("a.b: 0.0 must be above 0", real.getMessage());
    Invalid tiny = assertThrows(Invalid.class, () -> NumberRange.above(0).require("a.b", 1e-50));
    assertEquals(
        "a.b: 1.0E-50 must be above 0, and within the range of 32-bit floats", tiny.getMessage());
  }
}
