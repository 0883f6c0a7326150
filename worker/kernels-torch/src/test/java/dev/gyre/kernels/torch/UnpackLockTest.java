package dev.gyre.kernels.torch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.io.BufferedReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class UnpackLockTest {
  private static final String WAITS = "waits";
  private static final String HOLDS = "holds";

  @TempDir Path folder;

  /** Another process: takes the lock and ends. */
  public static void main(String[] arguments) {
    System.out.println(WAITS);
    try (UnpackLock _ = UnpackLock.in(Path.of(arguments[0]))) {
      System.out.println(HOLDS);
    }
  }

  @Test
  void oneProcessHoldsItAtATime() throws Exception {
    Process other;
    try (UnpackLock _ = UnpackLock.in(folder.resolve("new"))) {
      other =
          new ProcessBuilder(
                  Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                  "-cp",
                  System.getProperty("java.class.path"),
                  UnpackLockTest.class.getName(),
                  folder.resolve("new").toString())
              .redirectErrorStream(true)
              .start();
      BufferedReader said = other.inputReader();
      assertEquals(WAITS, said.readLine());
      assertFalse(other.waitFor(Duration.ofMillis(500)), "it does not wait");
    }
    assertEquals(HOLDS, other.inputReader().readLine());
    assertEquals(0, other.waitFor());
  }

  /** Nothing is unpacked in a folder that cannot be created, so no lock is needed. */
  @Test
  void whereNothingCanBeWrittenNobodyWaits() throws Exception {
    Path file = Files.createFile(folder.resolve("file"));
    try (UnpackLock _ = UnpackLock.in(file.resolve("below"))) {
      assertFalse(Files.exists(file.resolve("below")));
    }
  }
}
