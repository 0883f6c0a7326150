package dev.gyre.partitioning.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.partitioning.job.MeshSpec;
import dev.gyre.partitioning.job.Records;
import dev.gyre.partitioning.mesh.Mesh;
import dev.gyre.partitioning.model.AttentionPattern;
import dev.gyre.partitioning.model.LayerKind;
import dev.gyre.partitioning.model.ModelSpec;
import java.util.Collections;
import java.util.Map;
import org.junit.jupiter.api.Test;

class RowsChoiceTest {
  private static int most(int length, int rows, Mesh mesh) {
    return RowsChoice.most(
        Jobs.model(8, 0), Jobs.train(length, (long) rows * length, "bf16"), mesh);
  }

  @Test
  void shortRowsFillARank() {
    assertEquals(4, most(256, 32, new Mesh(1, 1, 1, 1)));
    assertEquals(8, most(256, 32, new Mesh(1, 2, 1, 2)));
    assertEquals(16, most(256, 32, new Mesh(1, 2, 2, 2)));
    assertEquals(3, most(256, 3, new Mesh(1, 2, 2, 2)), "as many as there are");
    assertEquals(2, most(256, 3, new Mesh(2, 1, 2, 2)), "of a data rank");
    assertEquals(1, most(2048, 32, new Mesh(1, 2, 1, 2)), "a row fills it alone");
    assertEquals(1, most(100_000, 32, new Mesh(1, 2, 1, 2)));
  }

  @Test
  void statisticsOfRowsHaveALimit() {
    // 4 layers, 8 experts.
    assertEquals((1 << 16) / 32, most(1, 1 << 19, new Mesh(1, 4, 1, 2)));
  }

  @Test
  void rowsWithAnAnchorStayAlone() {
    ModelSpec model =
        Jobs.decoder()
            .attention(new AttentionPattern(Collections.nCopies(4, LayerKind.FULL), 0, 0, true, 0))
            .spec();
    assertEquals(1, RowsChoice.most(model, Jobs.train(64, 64 * 64, "bf16"), new Mesh(1, 1, 1, 1)));
  }

  @Test
  void fewerIfTheyDoNotFit() {
    JobSpec job =
        Jobs.job(
            Jobs.model(8, 0),
            Jobs.train(128, 128 * 64, "bf16"),
            MeshSpec.of(1, 1, 1, 1, 1),
            "auto");
    WorkerCapabilities workers = Jobs.workers(Jobs.ONEDNN);
    Plan roomy = Jobs.PLANNER.plan(job, workers);
    assertEquals(8, roomy.rowsPerMicroStep());
    Plan tight = Jobs.PLANNER.plan(job, Jobs.withMemory(workers, roomy.memory().total() - 1));
    assertTrue(tight.rowsPerMicroStep() < 8, () -> "" + tight.rowsPerMicroStep());
    assertEquals(roomy.activations().describe(), tight.activations().describe());
  }

  @Test
  void aPlanWithMoreTokensThanARowMayHaveIsRefused() {
    JobSpec job =
        Jobs.job(
            Jobs.model(8, 0),
            Jobs.train(1 << 16, 1 << 16, "bf16"),
            MeshSpec.of(1, 1, 1, 1, 1),
            "auto");
    Plan plan = Jobs.PLANNER.plan(job, Jobs.workers(Jobs.ONEDNN));
    Plan wrapped = Records.with(plan, Map.of("rowsPerMicroStep", (1 << 16) + 1));
    Invalid refused = assertThrows(Invalid.class, () -> Jobs.PLANNER.workspaceBytes(job, wrapped));
    assertTrue(refused.getMessage().contains("plan.rowsPerMicroStep"), refused::getMessage);
  }
}
