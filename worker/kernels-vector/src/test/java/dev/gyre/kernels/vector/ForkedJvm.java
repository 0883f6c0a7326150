package dev.gyre.kernels.vector;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.kernels.Kernels;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** A new JVM with this module's classes and chosen flags. */
final class ForkedJvm {
  private static final int DEADLINE_SECONDS = 120;

  private ForkedJvm() {}

  /** Runs a main class to its end and returns the lines it printed. */
  static List<String> run(Class<?> main, String argument, String... flags)
      throws IOException, InterruptedException {
    return run(main, List.of(argument), flags);
  }

  /** The same with several arguments. */
  static List<String> run(Class<?> main, List<String> arguments, String... flags)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of(flags));
    command.add("--enable-native-access=ALL-UNNAMED");
    command.add("-cp");
    command.add(
        Stream.of(main, VectorBackendProvider.class, Kernels.class)
            .map(c -> c.getProtectionDomain().getCodeSource().getLocation())
            .map(location -> Path.of(URI.create(location.toString())).toString())
            .collect(Collectors.joining(File.pathSeparator)));
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
