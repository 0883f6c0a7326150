package dev.gyre.deploy;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What the README and the guide tell people to type, works; where they point, something is. */
final class DocumentationTest {
  static final Path ROOT = Path.of(System.getProperty("gyre.home"));

  private static final Pattern LINK = Pattern.compile("]\\(([^)#]+)(?:#[^)]*)?\\)");

  static List<Path> pages() throws IOException {
    List<Path> pages = new ArrayList<>();
    pages.add(ROOT.resolve("README.md"));
    try (Stream<Path> docs = Files.walk(ROOT.resolve("docs"))) {
      docs.filter(page -> page.toString().endsWith(".md")).sorted().forEach(pages::add);
    }
    return pages;
  }

  @ParameterizedTest
  @MethodSource("pages")
  void everyCommandParses(Path page) throws IOException {
    CommandsInText.of(Files.readString(page)).forEach(CommandsInText::assertParses);
  }

  @ParameterizedTest
  @MethodSource("pages")
  void everyLinkLeadsSomewhere(Path page) throws IOException {
    Matcher link = LINK.matcher(Files.readString(page));
    while (link.find()) {
      String target = link.group(1);
      if (!target.startsWith("http")) {
        assertTrue(Files.exists(page.resolveSibling(target)), () -> page + " links to " + target);
      }
    }
  }

  @Test
  void theReadmeNamesTheTwoCommands() throws IOException {
    String readme = Files.readString(ROOT.resolve("README.md"));
    assertTrue(readme.contains("./gyre train"), readme);
    assertTrue(readme.contains("./gyre test"), readme);
    assertTrue(CommandsInText.of(readme).size() >= 3, readme);
  }

  @Test
  void everyCommandIsInTheGuide() throws IOException {
    String running = Files.readString(ROOT.resolve("docs/guide/running.md"));
    HelpTest.commands()
        .filter(command -> !command.equals("gyre"))
        .forEach(
            command ->
                assertTrue(
                    running.contains("./" + command),
                    () -> "docs/guide/running.md lacks ./" + command));
  }
}
