package dev.gyre.deploy;

import dev.gyre.comms.ExitCode;
import dev.gyre.kernels.DType;
import dev.gyre.trainer.checkpoint.HuggingFaceExport;
import dev.gyre.trainer.data.Tokenizers;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "export",
    mixinStandardHelpOptions = true,
    header = "Makes a Hugging Face folder of a checkpoint.",
    description = {
      "config.json and model.safetensors, of the checkpoint named or of a run's newest intact one, and",
      "the run's tokenizer.json if it has one. Keys that Hugging Face's class ignores are named."
    },
    footer = {
      "",
      "Try    ./gyre checkpoint export quickstart --hf out/",
      "then   AutoModelForCausalLM.from_pretrained(\"out/\")   in Python, or",
      "       model: {from: out/}                            in a job file"
    })
final class CheckpointExportCommand implements Callable<ExitCode> {
  @Mixin private CheckpointArgument checkpoint = new CheckpointArgument();

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

  @Override
  public ExitCode call() throws IOException {
    if (Files.exists(target) && !Files.isDirectory(target)) {
      throw new CommandFailure(ExitCode.BAD_JOB, "--hf " + target + " is a file; name a folder");
    }
    Path found = checkpoint.find();
    Path tokenizer = CheckpointSelection.runOf(found).resolve(Tokenizers.RUN_COPY);
    List<Path> companions = Files.isRegularFile(tokenizer) ? List.of(tokenizer) : List.of();
    for (String warning : HuggingFaceExport.export(found, target, dtype, companions)) {
      System.err.println("gyre: " + warning);
    }
    System.out.println(found + " -> " + target);
    return ExitCode.DONE;
  }
}
