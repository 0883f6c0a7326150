package dev.gyre.deploy.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.deploy.DocPages;
import dev.gyre.partitioning.job.Key;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The guide's page about job files lists exactly the keys that are read. */
final class JobFileDocumentationTest {
  private static final Pattern ROW = Pattern.compile("(?m)^\\| `([^`]+)` \\|([^|]*)\\|([^|]*)\\|");

  /** A key in backticks, or one that a command sets. */
  private static final Pattern MENTION =
      Pattern.compile("(?:model|dataset|train|mesh|eval|checkpoint)\\.[\\w.\\[\\]-]+");

  private static final Pattern SET = Pattern.compile("--set \"?([a-z][\\w.-]+)=");

  /** Pages whose dotted names are fields of the plan, not keys of the job file. */
  private static final Set<String> PAGES_OF_OTHER_FORMATS = Set.of("plan.md");

  private static String page() throws IOException {
    return DocPages.read("docs/reference/job-file.md");
  }

  private static void collect(Key section, String prefix, List<String> into) {
    for (Key key : section.children()) {
      switch (key.type()) {
        case SECTION -> collect(key, prefix + key.name() + ".", into);
        case SECTIONS -> collect(key, prefix + key.name() + "[].", into);
        case INTEGER_OR_SECTIONS -> {
          add(key, prefix, into);
          collect(key, prefix + key.name() + "[].", into);
        }
        case TEXT, CHOICE, CHOICE_OR_EACH, INTEGER, NUMBER, SHARE, FLAG, INTEGERS, TEXTS ->
            add(key, prefix, into);
      }
    }
  }

  private static void add(Key key, String prefix, List<String> into) {
    String fallback = key.fallback();
    String shown = fallback == null ? "" : fallback.isEmpty() ? "empty" : fallback;
    into.add(prefix + key.name() + " = " + shown + " (" + key.allowed() + ")");
  }

  private static String plain(String cell) {
    return cell.replace("`", "").strip();
  }

  @Test
  void everyKeyWithItsDefaultAndAllowedValuesAndNoOther() throws IOException {
    List<String> keys = new ArrayList<>();
    collect(JobKeys.ROOT, "", keys);
    List<String> documented = new ArrayList<>();
    Matcher row = ROW.matcher(page());
    while (row.find()) {
      documented.add(
          "%s = %s (%s)".formatted(row.group(1), plain(row.group(2)), plain(row.group(3))));
    }
    assertEquals(String.join("\n", keys), String.join("\n", documented));
  }

  static List<Path> pages() throws IOException {
    return DocPages.all();
  }

  @ParameterizedTest
  @MethodSource("pages")
  void everyKeyThatAPageNamesExists(Path page) throws IOException {
    List<String> keys = new ArrayList<>();
    collect(JobKeys.ROOT, "", keys);
    Set<String> known = new HashSet<>();
    for (String key : keys) {
      String name = key.substring(0, key.indexOf(' '));
      for (int dot = name.length(); dot > 0; dot = name.lastIndexOf('.', dot - 1)) {
        known.add(name.substring(0, dot).replace("[]", ""));
      }
    }
    List<String> named = new ArrayList<>();
    if (!PAGES_OF_OTHER_FORMATS.contains(page.getFileName().toString())) {
      for (String code : DocPages.inlineCode(page)) {
        String key = code.split("[:= ]", 2)[0];
        if (MENTION.matcher(key).matches() && !key.endsWith(".safetensors")) {
          named.add(key);
        }
      }
    }
    Matcher set = SET.matcher(Files.readString(page));
    while (set.find()) {
      named.add(set.group(1));
    }
    for (String key : named) {
      assertTrue(known.contains(key.replace("[]", "")), () -> page + " names the key " + key);
    }
  }
}
