package dev.gyre.deploy.bench;

import dev.gyre.partitioning.job.DatasetSpec;
import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.partitioning.job.MemorySpec;
import dev.gyre.partitioning.job.MeshSpec;
import dev.gyre.partitioning.job.TrainSpec;
import dev.gyre.partitioning.model.AttentionPattern;
import dev.gyre.partitioning.model.Decoder;
import dev.gyre.partitioning.model.EmbeddingSpec;
import dev.gyre.partitioning.model.HeadShape;
import dev.gyre.partitioning.model.ModelSpec;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * The benchmark job: a Mixtral-shaped model on the bytes of one file, with one row per data rank
 * and step. To be comparable with plain training loops of other frameworks, it has no learning-rate
 * warm-up, clipping, auxiliary loss, evaluation or checkpoint.
 *
 * @param hidden width of the residual stream
 * @param ffn width of an expert's hidden layer
 * @param attention kind of each layer
 * @param sequence tokens of a row
 * @param dtype {@code auto}, {@code bf16} or {@code f32}
 * @param memory activation recomputation and offload
 */
public record BenchJob(
    int hidden,
    int layers,
    int heads,
    int kvHeads,
    int experts,
    int topK,
    int ffn,
    AttentionPattern attention,
    double lr,
    MeshSpec mesh,
    int sequence,
    long steps,
    String dtype,
    String backend,
    String transport,
    MemorySpec memory,
    Path text) {
  private static final int BYTES = 256;

  /** Warm-up steps, which are left out of the median if more than {@link #ALL_BELOW} steps ran. */
  static final int WARM_UP = 2;

  static final int ALL_BELOW = 5;

  /** The job as {@code gyre train} would run it. */
  public JobSpec spec() {
    ModelSpec model =
        new Decoder(
                new EmbeddingSpec(BYTES, hidden),
                layers,
                new HeadShape(heads, kvHeads, hidden / heads))
            .mlp(ffn)
            .experts(experts, experts == 0 ? 0 : topK)
            .attention(attention)
            .spec();
    TrainSpec train =
        TrainSpec.of(sequence, (long) sequence * Math.max(1, mesh.dataParallel()))
            .with(
                Map.of(
                    "steps",
                    steps,
                    "dtype",
                    dtype,
                    "balanceLoss",
                    0,
                    "optimizer",
                    TrainSpec.Optimizer.constant(lr).with("clip", 0),
                    "memory",
                    memory));
    String path = text.toAbsolutePath().normalize().toString();
    // One document, longer than a row: it is cut at every row, and nothing is masked.
    DatasetSpec dataset =
        DatasetSpec.of(List.of(DatasetSpec.Source.of(path)))
            .with(Map.of("packing", "concat", "holdout", 0));
    return JobSpec.of("bench", model, dataset, train)
        .with(
            Map.of(
                "mesh",
                mesh,
                "backend",
                backend,
                "transport",
                transport,
                "eval",
                JobSpec.Eval.of(0, 0),
                "checkpoint",
                JobSpec.Checkpoint.of(JobSpec.Checkpoint.NEVER, 1)));
  }
}
