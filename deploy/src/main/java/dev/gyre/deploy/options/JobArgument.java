package dev.gyre.deploy.options;

import dev.gyre.comms.ExitCode;
import dev.gyre.deploy.job.JobFile;
import dev.gyre.deploy.job.Setting;
import dev.gyre.model.hf.HfFolder;
import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.trainer.data.Tokenizers;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** The job file and its overrides, for all commands that take a job. */
public final class JobArgument {
  private static final Path QUICKSTART = Path.of("recipes", "quickstart.yaml");

  @Parameters(
      arity = "0..1",
      paramLabel = "JOB",
      description = "Job file. Default: recipes/quickstart.yaml.")
  private @Nullable Path job;

  @Option(
      names = "--set",
      paramLabel = "KEY=VALUE",
      description = {
        "Override a key of the job file. Repeatable.",
        "Example: --set train.steps=400"
      })
  private List<String> settings = new ArrayList<>();

  /**
   * The job file with all overrides of the command line.
   *
   * @param more settings of other options, which win over {@code --set}
   */
  public JobSpec read(List<Setting> more) {
    List<Setting> all = new ArrayList<>();
    settings.forEach(setting -> all.add(Setting.parse(setting)));
    all.addAll(more);
    JobFile file =
        new JobFile(
            JobArgument::modelOf,
            JobArgument::vocabularyOf,
            hint -> System.err.println("gyre: " + hint));
    return file.read(path(), all);
  }

  /** The job file as named, or the quickstart. */
  Path path() {
    return job == null ? Home.path(QUICKSTART) : job;
  }

  /** Whether no job was named, so that the quickstart is used. */
  boolean isDefault() {
    return job == null;
  }

  private static ModelSpec modelOf(Path folder, JobFile.Changes changes) {
    try {
      HfFolder read = HfFolder.read(folder, changes.tied(), changes.rope());
      read.warnings().forEach(line -> System.err.println("gyre: " + line));
      return read.model();
    } catch (IOException e) {
      throw new CommandFailure(ExitCode.BAD_JOB, "model.from: " + e.getMessage());
    } catch (Invalid e) {
      throw new CommandFailure(ExitCode.BAD_JOB, "model.from " + folder + ": " + e.getMessage());
    }
  }

  private static int vocabularyOf(String tokenizer) {
    return Tokenizers.open(tokenizer, Path.of("")).vocabSize();
  }
}
