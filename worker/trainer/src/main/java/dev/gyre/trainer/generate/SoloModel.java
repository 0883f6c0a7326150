package dev.gyre.trainer.generate;

import dev.gyre.comms.Transport;
import dev.gyre.comms.loopback.LoopbackNetwork;
import dev.gyre.kernels.Backend;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Device;
import dev.gyre.model.Execution;
import dev.gyre.model.Objective;
import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.partitioning.plan.Plan;
import dev.gyre.partitioning.plan.Rates;
import dev.gyre.partitioning.plan.WorkerCapabilities;
import dev.gyre.trainer.checkpoint.CheckpointReader;
import dev.gyre.trainer.data.Tokenizer;
import dev.gyre.trainer.data.Tokenizers;
import dev.gyre.trainer.dryrun.ModelDryRun;
import dev.gyre.trainer.rank.RankSpec;
import dev.gyre.trainer.rank.TrainingRank;
import dev.gyre.trainer.worker.Backends;
import dev.gyre.trainer.worker.HostLimits;
import dev.gyre.trainer.worker.Transports;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Predicate;

/** A trained model on one worker, with its tokenizer. */
public final class SoloModel implements AutoCloseable {
  /**
   * Longest context of a sample. Each token costs a forward pass, so a longer one would be too
   * slow.
   */
  private static final int CONTEXT = 1024;

  private final Backend backend;
  private final Transport transport;
  private final TrainingRank rank;
  private final Tokenizer tokenizer;
  private final int context;

  private SoloModel(
      Backend backend, Transport transport, TrainingRank rank, Tokenizer tokenizer, int context) {
    this.backend = backend;
    this.transport = transport;
    this.rank = rank;
    this.tokenizer = tokenizer;
    this.context = context;
  }

  /**
   * @param checkpoint its folder
   * @param job the job it came from
   * @param backendName or {@code auto}; computes in f32
   */
  public static SoloModel open(Path checkpoint, JobSpec job, String backendName)
      throws IOException {
    int context = Math.min(CONTEXT, job.train().sequenceLength());
    // runs/NAME/checkpoints/step-N
    Path run = checkpoint.resolve("..").resolve("..").normalize();
    Tokenizer tokenizer = Tokenizers.ofRun(job.dataset().tokenizer(), run);
    Plan plan =
        ModelDryRun.PLANNER.plan(
            job.onOneWorker(context, backendName),
            new WorkerCapabilities(
                Backends.offers(backendName, Device.CPU),
                List.of(Transports.offer(LoopbackNetwork.LIMITS)),
                List.of(
                    new WorkerCapabilities.Host(1, HostLimits.memoryBytes(), 1, Rates.UNKNOWN))));
    Backend backend = Backends.open(plan.backend(), 1, Device.CPU);
    Transport transport = LoopbackNetwork.alone();
    TrainingRank rank =
        TrainingRank.open(
            transport,
            backend,
            RankSpec.of(
                job.model(),
                plan.mesh(),
                Objective.CROSS_ENTROPY,
                Execution.of(DType.F32),
                context,
                plan.workspaceBytes()));
    try (CheckpointReader reader = CheckpointReader.open(checkpoint)) {
      reader.require(job.model().tensors());
      rank.parameters().load(reader.weights());
    }
    return new SoloModel(backend, transport, rank, tokenizer, context);
  }

  /**
   * Continues a text.
   *
   * @param prompt at least one token
   * @param tokens to add, in {@link Generator#TOKENS}
   * @param each receives the new text in pieces of complete characters; false ends it
   * @throws Invalid if the prompt has no tokens
   */
  public void generate(String prompt, int tokens, Sampling sampling, Predicate<String> each) {
    int[] start = tokenizer.encode(prompt.getBytes(StandardCharsets.UTF_8));
    TextStream text = new TextStream(tokenizer, start);
    new Generator(rank, context)
        .generate(start, tokens, sampling, token -> accept(text.next(token), each));
    accept(text.rest(), each);
  }

  private static boolean accept(String piece, Predicate<String> each) {
    return piece.isEmpty() || each.test(piece);
  }

  @Override
  public void close() {
    rank.close();
    transport.close();
    backend.close();
    tokenizer.close();
  }
}
