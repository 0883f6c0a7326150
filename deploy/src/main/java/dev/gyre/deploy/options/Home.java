package dev.gyre.deploy.options;

import java.nio.file.Files;
import java.nio.file.Path;

/** The folder Gyre was started from, for files that come with it. */
public final class Home {
  private Home() {}

  public static Path folder() {
    return Path.of(System.getProperty("gyre.home", "."));
  }

  /** A file that comes with Gyre, where the current folder has none of that name. */
  static Path path(Path relative) {
    return Files.exists(relative) ? relative : folder().resolve(relative);
  }
}
