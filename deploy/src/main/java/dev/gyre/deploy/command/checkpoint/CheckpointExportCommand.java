package dev.gyre.deploy.command.checkpoint;

import dev.gyre.comms.ExitCode;
import dev.gyre.deploy.files.RunFolder;
import dev.gyre.deploy.options.CheckpointArgument;
import dev.gyre.deploy.options.CheckpointSelection;
import dev.gyre.deploy.options.CommandFailure;
import dev.gyre.deploy.options.DtypeOption;
import dev.gyre.kernels.DType;
import dev.gyre.model.hf.HfCompanions;
import dev.gyre.partitioning.check.NumberRange;
import dev.gyre.trainer.checkpoint.HuggingFaceExport;
import dev.gyre.trainer.data.Tokenizers;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "export",
    mixinStandardHelpOptions = true,
    header = "Export a checkpoint as a Hugging Face folder.",
    description = {
      "Writes config.json and safetensors of the named checkpoint, or of a run's newest intact one, in"
          + " the family that the model started from, and the run's tokenizer files. Warns of keys that"
          + " the Hugging Face class ignores."
    },
    footer = {
      "",
      "Try    ./gyre checkpoint export quickstart --hf out/",
      "then   AutoModelForCausalLM.from_pretrained(\"out/\")  in Python, or",
      "       model: {from: out/}                            in a job file"
    })
final class CheckpointExportCommand implements Callable<ExitCode> {
  private static final double LEAST_GIGABYTES = 1e-4;
  private static final double MOST_GIGABYTES = 1e6;

  @Mixin private CheckpointArgument checkpoint = new CheckpointArgument();

  @Option(
      names = "--hf",
      paramLabel = "DIR",
      required = true,
      description = "Folder to write. It is created; it must not hold a model yet.")
  private Path target = Path.of("");

  @Option(
      names = "--dtype",
      paramLabel = "T",
      defaultValue = "f32",
      converter = DtypeOption.class,
      description = "f32 (exact) or bf16 (rounded, half the size). Default: ${DEFAULT-VALUE}.")
  private DType dtype = DType.F32;

  @Option(
      names = "--max-shard-size",
      paramLabel = "GB",
      description =
          "Most gigabytes (10^9 bytes) of a file of weights; more weights are written as several files"
              + " and their index. Default: ${DEFAULT-VALUE}.")
  private double shardGigabytes = HuggingFaceExport.SHARD_BYTES / 1e9;

  @Override
  public ExitCode call() throws IOException {
    if (Files.exists(target) && !Files.isDirectory(target)) {
      throw new CommandFailure(ExitCode.BAD_JOB, "--hf " + target + " is a file; name a folder");
    }
    Path found = checkpoint.find();
    List<Path> companions = companions(CheckpointSelection.runOf(found));
    NumberRange.between(LEAST_GIGABYTES, MOST_GIGABYTES)
        .require("--max-shard-size", shardGigabytes);
    long shardBytes = (long) (shardGigabytes * 1e9);
    for (String warning : HuggingFaceExport.export(found, target, dtype, shardBytes, companions)) {
      System.err.println("gyre: " + warning);
    }
    System.out.println(found + " -> " + target);
    return ExitCode.DONE;
  }

  /** The run's tokenizer, and the other files of the model that it started from. */
  private static List<Path> companions(Path run) throws IOException {
    Path tokenizer = run.resolve(Tokenizers.RUN_COPY);
    List<Path> files = new ArrayList<>(HfCompanions.in(run.resolve(RunFolder.MODEL_FILES)));
    if (Files.isRegularFile(tokenizer)) {
      files.removeIf(file -> file.endsWith(Tokenizers.RUN_COPY));
      files.add(tokenizer);
    }
    return files;
  }
}
