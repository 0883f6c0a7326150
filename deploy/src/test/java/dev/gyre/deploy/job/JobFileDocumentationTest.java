package dev.gyre.deploy.job;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The guide's page about job files and the keys that are read hold each other. */
final class JobFileDocumentationTest {
  private static final Pattern ROW = Pattern.compile("(?m)^\\| `([^`]+)` \\|([^|]*)\\|");

  private static String page() throws IOException {
    return Files.readString(
        Path.of(System.getProperty("gyre.home"), "docs", "reference", "job-file.md"));
  }

  private static void collect(Key section, String prefix, List<String> into) {
    for (Key key : section.children()) {
      switch (key.type()) {
        case SECTION -> collect(key, prefix + key.name() + ".", into);
        case SECTIONS -> collect(key, prefix + key.name() + "[].", into);
        case TEXT, CHOICE, CHOICE_OR_EACH, INTEGER, NUMBER, SHARE, FLAG, INTEGERS, TEXTS -> {
          String fallback = key.fallback();
          String shown = fallback == null ? "" : fallback.isEmpty() ? "empty" : fallback;
          into.add(prefix + key.name() + " = " + shown);
        }
      }
    }
  }

  @Test
  void everyKeyWithItsDefaultAndNoOther() throws IOException {
    List<String> keys = new ArrayList<>();
    collect(JobKeys.ROOT, "", keys);
    List<String> documented = new ArrayList<>();
    Matcher row = ROW.matcher(page());
    while (row.find()) {
      documented.add(row.group(1) + " = " + row.group(2).replace("`", "").strip());
    }
    assertEquals(String.join("\n", keys), String.join("\n", documented));
  }
}
