package dev.gyre.deploy.command;

import dev.gyre.comms.ExitCode;
import dev.gyre.deploy.job.JobSchema;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;

@Command(
    name = "schema",
    mixinStandardHelpOptions = true,
    header = "Print the JSON Schema of a job file.",
    description = {
      "It holds every key with its type, range, default and meaning. Editors use it to complete and"
          + " check job files."
    })
public final class SchemaCommand implements Callable<ExitCode> {
  @Override
  public ExitCode call() {
    System.out.println(JobSchema.text());
    return ExitCode.DONE;
  }
}
