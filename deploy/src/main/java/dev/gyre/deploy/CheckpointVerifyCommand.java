package dev.gyre.deploy;

import dev.gyre.comms.ExitCode;
import dev.gyre.deploy.console.Units;
import dev.gyre.trainer.checkpoint.CheckpointException;
import dev.gyre.trainer.checkpoint.CheckpointStore;
import dev.gyre.trainer.checkpoint.FileEntry;
import dev.gyre.trainer.checkpoint.Manifest;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "verify",
    mixinStandardHelpOptions = true,
    header = "Holds checkpoints against what was written.",
    description = {
      "Reads every byte of one checkpoint, or of all of a run: files, sizes, SHA-256, tensors and their",
      "slices. Names what is damaged and exits with 65."
    },
    footer = {
      "",
      "Try    ./gyre checkpoint verify quickstart",
      "       ./gyre checkpoint verify runs/quickstart/checkpoints/step-200"
    })
final class CheckpointVerifyCommand implements Callable<ExitCode> {
  @Parameters(
      paramLabel = "RUN|FOLDER",
      description = "A run's name or folder, or the folder of one checkpoint.")
  private Path named = Path.of("");

  @Option(
      names = "--runs",
      paramLabel = "DIR",
      defaultValue = "runs",
      description = "Where runs are kept. Default: ${DEFAULT-VALUE}.")
  private Path runs = Path.of("runs");

  @Override
  public ExitCode call() throws IOException {
    List<Path> all = Checkpoints.all(named, runs);
    if (all.isEmpty()) {
      throw new CommandFailure(
          ExitCode.BAD_JOB, named + " has no checkpoint yet; the run writes one at its end");
    }
    boolean damaged = false;
    for (Path folder : all) {
      try {
        Manifest manifest = CheckpointStore.verify(folder);
        long bytes = manifest.files().stream().mapToLong(FileEntry::bytes).sum();
        System.out.printf(
            "%s  whole: step %d, %d files, %s%n",
            folder, manifest.step(), manifest.files().size(), Units.bytes(bytes));
      } catch (CheckpointException e) {
        damaged = true;
        System.out.println(folder + "  DAMAGED");
        System.err.println("gyre: " + e.getMessage());
      }
    }
    if (damaged) {
      System.err.println(
          "      ./gyre train --resume passes damaged checkpoints over; delete them to save room.");
    }
    return damaged ? ExitCode.CORRUPT_CHECKPOINT : ExitCode.DONE;
  }
}
