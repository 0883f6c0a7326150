package dev.gyre.partitioning.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.partitioning.job.MemorySpec;
import dev.gyre.partitioning.job.MeshSpec;
import dev.gyre.partitioning.job.ScheduleSpec;
import dev.gyre.partitioning.layout.Documents;
import dev.gyre.partitioning.layout.LayoutKind;
import dev.gyre.partitioning.layout.Layouts;
import dev.gyre.partitioning.layout.RandomRows;
import dev.gyre.partitioning.layout.SequenceLayout;
import dev.gyre.partitioning.mesh.Mesh;
import dev.gyre.partitioning.model.Decoder;
import dev.gyre.partitioning.model.EmbeddingSpec;
import dev.gyre.partitioning.model.HeadShape;
import dev.gyre.partitioning.model.ModelSize;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.model.TensorSpec;
import dev.gyre.partitioning.model.TensorSpec.Precision;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The memory that a step needs, and the activation policy that a plan chooses. */
class MemoryModelTest {
  private static final ActivationPlan ALL =
      new ActivationPlan(ActivationPlan.NONE, false, 0, 1024, "");
  private static final MeshSpec TWO = MeshSpec.of(2, 1, 2, 1, 2);

  @Test
  void noLayoutHoldsMoreThanTheMemoryModelReckonsWith() {
    for (long seed = 0; seed < 400; seed++) {
      RandomRows rows = new RandomRows(seed);
      Documents documents = rows.documents(2000);
      int ring = rows.ring();
      int chunk = 1 + rows.below(20);
      for (LayoutKind kind : LayoutKind.values()) {
        SequenceLayout layout = Layouts.of(kind, documents, ring, 1, chunk);
        long most = MemoryModel.mostRingTokens(kind, ring, chunk, documents.tokens());
        for (int r = 0; r < ring; r++) {
          assertTrue(layout.tokens(r) <= most, "seed " + seed + " " + kind + " ring " + ring);
        }
      }
    }
  }

  private static MemoryModel model(ModelSpec model, Mesh mesh, String dtype, int length) {
    LayoutKind layout = LayoutKind.ZIGZAG;
    RowSchedules schedules = new RowSchedules(model, mesh, dtype, "ipc", Rates.UNKNOWN);
    return MemoryModel.of(
        new SketchedMemory(),
        schedules,
        schedules.candidates(ScheduleSpec.all("ring"), layout),
        layout,
        Layouts.DEFAULT_MIN_CHUNK,
        length);
  }

  @Test
  void moreRanksNeedLessMemoryEach() {
    ModelSpec model = Jobs.model(8, 0);
    MemoryEstimate one = model(model, new Mesh(1, 1, 1, 1), "bf16", 8192).estimate(ALL);
    MemoryEstimate two = model(model, new Mesh(1, 2, 1, 2), "bf16", 8192).estimate(ALL);
    ModelSize size = ModelSize.of(model);
    assertEquals(4 * size.total(), one.gradients());
    assertEquals(12 * size.total() - 4 * size.alwaysF32(), one.optimizer());
    assertEquals(2 * (size.total() - size.alwaysF32()) + 4 * size.alwaysF32(), one.weights());
    assertEquals(one.optimizer() / 2, two.optimizer());
    assertTrue(two.balanced() < one.balanced() * 0.7);
    assertTrue(one.total() > one.resident() + one.activations());
  }

  /** Expert rank 0 holds 3 of 6 or 4 of 8 experts; biases and routers are held in f32. */
  @Test
  void residentMemoryIsThatOfTheTensors() {
    for (ModelSpec model : List.of(Jobs.sinks(), Jobs.latent())) {
      MemoryEstimate estimate = model(model, new Mesh(2, 1, 2, 2), "bf16", 8192).estimate(ALL);
      long held = 0;
      long exact = 0;
      long state = 0;
      for (TensorSpec tensor : model.tensors(0, model.experts() / 2)) {
        boolean f32 = tensor.precision() == Precision.F32;
        held += tensor.elements();
        exact += f32 ? tensor.elements() : 0;
        // Two moments, and a master copy; of a quarter, or of experts half.
        state += tensor.elements() * (f32 ? 2 : 3) * (tensor.isExpert() ? 2 : 1);
      }
      assertEquals(2 * (held - exact) + 4 * exact, estimate.weights());
      assertEquals(4 * held, estimate.gradients());
      assertEquals(state, estimate.optimizer(), 16);
    }
  }

  @Test
  void logitsOfAWholeRowNeverExist() {
    assertEquals(1024, MemoryModel.lossTile(Jobs.model(0, 0)));
    ModelSpec large =
        new Decoder(new EmbeddingSpec(128_000, 256), 4, new HeadShape(8, 4, 32)).spec();
    assertEquals(131, MemoryModel.lossTile(large));
  }

  private static JobSpec job(int length, MemorySpec asked) {
    return Jobs.job(Jobs.model(8, 0), Jobs.train(length, length, "bf16", asked), TWO, "auto");
  }

  private static WorkerCapabilities host(long bytes) {
    WorkerCapabilities w = Jobs.workers(Jobs.ONEDNN);
    return Jobs.withMemory(w, bytes);
  }

  /** With less and less memory, slower policies are chosen, each only where no faster one fits. */
  @Test
  void theFastestPolicyThatFitsIsTaken() {
    JobSpec job = job(65_536, MemorySpec.planned());
    MemoryModel memory = model(job.model(), new Mesh(1, 2, 1, 2), "bf16", 65_536);
    List<ActivationPlan> fastestFirst = PolicyChoice.candidates(MemorySpec.planned(), 1024);
    long worker = 32L << 30;
    Plan plan = Jobs.PLANNER.plan(job, host(2 * worker));
    assertEquals("the fastest, and it fits", plan.activations().reason());
    List<String> taken = new ArrayList<>();
    while (plan.memory().total() <= worker) {
      PlanValidator.requireMemory(plan, host(2 * worker));
      taken.add(plan.activations().describe());
      for (ActivationPlan faster : fastestFirst) {
        if (faster.describe().equals(plan.activations().describe())) {
          break;
        }
        assertTrue(memory.estimate(faster).total() > worker, faster + " fits too");
      }
      worker = plan.memory().total() - 1;
      plan = Jobs.PLANNER.plan(job, host(2 * worker));
      assertTrue(plan.activations().reason().contains("none needs"), plan.activations().reason());
    }
    assertEquals("none", taken.getFirst());
    assertTrue(taken.contains("attention-saving, MLP in tiles of 2048"), taken.toString());
    assertTrue(taken.contains("all, MLP in tiles of 2048"), taken.toString());
    assertTrue(taken.getLast().endsWith("on disk"), taken.toString());
    Plan nothing = plan;
    InvalidPlanException e =
        assertThrows(
            InvalidPlanException.class, () -> PlanValidator.requireMemory(nothing, host(2L << 28)));
    assertTrue(e.getMessage().contains("nothing fits"), e.getMessage());
  }

  @Test
  void whatTheJobAsksForIsTakenAndWhatWouldFitIsNamed() {
    MemorySpec none = MemorySpec.of("none", "false", 0);
    Plan roomy = Jobs.PLANNER.plan(job(65_536, none), host(64L << 30));
    assertEquals("none", roomy.activations().describe());
    long few = roomy.memory().total() - 1;
    Plan plan = Jobs.PLANNER.plan(job(65_536, none), host(2 * few));
    assertEquals("none", plan.activations().describe());
    InvalidPlanException e =
        assertThrows(
            InvalidPlanException.class, () -> PlanValidator.requireMemory(plan, host(2 * few)));
    assertTrue(e.getMessage().contains("would fit"), e.getMessage());
    assertTrue(e.getMessage().contains("train.recompute: none"), e.getMessage());
    assertTrue(e.getMessage().contains("train.mlp-tile: 2048"), e.getMessage());
    Plan disk =
        Jobs.PLANNER.plan(
            job(65_536, MemorySpec.of("attention-saving", "true", 512)), host(64L << 30));
    assertEquals("attention-saving, MLP in tiles of 512, on disk", disk.activations().describe());
  }

  /** The plan of the longest row fits; that of a row longer by a sixteenth does not. */
  @Test
  void theLongestRowThatFitsIsFound() {
    long worker = 3L << 30;
    JobSpec job = job(8192, MemorySpec.planned());
    Plan plan = Jobs.PLANNER.plan(job, host(2 * worker));
    LongestSequence longest = Jobs.PLANNER.longest(job, plan, worker);
    int before = 0;
    for (LongestSequence.Longest l : longest.policies()) {
      assertTrue(l.tokens() > 8192, l.toString());
      MemorySpec exactly = exactly(l.policy());
      assertTrue(fits(job(l.tokens(), exactly), worker), l.toString());
      assertFalse(fits(job(l.tokens() + l.tokens() / 16, exactly), worker), l.toString());
      before = Math.max(before, l.tokens());
    }
    assertEquals(before, longest.best().tokens());
    assertTrue(longest.best().policy().offload());
    assertTrue(before > 4 * longest.policies().getFirst().tokens(), longest.toString());
  }

  /** The job's setting for exactly this policy. */
  private static MemorySpec exactly(ActivationPlan policy) {
    return MemorySpec.of(policy.recompute(), Boolean.toString(policy.offload()), policy.mlpTile());
  }

  private static boolean fits(JobSpec job, long worker) {
    return Jobs.PLANNER.plan(job, host(2 * worker)).memory().total() <= worker;
  }
}
