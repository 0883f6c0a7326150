package dev.gyre.deploy.run;

import dev.gyre.deploy.console.Console;
import dev.gyre.deploy.files.RunFolder;
import dev.gyre.model.hf.HfCompanions;
import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.trainer.checkpoint.DurableFiles;
import dev.gyre.trainer.checkpoint.Manifest;
import dev.gyre.trainer.data.DataException;
import dev.gyre.trainer.data.DataManifest;
import dev.gyre.trainer.data.Tokenizers;
import dev.gyre.trainer.json.SpecJson;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The record of a run's inputs: a list of its data's files, the tokenizer, the model's files. */
public final class RunInputs {
  private static final int SHOWN = 10;

  private RunInputs() {}

  /**
   * Writes {@code data.json}, the tokenizer, and what lies beside the weights that the run starts
   * from, to a run's folder, unless they exist.
   */
  public static void keep(RunFolder folder, JobSpec job, JobData data) throws IOException {
    if (Files.notExists(folder.data())) {
      DurableFiles.replace(folder.data(), SpecJson.write(manifest(job, data)));
    }
    String tokenizer = job.dataset().tokenizer();
    if (Tokenizers.isFile(tokenizer) && Files.notExists(folder.tokenizer())) {
      DurableFiles.copy(Path.of(tokenizer), folder.tokenizer());
    }
    if (!job.modelFrom().isEmpty()) {
      for (Path file : HfCompanions.in(Path.of(job.modelFrom()))) {
        Path copy = folder.modelFiles().resolve(String.valueOf(file.getFileName()));
        if (Files.notExists(copy)) {
          Files.createDirectories(folder.modelFiles());
          DurableFiles.copy(file, copy);
        }
      }
    }
  }

  private static DataManifest manifest(JobSpec job, JobData data) {
    return DataManifest.of(data.store(), data.feed(), job.dataset());
  }

  /**
   * Compares the data with the run's data, before any worker is started. Reports names that changed
   * while the text stayed the same.
   *
   * @param checkpoint to resume from
   * @throws DataException naming the differences and what to do
   */
  public static void requireSame(
      RunFolder folder, Path checkpoint, JobSpec job, JobData data, Console console)
      throws IOException {
    String saved = Manifest.read(checkpoint).identity().data();
    boolean same = saved.equals(data.feed().fingerprint());
    DataManifest kept = kept(folder, saved);
    List<String> lines = kept == null ? List.of() : kept.differences(manifest(job, data));
    if (same) {
      lines.stream().limit(SHOWN).forEach(line -> console.titled("data", line));
      return;
    }
    throw new DataException(
        ("cannot resume from %s: the training data is not what the run was trained on.\n%s"
                + "      Restore the data, or start a new run from the weights:"
                + " ./gyre checkpoint export %s --hf DIR, then model.from: DIR")
            .formatted(checkpoint, shown(lines, saved, data), folder.name()));
  }

  /** The run's list of files, if it matches the data of the checkpoint. */
  private static @Nullable DataManifest kept(RunFolder folder, String fingerprint)
      throws IOException {
    if (Files.notExists(folder.data())) {
      return null;
    }
    DataManifest kept =
        SpecJson.read(
            Files.readString(folder.data()), DataManifest.class, folder.data().toString());
    return kept.fingerprint().equals(fingerprint) ? kept : null;
  }

  private static String shown(List<String> lines, String saved, JobData data) {
    if (lines.isEmpty()) {
      return "      fingerprint %s -> %s%n".formatted(saved, data.feed().fingerprint());
    }
    StringBuilder text = new StringBuilder();
    lines.stream().limit(SHOWN).forEach(line -> text.append("      ").append(line).append('\n'));
    if (lines.size() > SHOWN) {
      text.append("      and %,d more\n".formatted(lines.size() - SHOWN));
    }
    return text.toString();
  }
}
