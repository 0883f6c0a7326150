package dev.gyre.deploy;

import dev.gyre.comms.ExitCode;
import dev.gyre.kernels.DType;
import dev.gyre.trainer.checkpoint.HuggingFaceExport;
import dev.gyre.trainer.data.Tokenizers;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "export",
    mixinStandardHelpOptions = true,
    header = "Makes a Hugging Face folder of a checkpoint.",
    description = {
      "config.json, model.safetensors and the run's tokenizer.json, of the checkpoint named or of a",
      "run's newest whole one."
    },
    footer = {
      "",
      "Try    ./gyre checkpoint export quickstart --hf out/",
      "then   AutoModelForCausalLM.from_pretrained(\"out/\")   in Python, or",
      "       model: {from: out/}                            in a job file"
    })
final class CheckpointExportCommand implements Callable<ExitCode> {
  @Parameters(
      paramLabel = "RUN|FOLDER",
      description = "A run's name or folder, or the folder of one checkpoint.")
  private Path named = Path.of("");

  @Option(
      names = "--hf",
      paramLabel = "DIR",
      required = true,
      description = "The folder to write; made if missing, must not hold a model yet.")
  private Path target = Path.of("");

  @Option(
      names = "--dtype",
      paramLabel = "T",
      defaultValue = "f32",
      converter = DtypeOption.class,
      description = "f32 (exact) or bf16 (rounded, half the size). Default: ${DEFAULT-VALUE}.")
  private DType dtype = DType.F32;

  @Option(
      names = "--runs",
      paramLabel = "DIR",
      defaultValue = "runs",
      description = "Where runs are kept. Default: ${DEFAULT-VALUE}.")
  private Path runs = Path.of("runs");

  @Override
  public ExitCode call() throws IOException {
    if (Files.exists(target) && !Files.isDirectory(target)) {
      throw new CommandFailure(ExitCode.BAD_JOB, "--hf " + target + " is a file; name a folder");
    }
    if (Files.exists(target.resolve(HuggingFaceExport.WEIGHTS))) {
      throw new CommandFailure(
          ExitCode.BAD_JOB,
          "--hf %s holds a model already; export into another folder".formatted(target));
    }
    Path checkpoint = Checkpoints.find(named, runs);
    for (String warning : HuggingFaceExport.export(checkpoint, target, dtype)) {
      System.err.println("gyre: " + warning);
    }
    copyTokenizer(checkpoint);
    System.out.println(checkpoint + " -> " + target);
    return ExitCode.DONE;
  }

  /** A run keeps the tokenizer it was trained with; byte tokens have none. */
  private void copyTokenizer(Path checkpoint) throws IOException {
    Path kept = checkpoint.resolve("..").resolve("..").resolve(Tokenizers.RUN_COPY).normalize();
    if (Files.isRegularFile(kept)) {
      Path copy = target.resolve(Tokenizers.RUN_COPY);
      Files.copy(kept, copy, StandardCopyOption.REPLACE_EXISTING);
    }
  }
}
