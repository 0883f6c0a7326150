package dev.gyre.deploy.doctor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.comms.ExitCode;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

final class SystemChecksTest {
  private static final SystemFacts GOOD =
      new SystemFacts(
          25,
          "25.0.3",
          true,
          "Some CPU",
          8,
          32L << 30,
          16L << 30,
          20_000,
          -1,
          "always",
          Map.of(),
          List.of());

  private static SystemFacts memory(long memory, long shared) {
    return new SystemFacts(
        25, "25", true, "Some CPU", 8, memory, shared, 20_000, -1, "always", Map.of(), List.of());
  }

  private static SystemFacts limits(long files, String hugePages, Map<String, String> openMp) {
    return new SystemFacts(
        25,
        "25",
        true,
        "Some CPU",
        8,
        32L << 30,
        16L << 30,
        files,
        -1,
        hugePages,
        openMp,
        List.of());
  }

  private static Finding find(SystemFacts facts, String subject) {
    return SystemChecks.of(facts).stream()
        .filter(finding -> finding.subject().equals(subject))
        .findFirst()
        .orElseThrow();
  }

  private static void assertBetter(SystemFacts facts, String subject, String advice) {
    Finding finding = find(facts, subject);
    assertEquals(Level.COULD_BE_BETTER, finding.level(), finding::toString);
    assertEquals(ExitCode.DONE, finding.exit());
    assertTrue(finding.advice().contains(advice), finding::toString);
  }

  private static void assertBroken(
      SystemFacts facts, String subject, ExitCode exit, String advice) {
    Finding finding = find(facts, subject);
    assertEquals(Level.BROKEN, finding.level(), finding::toString);
    assertEquals(exit, finding.exit(), finding::toString);
    assertTrue(finding.advice().contains(advice), finding::toString);
  }

  @Test
  void aGoodMachineHasNothingToChange() {
    for (Finding finding : SystemChecks.of(GOOD)) {
      assertEquals(Level.OK, finding.level(), finding::toString);
      assertEquals("", finding.advice(), finding::toString);
    }
  }

  @Test
  void theJdk() {
    SystemFacts old =
        new SystemFacts(
            21, "21.0.2", true, "", 2, 32L << 30, 1L << 40, 9999, -1, "", Map.of(), List.of());
    assertBroken(old, "jdk", ExitCode.BAD_JOB, "JAVA_HOME");
    SystemFacts runtimeOnly =
        new SystemFacts(
            25, "25.0.3", false, "", 1, 32L << 30, 1L << 40, 9999, -1, "", Map.of(), List.of());
    assertBetter(runtimeOnly, "jdk", "JDK, not a JRE");
    assertBetter(runtimeOnly, "cores", "one core");
  }

  @Test
  void memory() {
    assertBroken(memory(512L << 20, 1L << 40), "memory", ExitCode.TRY_AGAIN, "half");
    assertBetter(memory(2L << 30, 1L << 40), "memory", "gyre plan");
    assertBroken(memory(32L << 30, 2L << 20), "/dev/shm", ExitCode.TRY_AGAIN, "--shm-size");
    assertBetter(memory(32L << 30, 64L << 20), "/dev/shm", "--shm-size");
    assertBetter(memory(32L << 30, 0), "/dev/shm", "--shm-size");
  }

  @Test
  void limits() {
    assertBroken(limits(256, "", Map.of()), "open files", ExitCode.BAD_JOB, "ulimit -n");
    assertBetter(limits(1024, "", Map.of()), "open files", "ulimit -n");
    assertEquals(Level.OK, find(limits(-1, "", Map.of()), "open files").level());
    assertBetter(limits(9999, "madvise", Map.of()), "huge pages", "echo always");
  }

  @Test
  void onlyOpenMpVariablesThatHarmAreToBeUnset() {
    assertEquals(
        Level.OK, find(limits(9999, "", Map.of("OMP_NUM_THREADS", "4")), "OpenMP").level());
    assertBetter(
        limits(9999, "", Map.of("OMP_NUM_THREADS", "4", "OMP_PROC_BIND", "true")),
        "OpenMP",
        "unset OMP_PROC_BIND:");
  }

  @Test
  void whatKilledRunsLeft() {
    SystemFacts facts =
        new SystemFacts(
            25,
            "25",
            true,
            "",
            2,
            32L << 30,
            1L << 40,
            9999,
            8192,
            "",
            Map.of(),
            List.of(Path.of("/dev/shm/gyre-a-1-2")));
    assertBetter(facts, "leftovers", "/dev/shm/gyre-a-1-2");
  }

  @Test
  void softLimitsAreReadFromTheSystemsTable() {
    String table =
        """
        Limit                     Soft Limit           Hard Limit           Units
        Max locked memory         unlimited            unlimited            bytes
        Max open files            1024                 524288               files
        """;
    assertEquals(1024, SystemFacts.limit(table, "Max open files"));
    assertEquals(-1, SystemFacts.limit(table, "Max locked memory"));
    assertEquals(-1, SystemFacts.limit("", "Max open files"));
  }

  @Test
  void thisMachineIsRead() {
    SystemFacts here = SystemFacts.read();
    assertEquals(25, here.javaFeature());
    assertTrue(here.cores() > 0 && here.memoryBytes() > 0, here::toString);
  }
}
