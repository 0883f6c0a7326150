package dev.gyre.deploy.command.checkpoint;

import dev.gyre.comms.ExitCode;
import dev.gyre.deploy.console.Units;
import dev.gyre.deploy.options.CheckpointArgument;
import dev.gyre.deploy.options.CommandFailure;
import dev.gyre.trainer.checkpoint.CheckpointException;
import dev.gyre.trainer.checkpoint.CheckpointStore;
import dev.gyre.trainer.checkpoint.FileEntry;
import dev.gyre.trainer.checkpoint.Manifest;
import dev.gyre.trainer.worker.Failure;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

@Command(
    name = "verify",
    mixinStandardHelpOptions = true,
    header = "Verify the checksums of checkpoints.",
    description = {
      "Reads every byte of one checkpoint, or of all checkpoints of a run, and checks sizes, SHA-256,"
          + " tensors and their slices. Names what is damaged and exits with 65; with 64 or 75 if a file"
          + " cannot be read."
    },
    footer = {
      "",
      "Try    ./gyre checkpoint verify quickstart",
      "       ./gyre checkpoint verify runs/quickstart/checkpoints/step-200"
    })
final class CheckpointVerifyCommand implements Callable<ExitCode> {
  @Mixin private CheckpointArgument checkpoints = new CheckpointArgument();

  @Override
  public ExitCode call() throws IOException {
    List<Path> all = checkpoints.all();
    if (all.isEmpty()) {
      throw new CommandFailure(
          ExitCode.BAD_JOB,
          checkpoints.named() + " has no checkpoint yet; the run writes one at its end");
    }
    IOException unread = null;
    boolean damaged = false;
    for (Path folder : all) {
      try {
        Manifest manifest = CheckpointStore.verify(folder);
        long bytes = manifest.files().stream().mapToLong(FileEntry::bytes).sum();
        System.out.printf(
            "%s  whole: step %d, %s, %s%n",
            folder, manifest.step(), Units.of(manifest.files().size(), "file"), Units.bytes(bytes));
      } catch (CheckpointException e) {
        damaged = true;
        System.out.println(folder + "  DAMAGED");
        System.err.println("gyre: " + e.getMessage());
      } catch (IOException e) {
        unread = e;
        System.out.println(folder + "  not read");
        System.err.println("gyre: " + Failure.of(e).message());
      }
    }
    if (damaged) {
      System.err.println(
          "      ./gyre train --resume skips damaged checkpoints; delete them to save room.");
      return ExitCode.CORRUPT_CHECKPOINT;
    }
    return unread == null ? ExitCode.DONE : Failure.of(unread).exit();
  }
}
