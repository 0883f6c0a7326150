package dev.gyre.deploy;

import dev.gyre.comms.ExitCode;
import dev.gyre.deploy.job.JobSchema;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;

@Command(
    name = "schema",
    mixinStandardHelpOptions = true,
    description = {
      "Prints the JSON Schema of a job file: every key, its type, default and meaning.",
      "An editor that reads it completes and checks job files as you type."
    })
final class SchemaCommand implements Callable<ExitCode> {
  @Override
  public ExitCode call() {
    System.out.println(JobSchema.text());
    return ExitCode.DONE;
  }
}
