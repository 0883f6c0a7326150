package dev.gyre.partitioning.job;

import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.check.NumberRange;
import dev.gyre.partitioning.model.ModelSpec;
import java.util.List;

/**
 * A whole job, as the job file describes it with every default filled in.
 *
 * @param name the run's folder below {@code runs/}
 * @param modelFrom folder with Hugging Face weights to start from; empty to start fresh
 * @param backend {@code auto}, {@code onednn}, {@code vector}, {@code torch} or {@code scalar}
 * @param device {@code cpu} or {@code cuda:N}, the latter with backend torch alone
 * @param transport {@code ipc} or {@code udp}
 */
public record JobSpec(
    String name,
    ModelSpec model,
    String modelFrom,
    DatasetSpec dataset,
    TrainSpec train,
    MeshSpec mesh,
    String backend,
    String device,
    String transport,
    Eval eval,
    Checkpoint checkpoint) {

  public static final List<String> BACKENDS =
      List.of("auto", "onednn", "vector", "torch", "scalar");
  public static final List<String> TRANSPORTS = List.of("ipc", "udp");

  public JobSpec {
    Invalid.require(
        name.matches("[A-Za-z0-9][A-Za-z0-9._-]*"),
        "name",
        "'"
            + name
            + "' may hold letters, digits, '.', '_' and '-', and starts with a letter or digit");
    Invalid.requireOneOf(TRANSPORTS, "transport", transport);
    Invalid.require(
        device.matches("cpu|cuda:\\d{1,3}"), "device", "'" + device + "' must be cpu or cuda:N");
    Invalid.require(
        device.equals("cpu") || backend.equals("torch"),
        "device",
        "'%s' needs backend torch, and the job's is '%s'. Use backend: torch, or device: cpu."
            .formatted(device, backend));
  }

  /** The same model and data on one worker, in f32, with rows of {@code sequenceLength} tokens. */
  public JobSpec onOneWorker(int sequenceLength, String oneBackend) {
    TrainSpec one =
        new TrainSpec(
            sequenceLength,
            sequenceLength,
            train.steps(),
            train.seed(),
            "f32",
            train.balanceLoss(),
            train.zLoss(),
            train.nonFinite(),
            train.optimizer(),
            MemorySpec.PLANNED,
            List.of());
    return new JobSpec(
        name,
        model,
        modelFrom,
        dataset,
        one,
        new MeshSpec(1, 1, 1, 1, 1),
        oneBackend,
        "cpu",
        transport,
        eval,
        checkpoint);
  }

  /**
   * @param every steps between held-out evaluations; 0 for the end only
   * @param rows held-out rows per evaluation
   */
  public record Eval(long every, int rows) {
    public static final NumberRange EVERY = TrainSpec.STEPS;
    public static final NumberRange ROWS = NumberRange.whole(0, 1 << 20);

    public Eval {
      EVERY.require("eval.every", every);
      ROWS.require("eval.rows", rows);
    }

    /** Whether an evaluation is due after a step; arguments as of {@link Checkpoint#due}. */
    public boolean due(long done, long steps) {
      return done == steps || (every > 0 && done % every == 0);
    }
  }

  /**
   * @param every steps between checkpoints; 0 for the end only, {@link #NEVER} for only those
   *     requested while the job runs
   * @param keep newest checkpoints kept
   */
  public record Checkpoint(long every, int keep) {
    public static final long NEVER = -1;

    public static final NumberRange EVERY = NumberRange.whole(NEVER, 1_000_000_000_000L);
    public static final NumberRange KEEP = NumberRange.whole(1, 1_000_000);

    public Checkpoint {
      EVERY.require("checkpoint.every", every);
      KEEP.require("checkpoint.keep", keep);
    }

    /**
     * Whether a checkpoint is written after a step.
     *
     * @param done steps done so far
     * @param steps of the whole job
     */
    public boolean due(long done, long steps) {
      return every != NEVER && (done == steps || (every > 0 && done % every == 0));
    }
  }
}
