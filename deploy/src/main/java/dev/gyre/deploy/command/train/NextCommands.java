package dev.gyre.deploy.command.train;

import dev.gyre.deploy.console.Console;
import dev.gyre.deploy.files.RunFolder;
import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.trainer.checkpoint.StepsChange;
import java.nio.file.Path;
import java.util.List;

/**
 * The commands that make sense after a run, with everything this command said about the job.
 *
 * @param arguments of {@code gyre}, as given
 */
record NextCommands(JobSpec job, RunFolder folder, List<String> arguments) {

  /** The command line that goes on with the run. */
  String resume() {
    return ResumeCommandLine.resume(arguments, run());
  }

  /**
   * After the last step: train on, and what that does to the rate; generate; export.
   *
   * @param done steps of the run
   */
  void print(Console console, long done) {
    long more = 2 * Math.max(1, done);
    console.titled("next", ResumeCommandLine.longer(arguments, run(), more));
    StepsChange.describe(job.train(), done, done, more)
        .forEach(change -> console.titled("", "  there the " + change));
    console.titled("", "./gyre generate %s \"public class\"".formatted(run()));
    console.titled("", "./gyre checkpoint export %s --hf out/".formatted(run()));
  }

  private String run() {
    return run(folder);
  }

  /** How a command can name a run from here: by its name where that is enough. */
  static String run(RunFolder folder) {
    Path usual = Path.of("runs").resolve(folder.name());
    return folder.path().toAbsolutePath().equals(usual.toAbsolutePath())
        ? folder.name()
        : folder.path().toString();
  }
}
