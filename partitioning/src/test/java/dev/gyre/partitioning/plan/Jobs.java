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
import java.util.Map;

/** A small job for tests to vary. */
final class Jobs {
  /** Plans with sketched memory. */
  static final Planner PLANNER = new Planner(new SketchedMemory());

  private Jobs() {}

  static final WorkerCapabilities.Backend ONEDNN =
      new WorkerCapabilities.Backend(
          "onednn", "", List.of("bf16", "f32"), List.of("bf16", "f32"), "AVX512-BF16");
  static final WorkerCapabilities.Backend VECTOR =
      new WorkerCapabilities.Backend("vector", "", List.of("f32"), List.of("f32"), "AVX512");

  static final WorkerCapabilities.Transport IPC =
      new WorkerCapabilities.Transport("ipc", 256, true);
  static final WorkerCapabilities.Transport UDP =
      new WorkerCapabilities.Transport("udp", 1024, false);

  static final Rates RATES = new Rates(400_000_000_000L, 100_000_000_000L, 5_000_000_000L);

  /** All on one host. */
  static WorkerCapabilities workers(WorkerCapabilities.Backend... backends) {
    return on(List.of(backends), new WorkerCapabilities.Host(4, 24L << 30, 0, RATES));
  }

  static WorkerCapabilities on(
      List<WorkerCapabilities.Backend> backends, WorkerCapabilities.Host... hosts) {
    return new WorkerCapabilities(backends, List.of(IPC, UDP), List.of(hosts));
  }

  /** The same on one host with other memory. */
  static WorkerCapabilities withMemory(WorkerCapabilities workers, long hostBytes) {
    Rates rates = workers.hosts().getFirst().rates();
    return on(workers.backends(), new WorkerCapabilities.Host(4, hostBytes, 0, rates));
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
    return train(sequenceLength, batchTokens, dtype, MemorySpec.planned());
  }

  static TrainSpec train(int sequenceLength, long batchTokens, String dtype, MemorySpec memory) {
    return TrainSpec.of(sequenceLength, batchTokens)
        .with(
            Map.of(
                "steps",
                10,
                "dtype",
                dtype,
                "optimizer",
                TrainSpec.Optimizer.constant(1e-3),
                "memory",
                memory));
  }

  static JobSpec job(ModelSpec model, TrainSpec train, MeshSpec mesh, String backend) {
    DatasetSpec dataset = DatasetSpec.of(List.of(DatasetSpec.Source.of("text"))).with("holdout", 0);
    return JobSpec.of("test", model, dataset, train)
        .with(
            Map.of(
                "mesh",
                mesh,
                "backend",
                backend,
                "eval",
                JobSpec.Eval.of(0, 1),
                "checkpoint",
                JobSpec.Checkpoint.of(0, 1)));
  }

  static JobSpec job(MeshSpec mesh) {
    return job(model(8, 0), train(8192, 8192, "auto"), mesh, "auto");
  }
}
