package dev.gyre.deploy.command;

import dev.gyre.comms.ExitCode;
import dev.gyre.deploy.options.Version;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;

@Command(
    name = "version",
    mixinStandardHelpOptions = true,
    header = "Print the versions of Gyre and of the JDK it runs on.")
public final class VersionCommand implements Callable<ExitCode> {
  @Override
  public ExitCode call() {
    System.out.println(Version.line());
    return ExitCode.DONE;
  }
}
