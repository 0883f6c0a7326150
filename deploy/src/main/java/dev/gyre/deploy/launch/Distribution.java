package dev.gyre.deploy.launch;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The distribution this process was started from by the launcher script. Processes that it starts
 * use the same files.
 *
 * @param folder holds {@code lib}, {@code jvm.args}, {@code lock} and optional parts
 * @param launcher the script, which builds missing parts and restarts the command
 * @param parts optional ones that this process was started with
 */
public record Distribution(Path folder, Path launcher, List<String> parts) {
  public Distribution {
    parts = List.copyOf(parts);
  }

  /** Empty if the JVM was started without the script, as in tests. */
  public static Optional<Distribution> current() {
    String folder = System.getProperty("gyre.dist");
    String launcher = System.getProperty("gyre.launcher");
    if (folder == null || launcher == null) {
      return Optional.empty();
    }
    List<String> parts =
        Arrays.stream(System.getProperty("gyre.parts", "").split(",", -1))
            .filter(part -> !part.isEmpty())
            .toList();
    return Optional.of(new Distribution(Path.of(folder), Path.of(launcher), parts));
  }

  /**
   * Each process that uses this folder holds this lock shared. A process with the exclusive lock
   * may delete the folder.
   */
  Path lock() {
    return folder.resolve("lock");
  }

  /** The class path of an optional part: one jar whose manifest names the others. */
  public String classPath(String part) {
    return folder.resolve(part).resolve("gyre.jar").toString();
  }

  /** The lock of the current distribution; null if there is no distribution. */
  static @Nullable Path currentLock() {
    return current().map(Distribution::lock).orElse(null);
  }
}
