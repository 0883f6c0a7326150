package dev.gyre.partitioning.job;

import static dev.gyre.partitioning.job.Effect.EXECUTION;
import static dev.gyre.partitioning.job.Effect.NONE;
import static dev.gyre.partitioning.job.Key.choice;
import static dev.gyre.partitioning.job.Key.number;
import static dev.gyre.partitioning.job.Key.section;
import static dev.gyre.partitioning.job.Key.text;

import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.check.NumberRange;
import dev.gyre.partitioning.model.ModelSpec;
import java.util.List;
import java.util.Map;

/**
 * A whole job, as the job file describes it with every default filled in.
 *
 * @param name the run's folder below {@code runs/}
 * @param modelFrom folder with Hugging Face weights to start from; empty to start fresh
 * @param backend {@code auto}, {@code onednn}, {@code vector}, {@code torch} or {@code scalar}
 * @param device {@code cpu} or {@code cuda:N}, the latter with backend torch alone
 * @param transport {@code auto}, {@code ipc} or {@code udp}
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
    Checkpoint checkpoint)
    implements Spec<JobSpec> {

  public static final List<String> BACKENDS =
      List.of("auto", "onednn", "vector", "torch", "scalar");
  public static final List<String> TRANSPORTS = List.of("auto", "ipc", "udp");

  /** All keys of a job; those of the section {@code model} are declared where they are read. */
  public static final Key KEYS =
      section(
          "",
          "A Gyre training job.",
          text("name", null, "Name of the run's folder in runs/. Default: the file's name.")
              .changes(NONE),
          section("model", "The decoder."),
          DatasetSpec.KEYS,
          TrainSpec.KEYS,
          MeshSpec.KEYS,
          choice(
                  "backend",
                  "auto",
                  "Compute backend. auto takes the best available; a named one never falls back.",
                  BACKENDS)
              .changes(EXECUTION)
              .planned("auto")
              .original(),
          text("device", "cpu", "cpu, or cuda:N for a GPU with backend torch.")
              .changes(EXECUTION)
              .planned("")
              .original(),
          choice(
                  "transport",
                  MeshSpec.AUTO,
                  "Data transport between workers: shared memory of one host, or UDP. auto takes"
                      + " the first that can connect all workers.",
                  TRANSPORTS)
              .changes(EXECUTION)
              .planned(MeshSpec.AUTO)
              .original(),
          Eval.KEYS,
          Checkpoint.KEYS);

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

  /** A new model on some data, with the defaults of the other keys. */
  public static JobSpec of(String name, ModelSpec model, DatasetSpec dataset, TrainSpec train) {
    return KeyValue.defaults(
        JobSpec.class,
        KEYS,
        Map.of(
            "name",
            name,
            "model",
            model,
            "modelFrom",
            "",
            "dataset",
            dataset,
            "train",
            train,
            "mesh",
            MeshSpec.of(0, 0, 0, 0, 0)));
  }

  /** The same model and data on one worker, in f32, with rows of {@code sequenceLength} tokens. */
  public JobSpec onOneWorker(int sequenceLength, String oneBackend) {
    TrainSpec one =
        train.with(
            Map.of(
                "sequenceLength",
                sequenceLength,
                "batchTokens",
                sequenceLength,
                "dtype",
                "f32",
                "memory",
                MemorySpec.planned(),
                "stages",
                List.of()));
    return with(
        Map.of(
            "train",
            one,
            "mesh",
            MeshSpec.of(1, 1, 1, 1, 1),
            "backend",
            oneBackend,
            "device",
            "cpu",
            "transport",
            MeshSpec.AUTO));
  }

  /**
   * @param every steps between held-out evaluations; 0 for the end only
   * @param rows held-out rows per evaluation
   */
  public record Eval(long every, int rows) implements Spec<Eval> {
    public static final NumberRange EVERY = TrainSpec.STEPS;
    public static final NumberRange ROWS = NumberRange.whole(0, 1 << 20);

    public static final Key KEYS =
        section(
                "eval",
                "Held-out evaluation.",
                number("every", "50", EVERY, "Steps between evaluations; 0: only at the end.")
                    .original(),
                number("rows", "4", ROWS, "Held-out rows per evaluation; 0: none.").original())
            .changes(NONE);

    /** The defaults of the other keys. */
    public static Eval of(long every, int rows) {
      return KeyValue.defaults(Eval.class, KEYS, Map.of("every", every, "rows", rows));
    }

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
  public record Checkpoint(long every, int keep) implements Spec<Checkpoint> {
    public static final long NEVER = -1;

    public static final NumberRange EVERY = NumberRange.whole(NEVER, 1_000_000_000_000L);
    public static final NumberRange KEEP = NumberRange.whole(1, 1_000_000);

    public static final Key KEYS =
        section(
                "checkpoint",
                "Checkpoints and their retention.",
                number(
                        "every",
                        "100",
                        EVERY,
                        "Steps between checkpoints; 0: only at the end; -1: never.")
                    .original(),
                number("keep", "3", KEEP, "Number of newest checkpoints to keep.").original())
            .changes(NONE);

    /** The defaults of the other keys. */
    public static Checkpoint of(long every, int keep) {
      return KeyValue.defaults(Checkpoint.class, KEYS, Map.of("every", every, "keep", keep));
    }

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
