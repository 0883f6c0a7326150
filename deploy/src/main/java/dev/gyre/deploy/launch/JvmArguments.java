package dev.gyre.deploy.launch;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * The options every JVM of Gyre is started with: the lines of {@code jvm.args}, which the launcher
 * script and the build's tests read too.
 */
public final class JvmArguments {
  private static final String FILE = "jvm.args";

  private JvmArguments() {}

  /**
   * For a process that this one starts: the file's, who it is, and this process's folder for
   * temporary files.
   *
   * @param run name of the run it belongs to
   */
  static List<String> of(ProcessRole role, String run) {
    List<String> all = new ArrayList<>(common());
    all.add("-Djava.io.tmpdir=" + System.getProperty("java.io.tmpdir"));
    all.add(role.option());
    all.add("-Dgyre.run=" + run);
    return all;
  }

  /** The file's options, one a line there. */
  public static List<String> common() {
    try (InputStream in =
        Objects.requireNonNull(JvmArguments.class.getResourceAsStream(FILE), FILE)) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8)
          .lines()
          .map(String::strip)
          .filter(line -> !line.isEmpty() && !line.startsWith("#"))
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + FILE, e);
    }
  }
}
