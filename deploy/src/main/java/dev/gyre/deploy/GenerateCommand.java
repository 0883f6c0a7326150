package dev.gyre.deploy;

import dev.gyre.comms.ExitCode;
import dev.gyre.kernels.DType;
import dev.gyre.trainer.generate.Sampling;
import dev.gyre.trainer.generate.SoloModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "generate",
    mixinStandardHelpOptions = true,
    description = "Continues a text with a trained model, on one worker.",
    footer = {"", "Try    ./gyre generate quickstart \"public class\" --tokens 400"})
final class GenerateCommand implements Callable<ExitCode> {
  @Parameters(index = "0", paramLabel = "RUN", description = "A run, or a checkpoint's folder.")
  private Path run = Path.of("");

  @Parameters(index = "1", paramLabel = "PROMPT", description = "The text to continue.")
  private String prompt = "";

  @Option(
      names = "--tokens",
      defaultValue = "200",
      description = "Tokens to add: ${DEFAULT-VALUE}.")
  private int tokens;

  @Option(
      names = "--temperature",
      defaultValue = "0.8",
      description = "0: always the likeliest. Default: ${DEFAULT-VALUE}.")
  private double temperature;

  @Option(names = "--seed", defaultValue = "1", description = "Of the draws: ${DEFAULT-VALUE}.")
  private long seed;

  @Option(
      names = "--backend",
      defaultValue = "auto",
      description = "auto, onednn, vector, torch, scalar.")
  private String backend = "auto";

  @Option(names = "--runs", defaultValue = "runs", description = "Where runs are kept.")
  private Path runs = Path.of("runs");

  @Override
  public ExitCode call() throws IOException {
    Path checkpoint = Checkpoints.find(run, runs);
    String chosen = LocalBackend.choose(backend, DType.F32);
    try (SoloModel model = SoloModel.open(checkpoint, Checkpoints.jobOf(checkpoint), chosen)) {
      System.out.print(prompt);
      model.generate(prompt, tokens, new Sampling(temperature, seed), System.out::print);
      System.out.println();
    }
    return ExitCode.DONE;
  }
}
