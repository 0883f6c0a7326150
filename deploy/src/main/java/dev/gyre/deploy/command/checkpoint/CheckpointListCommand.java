package dev.gyre.deploy.command.checkpoint;

import dev.gyre.comms.ExitCode;
import dev.gyre.deploy.console.Units;
import dev.gyre.deploy.options.CheckpointArgument;
import dev.gyre.deploy.options.CheckpointSelection;
import dev.gyre.trainer.checkpoint.CheckpointException;
import dev.gyre.trainer.checkpoint.CheckpointStore;
import dev.gyre.trainer.checkpoint.FileEntry;
import dev.gyre.trainer.checkpoint.Manifest;
import dev.gyre.trainer.worker.Failure;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

@Command(
    name = "list",
    mixinStandardHelpOptions = true,
    header = "List a run's checkpoints, oldest first.",
    description = {"Reads manifests only. To check every byte: ./gyre checkpoint verify RUN"},
    footer = {"", "Try    ./gyre checkpoint list quickstart"})
final class CheckpointListCommand implements Callable<ExitCode> {
  private static final DateTimeFormatter WHEN =
      DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss", Locale.ROOT);

  @Mixin private CheckpointArgument checkpoints = new CheckpointArgument();

  @Override
  public ExitCode call() throws IOException {
    Path folder = checkpoints.run();
    List<CheckpointStore.Committed> all = CheckpointSelection.store(folder).list();
    if (all.isEmpty()) {
      System.out.println(folder + " has no checkpoints");
      return ExitCode.DONE;
    }
    System.out.printf("%8s  %-19s  %9s  %6s  %s%n", "step", "written", "size", "files", "folder");
    for (CheckpointStore.Committed one : all) {
      System.out.println(line(one));
    }
    return ExitCode.DONE;
  }

  private static String line(CheckpointStore.Committed one) {
    try {
      Manifest manifest = Manifest.read(one.folder());
      long bytes = manifest.files().stream().mapToLong(FileEntry::bytes).sum();
      Instant written = Files.getLastModifiedTime(one.folder().resolve(Manifest.FILE)).toInstant();
      return String.format(
          Locale.ROOT,
          "%,8d  %s  %9s  %6d  %s",
          one.step(),
          WHEN.format(written.atZone(ZoneId.systemDefault())),
          Units.bytes(bytes),
          manifest.files().size(),
          one.folder());
    } catch (CheckpointException e) {
      return String.format(Locale.ROOT, "%,8d  damaged: %s", one.step(), e.getMessage());
    } catch (IOException e) {
      return String.format(Locale.ROOT, "%,8d  not read: %s", one.step(), Failure.of(e).message());
    }
  }
}
