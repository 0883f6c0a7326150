package dev.gyre.deploy;

import dev.gyre.comms.ExitCode;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;

@Command(
    name = "version",
    mixinStandardHelpOptions = true,
    header = "Print the versions of Gyre and of the JDK it runs on.")
final class VersionCommand implements Callable<ExitCode> {
  @Override
  public ExitCode call() {
    System.out.println(Version.line());
    return ExitCode.DONE;
  }
}
