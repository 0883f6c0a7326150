package dev.gyre.partitioning.plan;

import dev.gyre.partitioning.job.DatasetSpec;
import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.partitioning.job.MemorySpec;
import dev.gyre.partitioning.job.MeshSpec;
import dev.gyre.partitioning.job.TrainSpec;
import dev.gyre.partitioning.mask.AttentionMask;
import dev.gyre.partitioning.model.Activation;
import dev.gyre.partitioning.model.AttentionFeatures;
import dev.gyre.partitioning.model.AttentionPattern;
import dev.gyre.partitioning.model.Decoder;
import dev.gyre.partitioning.model.EmbeddingSpec;
import dev.gyre.partitioning.model.FeedForwardSpec;
import dev.gyre.partitioning.model.FeedForwardSpec.DenseMlp;
import dev.gyre.partitioning.model.FeedForwardSpec.MixtureOfExperts;
import dev.gyre.partitioning.model.HeadShape;
import dev.gyre.partitioning.model.HeadSpec;
import dev.gyre.partitioning.model.LayerKind;
import dev.gyre.partitioning.model.LayerSpec;
import dev.gyre.partitioning.model.MixerSpec;
import dev.gyre.partitioning.model.MixerSpec.LatentAttention;
import dev.gyre.partitioning.model.MixerSpec.SoftmaxAttention;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.model.RopeSpec;
import dev.gyre.partitioning.model.RouterSpec;
import java.util.ArrayList;
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

  /**
   * The same sizes as gpt-oss would have them: biases, sink logits, a window of 128 in every other
   * layer, 6 clamped experts with biases.
   */
  static ModelSpec sinks() {
    RouterSpec router = new RouterSpec.TopK(2, true, true);
    Activation clamped = new Activation.ClampedSwiglu(1.702, 7);
    FeedForwardSpec experts = new MixtureOfExperts(6, 512, clamped, true, router, 0);
    AttentionFeatures features = AttentionFeatures.biased(true, true).withSinkLogits();
    List<LayerSpec> layers = new ArrayList<>();
    for (int layer = 0; layer < 4; layer++) {
      int window = layer % 2 == 0 ? 128 : 0;
      layers.add(
          new LayerSpec(
              new SoftmaxAttention(
                  new HeadShape(8, 4, 32),
                  window > 0 ? LayerKind.SLIDING : LayerKind.FULL,
                  AttentionMask.window(window),
                  new RopeSpec(1e6),
                  features),
              experts));
    }
    return new ModelSpec(new EmbeddingSpec(256, 256), layers, new HeadSpec(false), 1e-5, 0);
  }

  /**
   * As DeepSeek-V3 would have them: latents of 96 and 64, heads of 48 of which 16 are rotated,
   * values of 32, a dense layer, then 8 experts in 4 groups and a shared one of 384.
   */
  static ModelSpec latent() {
    MixerSpec mixer =
        new LatentAttention(
            new HeadShape(8, 8, 48),
            AttentionMask.CAUSAL,
            new RopeSpec(1e6),
            96,
            64,
            16,
            32,
            false);
    RouterSpec router = new RouterSpec.GroupTopK(2, 4, 2, true, 2.5);
    FeedForwardSpec experts =
        new MixtureOfExperts(8, 128, new Activation.Swiglu(), false, router, 384);
    List<LayerSpec> layers = new ArrayList<>();
    for (int layer = 0; layer < 4; layer++) {
      layers.add(new LayerSpec(mixer, layer == 0 ? new DenseMlp(512) : experts));
    }
    return new ModelSpec(new EmbeddingSpec(256, 256), layers, new HeadSpec(false), 1e-5, 0);
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
