package dev.gyre.deploy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** The README and all pages in docs/. */
public final class DocPages {
  public static final Path ROOT = Path.of(System.getProperty("gyre.home"));

  private static final Pattern FENCED = Pattern.compile("(?ms)^```.*?^```$");
  private static final Pattern CODE = Pattern.compile("`([^`\n]+)`");

  private DocPages() {}

  public static List<Path> all() throws IOException {
    List<Path> pages = new ArrayList<>();
    pages.add(ROOT.resolve("README.md"));
    try (Stream<Path> docs = Files.walk(ROOT.resolve("docs"))) {
      docs.filter(page -> page.toString().endsWith(".md")).sorted().forEach(pages::add);
    }
    return pages;
  }

  public static String read(String page) throws IOException {
    return Files.readString(ROOT.resolve(page));
  }

  /** Text in backticks inside lines of prose and tables, without fenced blocks. */
  public static List<String> inlineCode(Path page) throws IOException {
    List<String> spans = new ArrayList<>();
    Matcher code = CODE.matcher(FENCED.matcher(Files.readString(page)).replaceAll(""));
    while (code.find()) {
      spans.add(code.group(1));
    }
    return spans;
  }

  /** Text in backticks in the first column of every table below a heading, without header rows. */
  public static List<String> firstColumn(String page, String heading) throws IOException {
    String text = "\n" + read(page);
    int start = text.indexOf("\n" + heading + "\n");
    if (start < 0) {
      throw new IllegalArgumentException(page + " has no heading " + heading);
    }
    String level = heading.substring(0, heading.indexOf(' ') + 1);
    int end = text.indexOf("\n" + level, start + 1);
    List<String> names = new ArrayList<>();
    List<String> lines = text.substring(start, end < 0 ? text.length() : end).lines().toList();
    for (int i = 0; i < lines.size(); i++) {
      String line = lines.get(i);
      boolean header = i + 1 < lines.size() && lines.get(i + 1).startsWith("|---");
      if (line.startsWith("| ") && !header) {
        Matcher code = CODE.matcher(line.substring(0, line.indexOf('|', 1)));
        while (code.find()) {
          names.add(code.group(1));
        }
      }
    }
    return names;
  }
}
