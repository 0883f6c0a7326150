package dev.gyre.deploy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import picocli.CommandLine;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.Model.ArgSpec;

final class HelpTest {
  private static final int COLUMNS = 80;

  static Stream<String> commands() {
    List<String> all = new ArrayList<>();
    collect(Main.commandLine(), all);
    return all.stream();
  }

  private static void collect(CommandLine line, List<String> into) {
    into.add(line.getCommandSpec().qualifiedName());
    line.getSubcommands().values().forEach(below -> collect(below, into));
  }

  private static CommandLine find(String qualified) {
    CommandLine line = Main.commandLine();
    for (String word : qualified.replaceFirst("^gyre ?", "").split(" ", -1)) {
      if (!word.isEmpty()) {
        line = line.getSubcommands().get(word);
      }
    }
    return line;
  }

  @ParameterizedTest
  @MethodSource("commands")
  void everyLineFits(String command) {
    String help = find(command).getUsageMessage(Ansi.OFF);
    help.lines().forEach(l -> assertTrue(l.length() <= COLUMNS, () -> l.length() + ": " + l));
    assertFalse(help.contains("%n"), help);
  }

  @ParameterizedTest
  @MethodSource("commands")
  void everyOptionIsExplained(String command) {
    CommandLine line = find(command);
    for (ArgSpec arg : line.getCommandSpec().args()) {
      if (!arg.hidden()) {
        assertTrue(String.join("", arg.description()).length() > 5, arg + " of " + command);
      }
    }
    String about =
        String.join("", line.getCommandSpec().usageMessage().header())
            + String.join("", line.getCommandSpec().usageMessage().description());
    assertTrue(about.length() > 20, about);
  }

  /** Commands that the help itself gives as examples. */
  @ParameterizedTest
  @MethodSource("commands")
  void everyExampleParses(String command) {
    CommandsInText.of(find(command).getUsageMessage(Ansi.OFF))
        .forEach(CommandsInText::assertParses);
  }

  @Test
  void everyCommandIsListedUnderAHeading() {
    String help = Main.commandLine().getUsageMessage(Ansi.OFF);
    for (String name : Main.commandLine().getSubcommands().keySet()) {
      assertTrue(help.contains("\n  " + name + " "), () -> name + " is not in\n" + help);
    }
    int developers = help.indexOf("For developers:");
    assertTrue(developers > help.indexOf("\n  version"), help);
    assertTrue(help.indexOf("\n  golden") > developers, help);
  }

  @Test
  void withoutACommandTheHelpIsShown() {
    Cli nothing = Cli.run();
    assertEquals(0, nothing.exit());
    assertEquals(Cli.run("--help").out(), nothing.out());
    assertEquals(Cli.run("data", "--help").out(), Cli.run("data").out());
  }
}
