package dev.gyre.deploy;

import java.util.ArrayList;
import java.util.List;

/** Command lines to type next. */
final class ResumeCommandLine {
  private ResumeCommandLine() {}

  /**
   * The line that goes on with a run: everything the first one said, so that the job is the same.
   *
   * @param args of {@code gyre}, as given
   * @param run the run's own name
   */
  static String resume(List<String> args, String run) {
    List<String> line = new ArrayList<>();
    for (int i = 0; i < args.size(); i++) {
      String arg = args.get(i);
      if (arg.equals("--run")) {
        i++; // its value
      } else if (!arg.equals("--resume") && !arg.startsWith("--run=")) {
        line.add(quoted(arg));
      }
    }
    return "./gyre " + String.join(" ", line) + " --resume --run " + run;
  }

  private static String quoted(String arg) {
    return arg.matches("[A-Za-z0-9_./:=,+-]+") ? arg : "'" + arg.replace("'", "'\\''") + "'";
  }
}
