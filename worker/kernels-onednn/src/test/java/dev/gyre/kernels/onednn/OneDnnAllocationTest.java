package dev.gyre.kernels.onednn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/**
 * Once compiled, products and attention allocate nothing. Checked in a new JVM, which has not seen
 * the suite's many shapes, with the JVM's own thresholds: with Gyre's lower ones it now and then
 * compiles a kernel before it can inline the Vector API.
 */
final class OneDnnAllocationTest {
  private static final int DEADLINE_SECONDS = 120;

  @Test
  void warmCallsAllocateNothing() throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "--add-modules=jdk.incubator.vector",
                "-XX:+UseSerialGC",
                "-Djava.io.tmpdir=" + System.getProperty("java.io.tmpdir"),
                "-cp",
                System.getProperty("java.class.path"),
                OneDnnAllocationProbe.class.getName())
            .start();
    try {
      assertTrue(process.waitFor(DEADLINE_SECONDS, TimeUnit.SECONDS), "did not end");
      String errors = new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
      assertEquals(0, process.exitValue(), errors);
      String printed = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      assertEquals(List.of("0"), printed.lines().toList(), "bytes per round");
    } finally {
      process.destroyForcibly();
    }
  }
}
