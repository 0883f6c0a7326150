package dev.gyre.deploy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import picocli.CommandLine;

/**
 * Commands in the README and in docs/ parse, and links, files, classes and options that they name
 * exist.
 */
final class DocumentationTest {
  static final Path ROOT = DocPages.ROOT;

  private static final int COLUMNS = 120;

  private static final Pattern LINK = Pattern.compile("]\\(([^)#]*)(?:#([^)]*))?\\)");
  private static final Pattern HEADING = Pattern.compile("(?m)^#+ (.+)$");

  /** A class, or one of its methods. */
  private static final Pattern JAVA_NAME =
      Pattern.compile("([A-Z][A-Za-z0-9]*[a-z][A-Za-z0-9]*)(?:\\.([a-z]\\w*))?(?:\\(.*\\))?");

  /** Options of the script's own command {@code test}, and of other programs. */
  private static final Set<String> OTHER_OPTIONS = Set.of("--torch", "--long", "--shm-size");

  /** Capitalised words in backticks that are not classes of this repository. */
  private static final Set<String> OTHER_NAMES = Set.of("Memory");

  private static final Map<String, List<Path>> SOURCES = new TreeMap<>();
  private static final Set<String> FOLDERS = new HashSet<>();
  private static final Set<String> OPTIONS = new HashSet<>(OTHER_OPTIONS);

  static List<Path> pages() throws IOException {
    return DocPages.all();
  }

  @BeforeAll
  static void readTree() throws IOException {
    collectOptions(Main.commandLine(), OPTIONS);
    try (Stream<Path> top = Files.list(ROOT)) {
      for (Path folder : top.filter(Files::isDirectory).toList()) {
        String name = folder.getFileName().toString();
        if (!name.startsWith(".") && !name.equals("runs")) {
          FOLDERS.add(name);
          collectSources(folder);
        }
      }
    }
    assertTrue(SOURCES.size() > 300, () -> SOURCES.size() + " Java sources below " + ROOT);
  }

  private static void collectSources(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      files
          .filter(file -> file.toString().endsWith(".java"))
          .filter(file -> file.toString().contains("/src/"))
          .forEach(
              file -> {
                String name = file.getFileName().toString().replace(".java", "");
                SOURCES.computeIfAbsent(name, _ -> new ArrayList<>()).add(file);
              });
    }
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
        Path file = target.isEmpty() ? page : page.resolveSibling(target);
        assertTrue(Files.exists(file), () -> page + " links to " + target);
        String anchor = link.group(2);
        if (anchor != null) {
          assertTrue(
              anchors(file).contains(anchor), () -> page + " links to " + target + "#" + anchor);
        }
      }
    }
  }

  /** Anchors as GitHub derives them from headings. */
  private static Set<String> anchors(Path page) throws IOException {
    Set<String> anchors = new HashSet<>();
    Matcher heading = HEADING.matcher(Files.readString(page));
    while (heading.find()) {
      String text = heading.group(1).toLowerCase(Locale.ROOT);
      anchors.add(text.replaceAll("[^\\p{L}\\p{N} _-]", "").replace(' ', '-'));
    }
    return anchors;
  }

  @ParameterizedTest
  @MethodSource("pages")
  void everyOptionExists(Path page) throws IOException {
    for (String code : DocPages.inlineCode(page)) {
      if (code.startsWith("--")) {
        String option = code.split("[ =]", 2)[0];
        assertTrue(OPTIONS.contains(option), () -> page + " names the option " + option);
      }
    }
  }

  private static void collectOptions(CommandLine line, Set<String> into) {
    line.getCommandSpec().options().forEach(option -> into.addAll(List.of(option.names())));
    line.getSubcommands().values().forEach(below -> collectOptions(below, into));
  }

  @ParameterizedTest
  @MethodSource("pages")
  void everyFileExists(Path page) throws IOException {
    for (String code : DocPages.inlineCode(page)) {
      if (FOLDERS.contains(code.split("/", 2)[0]) && code.matches("[\\w./-]+/[\\w./-]+")) {
        assertTrue(Files.exists(ROOT.resolve(code)), () -> page + " names the file " + code);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("pages")
  void everyClassAndMethodExists(Path page) throws IOException {
    for (String code : DocPages.inlineCode(page)) {
      Matcher name = JAVA_NAME.matcher(code);
      if (name.matches() && !OTHER_NAMES.contains(code)) {
        List<Path> files = SOURCES.getOrDefault(name.group(1), List.of());
        assertTrue(!files.isEmpty(), () -> page + " names the class " + code);
        String method = name.group(2);
        if (method != null) {
          boolean there = false;
          for (Path file : files) {
            there |= Files.readString(file).contains(" " + method + "(");
          }
          assertTrue(there, page + " names the method " + code);
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("pages")
  void linesFit(Path page) throws IOException {
    for (String line : Files.readAllLines(page)) {
      assertTrue(
          line.codePointCount(0, line.length()) <= COLUMNS,
          () -> page + ": more than " + COLUMNS + " columns: " + line);
    }
  }

  @Test
  void theReadmeNamesTheTwoCommandsAndIsShort() throws IOException {
    String readme = DocPages.read("README.md");
    assertTrue(readme.contains("./gyre train"), readme);
    assertTrue(readme.contains("./gyre test"), readme);
    assertTrue(CommandsInText.of(readme).size() >= 3, readme);
    assertTrue(readme.lines().count() <= 100, () -> readme.lines().count() + " lines");
  }

  @Test
  void everyPageIsLinkedFromTheReadmeOrAnIndex() throws IOException {
    Set<Path> linked = new HashSet<>();
    for (Path page : pages()) {
      Matcher link = LINK.matcher(Files.readString(page));
      while (link.find()) {
        linked.add(page.resolveSibling(link.group(1)).normalize());
      }
    }
    List<String> missing = new ArrayList<>();
    for (Path page : pages()) {
      if (!page.endsWith("README.md")
          && !page.getParent().endsWith("adr")
          && !linked.contains(page.normalize())) {
        missing.add(ROOT.relativize(page).toString());
      }
    }
    assertEquals(List.of(), missing);
  }

  @Test
  void everyCommandIsInTheGuide() throws IOException {
    String running = DocPages.read("docs/guide/running.md");
    HelpTest.commands()
        .filter(command -> !command.equals("gyre"))
        .forEach(
            command ->
                assertTrue(
                    running.contains("./" + command),
                    () -> "docs/guide/running.md lacks ./" + command));
  }
}
