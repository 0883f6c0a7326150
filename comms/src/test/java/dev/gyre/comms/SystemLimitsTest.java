package dev.gyre.comms;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Optional;
import org.junit.jupiter.api.Test;

class SystemLimitsTest {
  private static final String TABLE =
      """
      Limit                     Soft Limit           Hard Limit           Units
      Max file size             unlimited            unlimited            bytes
      Max processes             63000                63000                processes
      Max open files            1024                 1048576              files
      """;

  @Test
  void softLimitsAreRead() {
    assertEquals(1024, SystemLimits.value(TABLE, "Max open files"));
    assertEquals(-1, SystemLimits.value(TABLE, "Max file size"));
    assertEquals(-1, SystemLimits.value("", "Max processes"));
  }

  private static void assertNames(String message, String... parts) {
    String advice = SystemLimits.advice(message).orElse("none");
    for (String part : parts) {
      assertTrue(advice.contains(part), advice);
    }
  }

  @Test
  void theLimitThatWasMetIsNamed() {
    assertNames("File too large", "file sizes", "ulimit -f");
    assertNames("a.jar (Too many open files)", "open files", "ulimit -n");
    assertNames(
        "Cannot run program \"/bin/sh\": error=11, Resource temporarily unavailable",
        "processes",
        "ulimit -u",
        "pids.max");
    assertNames("unable to create native thread: possibly out of memory", "ulimit -u");
    long files = SystemLimits.OPEN_FILES.value();
    assertNames("Too many open files", files < 0 ? "" : "now " + files);
    assertEquals(Optional.empty(), SystemLimits.advice("Input/output error"));
    assertEquals(Optional.empty(), SystemLimits.advice(null));
  }
}
