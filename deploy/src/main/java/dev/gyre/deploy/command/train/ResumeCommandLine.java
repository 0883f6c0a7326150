package dev.gyre.deploy.command.train;

import java.util.ArrayList;
import java.util.List;

/**
 * Builds command lines that resume a run. They repeat all options of the last command line, so that
 * the job is the same.
 */
final class ResumeCommandLine {
  private static final String STEPS = "train.steps=";

  private ResumeCommandLine() {}

  /**
   * The command line that resumes a run.
   *
   * @param args of {@code gyre}, as given
   * @param run the run's own name, or its folder
   */
  static String resume(List<String> args, String run) {
    return line(without(args, false)) + " --resume --run " + quoted(run);
  }

  /**
   * The command line that trains a run for more steps.
   *
   * @param steps of the whole run
   */
  static String longer(List<String> args, String run, long steps) {
    return "%s --resume --run %s --set %s%d"
        .formatted(line(without(args, true)), quoted(run), STEPS, steps);
  }

  /**
   * The arguments without {@code --resume} and {@code --run}, and without the number of steps if
   * {@code steps}.
   */
  private static List<String> without(List<String> args, boolean steps) {
    List<String> left = new ArrayList<>();
    for (int i = 0; i < args.size(); i++) {
      String arg = args.get(i);
      String value = i + 1 < args.size() ? args.get(i + 1) : "";
      if (arg.equals("--run") || (steps && arg.equals("--set") && value.startsWith(STEPS))) {
        i++; // its value
      } else if (!arg.equals("--resume")
          && !arg.startsWith("--run=")
          && !(steps && arg.startsWith("--set=" + STEPS))) {
        left.add(arg);
      }
    }
    return left;
  }

  private static String line(List<String> args) {
    List<String> words = new ArrayList<>(List.of("./gyre"));
    args.forEach(arg -> words.add(quoted(arg)));
    return String.join(" ", words);
  }

  private static String quoted(String arg) {
    return arg.matches("[A-Za-z0-9_./:=,+-]+") ? arg : "'" + arg.replace("'", "'\\''") + "'";
  }
}
