package dev.gyre.deploy;

import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.fail;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine;

/** The {@code ./gyre ...} commands in a text that a reader may copy. */
final class CommandsInText {
  /** A command ends at the end of the line, the code span or the sentence, or at shell syntax. */
  private static final Pattern COMMAND =
      Pattern.compile("\\./gyre((?: +(?:\"[^\"]*\"|[^\\s`|>#&;\"]+))*)");

  private static final Pattern WORD = Pattern.compile("\"([^\"]*)\"|(\\S+)");

  /** Can be used again: parsing resets the previous result. */
  private static final CommandLine GYRE = Main.commandLine();

  private CommandsInText() {}

  /**
   * The words after {@code ./gyre}, one list per command, with continued lines joined; without
   * {@code test}, which the script itself handles.
   */
  static List<List<String>> of(String text) {
    List<List<String>> found = new ArrayList<>();
    for (String line : text.replaceAll("\\\\\n +", "").lines().toList()) {
      Matcher command = COMMAND.matcher(line);
      while (command.find()) {
        List<String> words = words(command.group(1));
        if (!words.isEmpty() && !words.getFirst().equals("test")) {
          found.add(words);
        }
      }
    }
    return found;
  }

  /** Two or more blanks end a command: prose follows. */
  private static List<String> words(String text) {
    List<String> words = new ArrayList<>();
    Matcher word = WORD.matcher(text.strip().split(" {2,}", -1)[0]);
    while (word.find()) {
      words.add(word.group(1) == null ? word.group(2) : word.group(1));
    }
    return words;
  }

  static void assertParses(List<String> words) {
    try {
      CommandLine.ParseResult parsed = GYRE.parseArgs(words.toArray(String[]::new));
      assertNotEquals(null, parsed.subcommand(), () -> "no command in " + words);
    } catch (CommandLine.ParameterException e) {
      fail("./gyre " + String.join(" ", words) + ": " + e.getMessage());
    }
  }
}
