package dev.gyre.trainer.golden;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;

/** The golden cases of Hugging Face model families; see the README beside them. */
public final class FamilyFolders {
  private FamilyFolders() {}

  /** All of them, by name. */
  public static List<Path> all() {
    Path root;
    try {
      root = Path.of(Objects.requireNonNull(FamilyFolders.class.getResource("/golden-hf")).toURI());
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
    try (var folders = Files.list(root)) {
      return folders.filter(Files::isDirectory).sorted().toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
