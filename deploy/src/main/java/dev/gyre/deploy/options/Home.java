package dev.gyre.deploy.options;

import java.nio.file.Files;
import java.nio.file.Path;

/** The folder of Gyre itself, with the files that belong to it. */
public final class Home {
  private Home() {}

  public static Path folder() {
    return Path.of(System.getProperty("gyre.home", "."));
  }

  /** The file of this name in the current folder, or else in Gyre's folder. */
  static Path path(Path relative) {
    return Files.exists(relative) ? relative : folder().resolve(relative);
  }
}
