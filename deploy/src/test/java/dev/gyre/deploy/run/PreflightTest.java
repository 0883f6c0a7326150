package dev.gyre.deploy.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.partitioning.job.Invalid;
import org.junit.jupiter.api.Test;

class PreflightTest {
  private static final long GB = 1L << 30;

  private static String refusal(int workers, long memoryBytes) {
    Invalid e = assertThrows(Invalid.class, () -> Preflight.requireWorkers(workers, memoryBytes));
    assertEquals("mesh.workers", e.key());
    return e.getMessage();
  }

  @Test
  void aNumberOfWorkersThatIsATypoIsRefused() {
    Preflight.requireWorkers(8, 4 * GB);
    Preflight.requireWorkers(1, GB / 100);
    String typo = refusal(2000, 24 * GB);
    assertTrue(typo.contains("is 2,000, but"), typo);
    assertTrue(typo.contains("Use at most --workers 122"), typo);
    String many = refusal(2000, 1000 * GB);
    assertTrue(many.contains("a run has at most 256 workers. Use at most --workers 256"), many);
  }
}
