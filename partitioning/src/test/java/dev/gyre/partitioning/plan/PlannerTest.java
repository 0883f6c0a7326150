package dev.gyre.partitioning.plan;

import static java.util.Objects.requireNonNull;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.partitioning.job.MeshSpec;
import dev.gyre.partitioning.job.ScheduleSpec;
import dev.gyre.partitioning.mask.AttentionMask;
import dev.gyre.partitioning.mesh.Mesh;
import dev.gyre.partitioning.model.Activation;
import dev.gyre.partitioning.model.EmbeddingSpec;
import dev.gyre.partitioning.model.FeedForwardSpec.DenseMlp;
import dev.gyre.partitioning.model.FeedForwardSpec.MixtureOfExperts;
import dev.gyre.partitioning.model.HeadShape;
import dev.gyre.partitioning.model.HeadSpec;
import dev.gyre.partitioning.model.LayerKind;
import dev.gyre.partitioning.model.LayerSpec;
import dev.gyre.partitioning.model.MixerSpec;
import dev.gyre.partitioning.model.MixerSpec.LatentAttention;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.model.RopeSpec;
import dev.gyre.partitioning.model.RouterSpec;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class PlannerTest {
  private static Plan plan(JobSpec job) {
    return Jobs.PLANNER.plan(job, Jobs.workers(Jobs.ONEDNN, Jobs.VECTOR));
  }

  private static Mesh mesh(MeshSpec spec) {
    return Planner.mesh(Jobs.job(spec));
  }

  private static void assertRefused(String message, JobSpec job, WorkerCapabilities workers) {
    Invalid invalid = assertThrows(Invalid.class, () -> Jobs.PLANNER.plan(job, workers));
    assertEquals(message, invalid.getMessage());
  }

  private static void assertRefused(String message, MeshSpec mesh) {
    assertRefused(message, Jobs.job(mesh), Jobs.workers(Jobs.ONEDNN));
  }

  @Test
  void openDegreesAreChosenByTheRule() {
    assertEquals(new Mesh(1, 2, 1, 2), mesh(MeshSpec.of(0, 0, 0, 0, 0)));
    assertEquals(new Mesh(1, 8, 1, 8), mesh(MeshSpec.of(8, 0, 0, 0, 0)));
    assertEquals(new Mesh(1, 3, 1, 3), mesh(MeshSpec.of(0, 0, 3, 0, 0)));
    assertEquals(new Mesh(2, 1, 2, 4), mesh(MeshSpec.of(0, 2, 0, 2, 0)));
    assertEquals(new Mesh(2, 3, 1, 6), mesh(MeshSpec.of(6, 2, 0, 0, 0)));
    assertEquals(new Mesh(3, 2, 1, 6), mesh(MeshSpec.of(6, 0, 2, 0, 0)));
    assertEquals(new Mesh(1, 2, 4, 8), mesh(MeshSpec.of(8, 1, 2, 0, 0)));
    assertEquals(new Mesh(1, 4, 2, 2), mesh(MeshSpec.of(8, 0, 0, 2, 2)));
    // 10 workers, 8 experts: 5 is the largest divisor of 10 that is not above 8.
    assertEquals(5, mesh(MeshSpec.of(10, 0, 0, 0, 0)).expertParallel());
  }

  @Test
  void moreFlopsThanCanBeCounted() {
    JobSpec job = Jobs.job(Jobs.model(8, 0), Jobs.train(1 << 30, 1L << 30, "f32"), eight(), "auto");
    Invalid invalid = assertThrows(Invalid.class, () -> plan(job));
    assertTrue(invalid.getMessage().contains("more FLOPs than 2^63"), invalid::getMessage);
  }

  @Test
  void degreesAloneMakeAMesh() {
    assertEquals(new Mesh(1, 1, 1, 1), Planner.mesh(MeshSpec.of(0, 0, 0, 0, 0), Jobs.model(8, 0)));
    assertEquals(new Mesh(1, 2, 2, 4), Planner.mesh(MeshSpec.of(0, 0, 2, 2, 0), Jobs.model(8, 0)));
    assertEquals(new Mesh(2, 1, 1, 1), Planner.mesh(MeshSpec.of(0, 2, 0, 0, 1), Jobs.model(8, 0)));
    Invalid heads =
        assertThrows(
            Invalid.class, () -> Planner.mesh(MeshSpec.of(0, 1, 1, 16, 0), Jobs.model(8, 0)));
    assertTrue(heads.getMessage().contains("the model has 8"), heads::getMessage);
  }

  @Test
  void shortRowsGoToDataRanksWhileThereAreRows() {
    JobSpec many = Jobs.job(Jobs.model(8, 0), Jobs.train(2048, 16384, "f32"), eight(), "auto");
    assertEquals(new Mesh(4, 2, 1, 8), Planner.mesh(many));
    JobSpec two = Jobs.job(Jobs.model(8, 0), Jobs.train(2048, 4096, "f32"), eight(), "auto");
    assertEquals(new Mesh(2, 4, 1, 8), Planner.mesh(two));
  }

  @Test
  void theLayoutFollowsTheSchedule() {
    assertEquals("auto zigzag", attention("auto", "auto"));
    assertEquals("auto contiguous", attention("auto", "contiguous"));
    assertEquals("ring striped", attention("ring", "striped"));
    assertEquals("balanced contiguous", attention("balanced", "auto"));
    assertEquals("balanced contiguous", attention("balanced", "contiguous"));
    assertEquals("tokenring zigzag", attention("tokenring", "auto"));
    assertEquals("allgather contiguous", attention("allgather", "contiguous"));
    assertRefused(
        "mesh.layout: 'zigzag' cannot be computed with mesh.schedule balanced, which needs"
            + " contiguous. Use mesh.layout contiguous, or mesh.schedule ring.",
        MeshSpec.of(4, 0, 0, 0, 0)
            .with(Map.of("schedule", ScheduleSpec.all("balanced"), "layout", "zigzag")));
    Invalid unknown = assertThrows(Invalid.class, () -> ScheduleSpec.all("star"));
    assertEquals(
        "mesh.schedule: 'star' must be one of auto, ring, allgather, balanced, tokenring",
        unknown.getMessage());
  }

  private static String attention(String schedule, String layout) {
    Plan plan =
        plan(
            Jobs.job(
                MeshSpec.of(4, 0, 0, 0, 0)
                    .with(Map.of("schedule", ScheduleSpec.parse(schedule), "layout", layout))));
    return requireNonNull(plan.scheduleKinds(Jobs.model(8, 0)).get(LayerKind.FULL)).key()
        + " "
        + plan.layout().key();
  }

  /** Rows that are gathered at once take memory at once, and the plan counts it. */
  @Test
  void gatheringTakesMemoryThatPassingOnDoesNot() {
    long ring =
        plan(Jobs.job(MeshSpec.of(8, 1, 8, 1, 0).with("schedule", ScheduleSpec.all("ring"))))
            .memory()
            .scratch();
    long gather =
        plan(Jobs.job(MeshSpec.of(8, 1, 8, 1, 0).with("schedule", ScheduleSpec.all("allgather"))))
            .memory()
            .scratch();
    assertTrue(gather > ring, gather + " and " + ring);
  }

  private static MeshSpec eight() {
    return MeshSpec.of(8, 0, 0, 0, 0);
  }

  @Test
  void aDenseModelHasOneExpertRank() {
    Plan plan = plan(Jobs.job(Jobs.model(0, 0), Jobs.train(8192, 8192, "f32"), eight(), "auto"));
    assertEquals(1, plan.mesh().expertParallel());
    assertEquals(1, plan.expertRowsBound());
    assertEquals(0, plan.cost().expertBytes());
  }

  @Test
  void loadedModelsArePlannedLikeOthers() {
    for (ModelSpec model : List.of(Jobs.sinks(), Jobs.latent())) {
      for (MeshSpec mesh : List.of(MeshSpec.of(4, 0, 0, 0, 0), MeshSpec.of(4, 1, 2, 2, 2))) {
        JobSpec job = Jobs.job(model, Jobs.train(8192, 16384, "auto"), mesh, "auto");
        Plan plan = plan(job);
        assertEquals(4, plan.mesh().workers());
        assertEquals(model.maskOfKind().keySet(), plan.scheduleKinds(model).keySet());
        assertEquals(plan.mesh().expertParallel() > 1, plan.cost().expertBytes() > 0);
        PlanValidator.requireMemory(plan, Jobs.workers(Jobs.ONEDNN));
      }
    }
  }

  @Test
  void partsThatCannotBeCountedAreRefused() {
    LatentAttention latent =
        new LatentAttention(
            new HeadShape(1024, 1024, 256),
            AttentionMask.CAUSAL,
            new RopeSpec(1e6),
            1 << 30,
            64,
            16,
            32,
            false);
    MixtureOfExperts shared =
        new MixtureOfExperts(
            8, 128, new Activation.Swiglu(), false, new RouterSpec.TopK(2), 1 << 30);
    MixerSpec mixer = Jobs.latent().mixer(0);
    assertUncountable(4, new LayerSpec(latent, new DenseMlp(8)));
    assertUncountable(4096, new LayerSpec(mixer, shared));
  }

  private static void assertUncountable(int depth, LayerSpec layer) {
    EmbeddingSpec embedding = new EmbeddingSpec(256, 1 << 16);
    Invalid invalid =
        assertThrows(
            Invalid.class,
            () ->
                new ModelSpec(
                    embedding, Collections.nCopies(depth, layer), new HeadSpec(true), 1e-5, 0));
    assertTrue(invalid.getMessage().contains("parameters are more"), invalid::getMessage);
  }

  @Test
  void expertRowsAreBoundByTwiceBalancedOrByAllThereAre() {
    // 8192 tokens with 2 experts each; a single rank gets its own rows and no others.
    assertEquals(16384, plan(Jobs.job(MeshSpec.of(1, 0, 0, 0, 0))).expertRowsBound());
    assertEquals(16384, plan(Jobs.job(MeshSpec.of(2, 0, 0, 0, 2))).expertRowsBound());
    assertEquals(8192, plan(Jobs.job(MeshSpec.of(4, 0, 0, 0, 4))).expertRowsBound());
    // Half a row plus what zigzag chunks may exceed it by, with 2 experts per token.
    assertEquals(2 * (4096 + 256), plan(Jobs.job(MeshSpec.of(2, 0, 0, 0, 1))).expertRowsBound());
  }

  @Test
  void contradictoryDegreesNameEveryFactor() {
    assertRefused(
        "mesh.workers: 6 is not data-parallel 1 × ring 2 × ulysses 2 = 4. Leave out mesh.workers,"
            + " or one of the degrees for the plan to choose.",
        MeshSpec.of(6, 1, 2, 2, 0));
    assertRefused(
        "mesh.workers: 6 cannot be made of data-parallel (open) × ring 4 × ulysses (open): 4 does"
            + " not divide it. Use 4 workers or other degrees.",
        MeshSpec.of(6, 0, 4, 0, 0));
    assertRefused(
        "mesh.workers: 2 cannot be made of data-parallel (open) × ring 4 × ulysses (open): 4 does"
            + " not divide it. Use 4 workers or other degrees.",
        MeshSpec.of(2, 0, 4, 0, 0));
    assertRefused(
        "mesh: data-parallel 1024 × ring 1024 × ulysses (open) is 1,048,576 workers; at most 16,384"
            + " are supported",
        MeshSpec.of(0, 1024, 1024, 0, 0));
  }

  @Test
  void degreesTheModelCannotHaveNameTheWayOut() {
    assertRefused(
        "mesh.ulysses: 16 needs at least as many query heads; the model has 8. Use ulysses 8 × ring"
            + " 2 for 16 workers.",
        MeshSpec.of(16, 0, 0, 16, 0));
    assertRefused(
        "mesh.expert-parallel: 12 is more than the model's 8 experts. Use expert-parallel 6 for 12"
            + " workers.",
        MeshSpec.of(12, 0, 0, 0, 12));
    assertRefused(
        "mesh.expert-parallel: 3 does not divide the 4 workers. Use expert-parallel 4.",
        MeshSpec.of(4, 0, 0, 0, 3));
    assertRefused(
        "mesh.expert-parallel: 2 but the model has no experts. Use 1 or leave it out.",
        Jobs.job(
            Jobs.model(0, 0), Jobs.train(8192, 8192, "f32"), MeshSpec.of(2, 0, 0, 0, 2), "auto"),
        Jobs.workers(Jobs.ONEDNN));
  }

  @Test
  void autoTakesTheFirstBackendAndWhatItMultipliesNatively() {
    JobSpec job = Jobs.job(MeshSpec.of(0, 0, 0, 0, 0));
    Plan plan = Jobs.PLANNER.plan(job, Jobs.workers(Jobs.ONEDNN, Jobs.VECTOR));
    assertEquals("onednn", plan.backend());
    assertEquals("bf16", plan.dtype());
    assertEquals("AVX512-BF16", plan.instructionSet());
    WorkerCapabilities.Backend emulating =
        new WorkerCapabilities.Backend(
            "onednn", "", List.of("bf16", "f32"), List.of("f32"), "AVX2");
    assertEquals("f32", Jobs.PLANNER.plan(job, Jobs.workers(emulating)).dtype());
    WorkerCapabilities.Backend absent =
        new WorkerCapabilities.Backend("onednn", "no such library", List.of(), List.of(), "");
    assertEquals("vector", Jobs.PLANNER.plan(job, Jobs.workers(absent, Jobs.VECTOR)).backend());
    JobSpec bf16 = Jobs.job(Jobs.model(8, 0), Jobs.train(8192, 8192, "bf16"), job.mesh(), "auto");
    assertEquals(
        "onednn", Jobs.PLANNER.plan(bf16, Jobs.workers(Jobs.VECTOR, Jobs.ONEDNN)).backend());
  }

  @Test
  void anExplicitBackendNeverFallsBack() {
    WorkerCapabilities.Backend absent =
        new WorkerCapabilities.Backend("onednn", "no such library", List.of(), List.of(), "");
    MeshSpec any = MeshSpec.of(0, 0, 0, 0, 0);
    JobSpec onednn = Jobs.job(Jobs.model(8, 0), Jobs.train(8192, 8192, "auto"), any, "onednn");
    assertRefused(
        "backend: 'onednn' cannot be used here: no such library. Use auto or vector.",
        onednn,
        Jobs.workers(absent, Jobs.VECTOR));
    JobSpec bf16 = Jobs.job(Jobs.model(8, 0), Jobs.train(8192, 8192, "bf16"), any, "vector");
    assertRefused(
        "train.dtype: 'bf16' is not among what backend vector computes (f32). Use auto, or another"
            + " backend.",
        bf16,
        Jobs.workers(Jobs.VECTOR));
    JobSpec unknown = Jobs.job(Jobs.model(8, 0), Jobs.train(8192, 8192, "auto"), any, "cuda");
    assertRefused(
        "backend: 'cuda' is not known. Available: vector (f32); not available: onednn: no such"
            + " library",
        unknown,
        Jobs.workers(absent, Jobs.VECTOR));
    JobSpec auto = Jobs.job(Jobs.model(8, 0), Jobs.train(8192, 8192, "bf16"), any, "auto");
    assertRefused(
        "backend: auto finds none that computes bf16. Available: vector (f32)",
        auto,
        Jobs.workers(Jobs.VECTOR));
  }

  private static MeshSpec threads(int asked) {
    return MeshSpec.of(2, 0, 0, 0, 0).with("kernelThreads", asked);
  }

  @Test
  void hostsAreSharedEvenlyUnlessTheJobAsks() {
    Plan plan = plan(Jobs.job(MeshSpec.of(2, 0, 0, 0, 0)));
    assertEquals(2, plan.kernelThreads());
    assertEquals(1, plan(Jobs.job(eight())).kernelThreads());
    assertEquals(3, plan(Jobs.job(threads(3))).kernelThreads());
    assertRefused(
        "mesh.kernel-threads: 5 is more than the 4 cores of a host; leave it out for an even share",
        Jobs.job(threads(5)),
        Jobs.workers(Jobs.ONEDNN));
    WorkerCapabilities workers = Jobs.workers(Jobs.ONEDNN);
    assertEquals(12L << 30, workers.workerMemoryBytes(2));
    WorkerCapabilities alone = workers.with(new Rates(600, 300, 60));
    assertEquals(alone.rates(2), alone.shared(0, 2).rates(2), "two workers of two threads");
    assertEquals(new Rates(400, 200, 40), alone.shared(3, 2).rates(2), "six threads on four cores");
    assertEquals(new Rates(300, 150, 30), alone.shared(0, 8).rates(8));
  }

  @Test
  void whatDoesNotFitIsRefusedByCategory() {
    Plan plan = plan(Jobs.job(MeshSpec.of(2, 0, 0, 0, 0)));
    WorkerCapabilities workers = Jobs.workers(Jobs.ONEDNN);
    long total = plan.memory().total();
    PlanValidator.requireMemory(plan, Jobs.withMemory(workers, 2 * total));
    InvalidPlanException refusal =
        assertThrows(
            InvalidPlanException.class,
            () -> PlanValidator.requireMemory(plan, Jobs.withMemory(workers, 2 * total - 1)));
    String message = String.valueOf(refusal.getMessage());
    assertTrue(message.startsWith("a worker needs "), message);
    assertTrue(message.contains("activations "), message);
  }
}
