package dev.gyre.trainer.rank;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.kernels.DType;
import dev.gyre.kernels.conformance.DeferredBackend;
import dev.gyre.kernels.scalar.ScalarBackendProvider;
import dev.gyre.model.Execution;
import dev.gyre.model.Objective;
import dev.gyre.model.local.LayerModel;
import dev.gyre.model.tape.Checkpointing;
import dev.gyre.partitioning.layout.Documents;
import dev.gyre.partitioning.mesh.Mesh;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.schedule.AllGatherSchedule;
import dev.gyre.partitioning.schedule.BalancedSchedule;
import dev.gyre.partitioning.schedule.RingSchedule;
import dev.gyre.partitioning.schedule.ScheduleKind;
import dev.gyre.partitioning.schedule.TokenRingSchedule;
import dev.gyre.trainer.offload.OffloadSpec;
import dev.gyre.trainer.rank.OneStep.Row;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Models with every feature of layers: the objective and the gradient of every weight are those of
 * the definition in double, on any mesh and with any activation policy.
 */
final class LayerModelTest {
  private static final Objective OBJECTIVE = Objective.of(0.01, 0.001);

  /** Packed documents, one of them a single token. */
  private static final Documents PACKED = new Documents(6, 1, 4);

  @ParameterizedTest
  @EnumSource
  void objectiveAndGradientsAreThoseOfTheDefinition(LayerModel of) {
    ModelSpec model = of.spec();
    Row row = Row.random(PACKED, model.vocabulary(), 0);
    PlainDecoder plain = new PlainDecoder(model, OBJECTIVE, row);
    double loss = plain.loss();
    Map<String, double[]> gradients = plain.gradients();
    for (int tile : new int[] {0, 4}) {
      Execution execution = new Execution(DType.F32, Checkpointing.NONE, 8, tile);
      one(model, execution, 1000, row).assertClose(of + " tile " + tile, loss, gradients);
    }
  }

  /**
   * Ranks without tokens, heads and experts that do not divide evenly, many expert rounds, tiles,
   * several rows in a micro-step, and every kind of schedule.
   */
  @ParameterizedTest
  @EnumSource
  void everyMeshComputesWhatOneRankDoes(LayerModel of) {
    ModelSpec model = of.spec();
    Row[] rows = {
      row(model, PACKED), row(model, new Documents(2)), row(model, new Documents(1, 1, 19, 4))
    };
    OneStep want = one(model, new Execution(DType.F32, Checkpointing.NONE, 8), 1000, rows);
    assertMesh(want, model, new Mesh(1, 3, 1, 3), new BalancedSchedule(), 0, 7, rows);
    assertMesh(want, model, new Mesh(1, 1, 3, 1), new RingSchedule(), 4, 1000, rows);
    assertMesh(want, model, new Mesh(1, 2, 2, 2), new TokenRingSchedule(), 3, 5, rows);
    assertMesh(want, model, new Mesh(2, 1, 2, 4), new AllGatherSchedule(), 0, 1000, rows);
    assertMesh(want, model, new Mesh(2, 2, 1, 2), new RingSchedule(), 4, 9, rows);
  }

  private static void assertMesh(
      OneStep want,
      ModelSpec model,
      Mesh mesh,
      ScheduleKind schedule,
      int tile,
      int rowsBound,
      Row... rows) {
    Mesh fitting = model.experts() > 0 ? mesh : withoutExperts(mesh);
    for (Checkpointing policy : Checkpointing.values()) {
      Execution execution = new Execution(DType.F32, policy, 8, tile);
      int together = policy.ordinal() + 1;
      RankSpec spec = spec(model, fitting, execution, schedule, together, rowsBound, null);
      run(spec, rows).assertClose(policy + " on " + fitting + " " + schedule.key(), want);
    }
  }

  private static Mesh withoutExperts(Mesh mesh) {
    return new Mesh(mesh.dataParallel(), mesh.ring(), mesh.ulysses(), 1);
  }

  /** In one round of experts and without tiles, and with several of both. */
  @ParameterizedTest
  @EnumSource
  void noPolicyChangesABit(LayerModel of, @TempDir Path folder) {
    assertPoliciesAreEqual(of.spec(), DType.F32, 4, 7, folder);
    assertPoliciesAreEqual(of.spec(), DType.BF16, 0, 1000, folder);
  }

  /** What is kept for backward, and where, changes no bit; nor does a device's own memory. */
  private static void assertPoliciesAreEqual(
      ModelSpec model, DType compute, int tile, int rowsBound, Path folder) {
    Mesh mesh = new Mesh(1, 2, 2, model.experts() > 0 ? 2 : 1);
    Row row = row(model, new Documents(9, 1, 12));
    ScheduleKind ring = new RingSchedule();
    Execution nothing = new Execution(compute, Checkpointing.NONE, 8, tile);
    OneStep want = run(spec(model, mesh, nothing, ring, 1, rowsBound, null), row);
    for (Checkpointing policy : Checkpointing.values()) {
      Execution execution = new Execution(compute, policy, 8, tile);
      for (OffloadSpec offload : Arrays.asList(null, new OffloadSpec(folder, 1 << 20))) {
        RankSpec spec = spec(model, mesh, execution, ring, 1, rowsBound, offload);
        String what = compute + " " + policy + (offload == null ? "" : " on disk");
        run(spec, row).assertSameBits(what, want);
        if (policy == Checkpointing.ATTENTION_SAVING) {
          OneStep late = OneStep.run(spec, List.of(row), DeferredBackend::new);
          late.assertSameBits(what + ", late", want);
        }
      }
    }
  }

  /** The models are so small that rounding alone moves the loss by half a percent. */
  @ParameterizedTest
  @EnumSource
  void bf16IsNear(LayerModel of) {
    ModelSpec model = of.spec();
    Row row = row(model, PACKED);
    OneStep want = one(model, new Execution(DType.F32, Checkpointing.NONE, 8), 1000, row);
    OneStep got = one(model, new Execution(DType.BF16, Checkpointing.NONE, 8), 1000, row);
    assertEquals(want.loss, got.loss, 2e-2);
    double cosine = want.cosine(got);
    assertTrue(cosine > 0.9, of + ": cosine of the gradients " + cosine);
  }

  private static Row row(ModelSpec model, Documents documents) {
    return Row.random(documents, model.vocabulary(), 0);
  }

  private static OneStep one(ModelSpec model, Execution execution, int rowsBound, Row... rows) {
    return run(
        spec(model, new Mesh(1, 1, 1, 1), execution, new RingSchedule(), 1, rowsBound, null), rows);
  }

  private static OneStep run(RankSpec spec, Row... rows) {
    return OneStep.run(spec, List.of(rows), () -> new ScalarBackendProvider().open(1));
  }

  private static RankSpec spec(
      ModelSpec model,
      Mesh mesh,
      Execution execution,
      ScheduleKind schedule,
      int rowsPerMicroStep,
      int rowsBound,
      @Nullable OffloadSpec offload) {
    return new RankSpec(
        model,
        mesh,
        OBJECTIVE,
        execution,
        schedule.layouts().getFirst(),
        1,
        rowsPerMicroStep,
        RankSpec.everywhere(model, schedule),
        rowsBound,
        4 << 20,
        offload);
  }
}
