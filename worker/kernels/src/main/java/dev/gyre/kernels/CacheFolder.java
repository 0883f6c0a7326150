package dev.gyre.kernels;

import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The user's cache folder: unpacked native libraries, measured rates and other files that are slow
 * to recreate. It can be deleted at any time.
 */
public final class CacheFolder {
  /** The environment variable that names the folder; it takes precedence over the defaults. */
  public static final String VARIABLE = "GYRE_CACHE";

  private CacheFolder() {}

  /**
   * {@code $GYRE_CACHE}, else {@code $XDG_CACHE_HOME/gyre}, else {@code ~/.cache/gyre}, else, for a
   * user without a home, {@code gyre-USER} among temporary files: the launcher script applies the
   * same rule.
   */
  public static Path ofUser() {
    return of(System.getenv(), System.getProperty("user.home"));
  }

  /**
   * @param home home folder of the user if HOME is not set
   */
  static Path of(Map<String, String> environment, String home) {
    String named = value(environment, VARIABLE);
    if (named != null) {
      return Path.of(named);
    }
    String caches = value(environment, "XDG_CACHE_HOME");
    if (caches != null && Path.of(caches).isAbsolute()) {
      return Path.of(caches, "gyre");
    }
    String ofHome = value(environment, "HOME");
    Path folder = Path.of(ofHome == null ? home : ofHome);
    // A user without a home has "?" or "/".
    return folder.isAbsolute() && folder.getNameCount() > 0
        ? folder.resolve(".cache").resolve("gyre")
        : Path.of(System.getProperty("java.io.tmpdir"), "gyre-" + user());
  }

  private static String user() {
    return System.getProperty("user.name", "user").replaceAll("[^A-Za-z0-9_-]", "_");
  }

  private static @Nullable String value(Map<String, String> environment, String name) {
    String value = environment.get(name);
    return value == null || value.isEmpty() ? null : value;
  }
}
