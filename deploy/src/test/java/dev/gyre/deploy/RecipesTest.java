package dev.gyre.deploy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.deploy.job.PlannedHosts;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The job files that come with Gyre. */
final class RecipesTest {
  private static final Path RECIPES = Path.of(System.getProperty("gyre.home"), "recipes");

  static List<Path> recipes() throws IOException {
    try (Stream<Path> files = Files.list(RECIPES)) {
      return files.sorted().toList();
    }
  }

  /** Plans for hosts that are large enough, independent of this machine. */
  @ParameterizedTest
  @MethodSource("recipes")
  void everyOneIsPlannedAndProven(Path recipe) {
    Cli planned = Cli.run("plan", recipe.toString(), "--machine", PlannedHosts.EXAMPLE);
    assertEquals(0, planned.exit(), planned::toString);
    assertTrue(planned.out().contains("is computed exactly once"), planned::toString);
  }
}
