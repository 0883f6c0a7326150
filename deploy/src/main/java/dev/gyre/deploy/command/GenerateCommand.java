package dev.gyre.deploy.command;

import dev.gyre.comms.ExitCode;
import dev.gyre.deploy.console.Console;
import dev.gyre.deploy.options.BackendOption;
import dev.gyre.deploy.options.CheckpointArgument;
import dev.gyre.deploy.options.CheckpointSelection;
import dev.gyre.deploy.options.LocalBackend;
import dev.gyre.kernels.DType;
import dev.gyre.partitioning.check.Invalid;
import dev.gyre.trainer.generate.Generator;
import dev.gyre.trainer.generate.Sampling;
import dev.gyre.trainer.generate.SoloModel;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "generate",
    mixinStandardHelpOptions = true,
    header = "Continue a text with a trained model, on one worker.",
    footer = {"", "Try    ./gyre generate quickstart \"public class\" --tokens 400"})
public final class GenerateCommand implements Callable<ExitCode> {
  @Mixin private CheckpointArgument checkpoint = new CheckpointArgument();

  @Parameters(index = "1", paramLabel = "PROMPT", description = "The text to continue.")
  private String prompt = "";

  @Option(
      names = "--tokens",
      paramLabel = "N",
      defaultValue = "200",
      description = "Number of tokens to add. Default: ${DEFAULT-VALUE}.")
  private int tokens;

  @Option(
      names = "--temperature",
      paramLabel = "T",
      defaultValue = "0.8",
      description = "Sampling temperature; 0: the most likely token. Default: ${DEFAULT-VALUE}.")
  private double temperature;

  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "1",
      description = "Seed of the sampling. Default: ${DEFAULT-VALUE}.")
  private long seed;

  @Mixin private BackendOption backend = new BackendOption();

  @Override
  public ExitCode call() throws IOException {
    Generator.TOKENS.require("--tokens", tokens);
    Sampling.TEMPERATURE.require("--temperature", temperature);
    if (prompt.isEmpty()) {
      throw new Invalid("PROMPT", "is empty; give at least one character of text");
    }
    Path found = checkpoint.find().toRealPath();
    String chosen = LocalBackend.choose(backend.name(), DType.F32);
    boolean terminal = Console.standard().isTerminal();
    PrintStream out = System.out;
    try (SoloModel model = SoloModel.open(found, CheckpointSelection.jobOf(found), chosen)) {
      out.print(prompt);
      out.flush();
      model.generate(
          prompt,
          tokens,
          new Sampling(temperature, seed),
          piece -> print(out, terminal ? harmless(piece) : piece));
      out.println();
      out.flush();
    }
    return ExitCode.DONE;
  }

  /**
   * Prints a piece. Returns false if the reader has closed the pipe, as in {@code gyre generate ...
   * | head}.
   */
  private static boolean print(PrintStream out, String piece) {
    out.print(piece);
    out.flush();
    return !out.checkError();
  }

  /** Replaces control characters, which a model may generate and a terminal would interpret. */
  static String harmless(String text) {
    StringBuilder shown = new StringBuilder(text.length());
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      shown.append(Character.isISOControl(c) && c != '\n' && c != '\t' ? '\u00b7' : c);
    }
    return shown.toString();
  }
}
