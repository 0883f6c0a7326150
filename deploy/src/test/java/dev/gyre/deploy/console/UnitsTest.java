package dev.gyre.deploy.console;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class UnitsTest {
  @Test
  void oneThingIsSingular() {
    assertEquals("1 layer", Units.of(1, "layer"));
    assertEquals("0 layers", Units.of(0, "layer"));
    assertEquals("2,048 tokens", Units.of(2048, "token"));
  }

  @Test
  void aTimeHasAtMostTwoUnits() {
    assertEquals("0 s", Units.seconds(0));
    assertEquals("0.4 ms", Units.seconds(0.0004));
    assertEquals("12 ms", Units.seconds(0.0123));
    assertEquals("99 ms", Units.seconds(0.0994));
    assertEquals("0.1 s", Units.seconds(0.0996));
    assertEquals("9.9 s", Units.seconds(9.94));
    assertEquals("10 s", Units.seconds(9.96));
    assertEquals("1m 0s", Units.seconds(59.6));
    assertEquals("2m 10s", Units.seconds(130.4));
    assertEquals("1h 0m", Units.seconds(3600));
    assertEquals("23h 59m", Units.seconds(86_399));
    assertEquals("3d 4h", Units.seconds(3 * 86_400 + 4 * 3600 + 59 * 60));
    assertEquals("365d", Units.seconds(365 * 86_400.0));
  }

  /** Fractions of a second do not matter here, and the column is seven characters wide. */
  @Test
  void theTimeLeftIsInWholeSecondsAndFitsItsColumn() {
    assertEquals("0 s", Units.left(0.012));
    assertEquals("3 s", Units.left(3.2));
    assertEquals("59 s", Units.left(59.4));
    assertEquals("1m 0s", Units.left(59.6));
    for (double s = 0.001; s < 1e9; s *= 1.01) {
      assertTrue(Units.left(s).length() <= 7, Units.left(s));
    }
  }
}
