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
        new TrainSpec(
            sequence,
            (long) sequence * Math.max(1, mesh.dataParallel()),
            steps,
            1,
            dtype,
            0,
            0,
            "fail",
            new TrainSpec.Optimizer(lr, 0, "constant", 0, 0, 0.1, 0.9, 0.95, 1e-8),
            memory,
            List.of());
    String path = text.toAbsolutePath().normalize().toString();
    return new JobSpec(
        "bench",
        model,
        "",
        // One document, longer than a row: it is cut at every row, and nothing is masked.
        new DatasetSpec(List.of(new DatasetSpec.Source(path, "", "text", 1)), "bytes", "concat", 0),
        train,
        mesh,
        backend,
        "cpu",
        transport,
        new JobSpec.Eval(0, 0),
        new JobSpec.Checkpoint(JobSpec.Checkpoint.NEVER, 1));
  }
}
