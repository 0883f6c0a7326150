package dev.gyre.partitioning.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class RatesTest {
  private static final Rates ALONE = new Rates(200, 100, 10);

  @Test
  void workersWithACoreEachKeepTheirRates() {
    assertEquals(ALONE, ALONE.shared(1, 2));
    assertEquals(ALONE, ALONE.shared(2, 2));
  }

  @Test
  void moreWorkersThanCoresShareThem() {
    assertEquals(new Rates(100, 50, 5), ALONE.shared(4, 2));
    assertEquals(new Rates(133, 66, 6), ALONE.shared(3, 2));
  }
}
