package dev.gyre.deploy;

import dev.gyre.comms.ExitCode;
import dev.gyre.deploy.job.JobFileException;
import dev.gyre.deploy.launch.StartAgainException;
import dev.gyre.deploy.options.CommandFailure;
import dev.gyre.deploy.options.Version;
import dev.gyre.trainer.worker.Failure;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.UsageMessageSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/**
 * Entry point: runs the named command, and turns every failure into one message and an exit code.
 */
@Command(
    name = "gyre",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    header = "Train long-context mixture-of-experts language models on several workers.",
    description = {
      "",
      "Start with  ./gyre train           train the quickstart, about three minutes",
      "            ./gyre train JOB.yaml  train your own job",
      "            ./gyre plan JOB.yaml   show its mesh, memory and traffic",
      ""
    },
    footer = {
      "",
      "Exit codes: 0 done, 1 a check found a difference, 64 bad job or command line,",
      "65 corrupt checkpoint, 70 a bug in Gyre, 75 try again, 130 interrupted,",
      "143 preempted."
    },
    synopsisSubcommandLabel = "COMMAND")
public final class Main implements Runnable {
  static final int HELP_COLUMNS = 80;

  @Spec private CommandSpec spec = CommandSpec.create();

  private Main() {}

  @Override
  public void run() {
    spec.commandLine().usage(System.out);
  }

  public static void main(String[] args) {
    // Makes files and messages independent of the system locale: some locales use other digits.
    Locale.setDefault(Locale.ROOT);
    CommandLine line = new CommandLine(CommandSpec.forAnnotatedObject(new Main()));
    Commands.addNamed(line, args);
    System.exit(configured(line).execute(args));
  }

  /** The command line with all commands. */
  static CommandLine commandLine() {
    CommandLine line = new CommandLine(CommandSpec.forAnnotatedObject(new Main()));
    Commands.addAll(line);
    return configured(line);
  }

  private static CommandLine configured(CommandLine line) {
    line.setUsageHelpWidth(HELP_COLUMNS);
    formatHelp(line);
    line.getHelpSectionMap().put(UsageMessageSpec.SECTION_KEY_COMMAND_LIST_HEADING, _ -> "");
    line.getHelpSectionMap().put(UsageMessageSpec.SECTION_KEY_COMMAND_LIST, new CommandGroups());
    line.setCaseInsensitiveEnumValuesAllowed(true);
    line.setParameterExceptionHandler(Main::usageError);
    line.setExecutionExceptionHandler((e, at, parsed) -> failed(e, at, parsed).code());
    line.setExecutionStrategy(Main::execute);
    return line;
  }

  private static int execute(CommandLine.ParseResult parsed) {
    int usage;
    try {
      usage = new CommandLine.RunLast().execute(parsed);
    } catch (Error e) { // picocli's handler gets exceptions only
      return failed(e, parsed.commandSpec().commandLine().getErr()).code();
    }
    List<CommandLine> chain = parsed.asCommandLineList();
    Object result = chain.getLast().getExecutionResult();
    return result instanceof ExitCode exit ? exit.code() : usage;
  }

  /** Options in declaration order, and a synopsis of one line. */
  private static void formatHelp(CommandLine line) {
    line.getCommandSpec().usageMessage().sortOptions(false).abbreviateSynopsis(true);
    line.getCommandSpec().versionProvider(new Version());
    line.getSubcommands().values().forEach(Main::formatHelp);
  }

  private static int usageError(ParameterException e, String[] args) {
    PrintWriter err = e.getCommandLine().getErr();
    err.println("gyre: " + e.getMessage());
    List<String> near =
        e instanceof CommandLine.UnmatchedArgumentException u ? u.getSuggestions() : List.of();
    if (!near.isEmpty()) {
      err.println("      Did you mean " + String.join(" or ", near) + "?");
    }
    err.println("      Try: " + e.getCommandLine().getCommandSpec().qualifiedName() + " --help");
    return ExitCode.BAD_JOB.code();
  }

  private static ExitCode failed(Exception e, CommandLine at, CommandLine.ParseResult parsed) {
    try {
      if (e instanceof StartAgainException other) {
        other.startAgain(parsed.originalArgs());
      }
      return failed(e, at.getErr());
    } catch (IOException notStarted) {
      return failed(notStarted, at.getErr());
    }
  }

  /** Prints one message for an exception or error, and returns its exit code. */
  static ExitCode failed(Throwable e, PrintWriter err) {
    return switch (e) {
      case CommandFailure f -> told(f, f.exitCode(), err);
      case JobFileException f -> told(f, ExitCode.BAD_JOB, err);
      default -> {
        Failure failure = Failure.of(e);
        err.println("gyre: " + failure.message());
        if (failure.isBug()) {
          e.printStackTrace(err);
        }
        err.flush();
        yield failure.exit();
      }
    };
  }

  private static ExitCode told(Exception e, ExitCode exitCode, PrintWriter err) {
    err.println("gyre: " + e.getMessage());
    err.flush();
    return exitCode;
  }
}
