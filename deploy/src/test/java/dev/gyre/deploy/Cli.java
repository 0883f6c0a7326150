package dev.gyre.deploy;

import dev.gyre.comms.ExitCode;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;

/** Runs the command line in this JVM; holds the exit code and what it printed. */
public record Cli(int exit, String out, String err) {
  public static Cli run(Object... args) {
    String[] words = new String[args.length];
    for (int i = 0; i < words.length; i++) {
      words[i] = args[i].toString();
    }
    PrintStream out = System.out;
    PrintStream err = System.err;
    ByteArrayOutputStream said = new ByteArrayOutputStream();
    ByteArrayOutputStream complained = new ByteArrayOutputStream();
    try (PrintStream toSaid = new PrintStream(said, true, StandardCharsets.UTF_8);
        PrintStream toComplained = new PrintStream(complained, true, StandardCharsets.UTF_8)) {
      System.setOut(toSaid);
      System.setErr(toComplained);
      int exit = Main.commandLine().execute(words);
      return new Cli(
          exit, said.toString(StandardCharsets.UTF_8), complained.toString(StandardCharsets.UTF_8));
    } finally {
      System.setOut(out);
      System.setErr(err);
    }
  }

  /** The exit code of a command that throws this. */
  public static ExitCode exitOf(Throwable thrown) {
    return Main.failed(thrown, new PrintWriter(new StringWriter()));
  }

  @Override
  public String toString() {
    return "exit " + exit + "\n" + out + err;
  }
}
