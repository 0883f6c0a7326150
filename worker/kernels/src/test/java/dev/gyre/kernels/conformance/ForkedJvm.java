package dev.gyre.kernels.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A new JVM with the classes of the test's own and chosen flags, and no others. */
public final class ForkedJvm {
  private static final int DEADLINE_SECONDS = 120;

  private ForkedJvm() {}

  /** Runs a main class to its end and returns the lines it printed. */
  public static List<String> run(Class<?> main, String argument, String... flags)
      throws IOException, InterruptedException {
    return run(main, List.of(argument), flags);
  }

  /** The same with several arguments. */
  public static List<String> run(Class<?> main, List<String> arguments, String... flags)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of(flags));
    command.add("--enable-native-access=ALL-UNNAMED");
    command.add("-cp");
    command.add(System.getProperty("java.class.path"));
    command.add(main.getName());
    command.addAll(arguments);
    Process process = new ProcessBuilder(command).start();
    try {
      assertTrue(process.waitFor(DEADLINE_SECONDS, TimeUnit.SECONDS), "did not end");
      // Both outputs are far smaller than a pipe's buffer, so the process never had to wait for a
      // reader.
      String errors = text(process.getErrorStream());
      assertEquals(0, process.exitValue(), () -> String.join(" ", command) + "\n" + errors);
      return text(process.getInputStream()).lines().toList();
    } finally {
      process.destroyForcibly();
    }
  }

  private static String text(InputStream stream) throws IOException {
    return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
  }
}
