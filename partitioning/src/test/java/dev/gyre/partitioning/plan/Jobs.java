package dev.gyre.partitioning.plan;

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
import java.util.List;

/** A small job for tests to vary. */
final class Jobs {
  private Jobs() {}

  static final WorkerCapabilities.Backend ONEDNN =
      new WorkerCapabilities.Backend(
          "onednn", "", List.of("bf16", "f32"), List.of("bf16", "f32"), "AVX512-BF16");
  static final WorkerCapabilities.Backend VECTOR =
      new WorkerCapabilities.Backend("vector", "", List.of("f32"), List.of("f32"), "AVX512");

  static WorkerCapabilities workers(WorkerCapabilities.Backend... backends) {
    return new WorkerCapabilities(
        List.of(backends),
        4,
        24L << 30,
        0,
        new Rates(400_000_000_000L, 100_000_000_000L, 5_000_000_000L));
  }

  /**
   * h 256, 4 layers, 8 query heads over 4 key/value heads of 32, expert width 512, vocabulary 256.
   */
  static ModelSpec model(int experts, int window) {
    return decoder()
        .experts(experts, experts > 0 ? 2 : 0)
        .attention(AttentionPattern.sliding(window))
        .spec();
  }

  /** h 256, 4 layers, 8 query heads over 4 key/value heads of 32. */
  static Decoder decoder() {
    return new Decoder(new EmbeddingSpec(256, 256), 4, new HeadShape(8, 4, 32))
        .mlp(512)
        .ropeTheta(1e6)
        .tied(true);
  }

  static TrainSpec train(int sequenceLength, long batchTokens, String dtype) {
    return train(sequenceLength, batchTokens, dtype, MemorySpec.PLANNED);
  }

  static TrainSpec train(int sequenceLength, long batchTokens, String dtype, MemorySpec memory) {
    return new TrainSpec(
        sequenceLength,
        batchTokens,
        10,
        1,
        dtype,
        0.01,
        0,
        "fail",
        new TrainSpec.Optimizer(1e-3, 0, "constant", 0, 1, 0.1, 0.9, 0.95, 1e-8),
        memory,
        List.of());
  }

  static JobSpec job(ModelSpec model, TrainSpec train, MeshSpec mesh, String backend) {
    return new JobSpec(
        "test",
        model,
        "",
        new DatasetSpec(
            List.of(new DatasetSpec.Source("text", "", "text", 1)), "bytes", "best-fit", 0),
        train,
        mesh,
        backend,
        "cpu",
        "ipc",
        new JobSpec.Eval(0, 1),
        new JobSpec.Checkpoint(0, 1));
  }

  static JobSpec job(MeshSpec mesh) {
    return job(model(8, 0), train(8192, 8192, "auto"), mesh, "auto");
  }
}
