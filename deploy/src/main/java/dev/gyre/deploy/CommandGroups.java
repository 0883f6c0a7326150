package dev.gyre.deploy;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine;
import picocli.CommandLine.Help;
import picocli.CommandLine.IHelpSectionRenderer;
import picocli.CommandLine.Model.UsageMessageSpec;

/** The list of commands in {@code --help}, grouped under headings. */
final class CommandGroups implements IHelpSectionRenderer {
  private static final Map<String, List<String>> GROUPS = new LinkedHashMap<>();

  static {
    GROUPS.put("Commands:", List.of("train", "plan", "generate"));
    GROUPS.put("Around a run:", List.of("data", "checkpoint", "bench"));
    GROUPS.put("About Gyre:", List.of("doctor", "schema", "version", "help"));
    GROUPS.put("For developers:", List.of("golden"));
  }

  @Override
  public String render(Help help) {
    Map<String, Help> commands = help.subcommands();
    List<String> grouped = GROUPS.values().stream().flatMap(List::stream).toList();
    if (!grouped.containsAll(commands.keySet())) {
      List<String> missing = new ArrayList<>(commands.keySet());
      missing.removeAll(grouped);
      throw new IllegalStateException("in no group of --help: " + missing);
    }
    StringBuilder text = new StringBuilder();
    GROUPS.forEach(
        (heading, names) -> {
          text.append(System.lineSeparator()).append(heading).append(System.lineSeparator());
          for (String name : names) {
            Help command = commands.get(name);
            if (command != null) {
              text.append(line(name, command.commandSpec().commandLine()));
            }
          }
        });
    return text.toString();
  }

  /** A command's heading, or else the first sentence of its description. */
  private static String line(String name, CommandLine command) {
    UsageMessageSpec usage = command.getCommandSpec().usageMessage();
    String text =
        String.join(" ", usage.header().length > 0 ? usage.header() : usage.description());
    int end = text.indexOf(". ");
    return String.format("  %-11s %s%n", name, end < 0 ? text : text.substring(0, end + 1));
  }
}
