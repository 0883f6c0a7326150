package dev.gyre.trainer.data;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Folders that data is read from and written to.
 *
 * @param base relative paths of the job are resolved against it
 * @param cache token stores are kept here, one folder each; made when missing
 * @param otherCache used where {@code cache} cannot be written or read; null for none
 * @param javaHome where {@code jdk:src.zip} looks for {@code lib/src.zip}
 * @param project the project's own sources and docs, used when the JDK has no sources; null for
 *     none
 */
public record DataPlaces(
    Path base, Path cache, @Nullable Path otherCache, Path javaHome, @Nullable Path project) {

  /** Without another cache. */
  public DataPlaces(Path base, Path cache, Path javaHome, @Nullable Path project) {
    this(base, cache, null, javaHome, project);
  }

  /** Relative to a folder, with the JDK that runs this code. */
  public static DataPlaces of(Path base, Path cache, @Nullable Path project) {
    return new DataPlaces(base, cache, Path.of(System.getProperty("java.home")), project);
  }

  /** The same with another cache. */
  public DataPlaces withOtherCache(Path other) {
    return new DataPlaces(base, cache, other, javaHome, project);
  }
}
