package dev.gyre.deploy.command.train;

import dev.gyre.deploy.console.Console;
import dev.gyre.deploy.files.RunFolder;
import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.trainer.checkpoint.StepsChange;
import java.nio.file.Path;
import java.util.List;

/**
 * Suggested commands after a run. They repeat the job and the options of this command line.
 *
 * @param arguments of {@code gyre}, as given
 */
record NextCommands(JobSpec job, RunFolder folder, List<String> arguments) {

  /** The command line that resumes the run. */
  String resume() {
    return ResumeCommandLine.resume(arguments, run());
  }

  /**
   * Prints the suggestions after the last step: train longer (with the effect on the learning
   * rate), generate, export.
   *
   * @param done steps of the run
   */
  void print(Console console, long done) {
    long more = 2 * Math.max(1, done);
    console.titled("next", ResumeCommandLine.longer(arguments, run(), more));
    StepsChange.describe(job.train(), done, done, more)
        .forEach(change -> console.titled("", "  then: " + change));
    console.titled("", "./gyre generate %s \"public class\"".formatted(run()));
    console.titled("", "./gyre checkpoint export %s --hf out/".formatted(run()));
  }

  private String run() {
    return run(folder);
  }

  /** A run as a command-line argument: its name if it is in {@code runs/}, else its folder. */
  static String run(RunFolder folder) {
    Path usual = Path.of("runs").resolve(folder.name());
    return folder.path().toAbsolutePath().equals(usual.toAbsolutePath())
        ? folder.name()
        : folder.path().toString();
  }
}
