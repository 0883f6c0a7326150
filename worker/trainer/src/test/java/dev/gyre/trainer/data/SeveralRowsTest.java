package dev.gyre.trainer.data;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gyre.comms.Transport;
import dev.gyre.comms.loopback.LoopbackNetwork.Options;
import dev.gyre.kernels.Backend;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.scalar.ScalarBackendProvider;
import dev.gyre.model.Execution;
import dev.gyre.model.Objective;
import dev.gyre.partitioning.job.DatasetSpec;
import dev.gyre.partitioning.job.TrainSpec;
import dev.gyre.partitioning.layout.LayoutKind;
import dev.gyre.partitioning.mesh.Mesh;
import dev.gyre.partitioning.model.Decoder;
import dev.gyre.partitioning.model.EmbeddingSpec;
import dev.gyre.partitioning.model.HeadShape;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.schedule.RingSchedule;
import dev.gyre.trainer.rank.LocalNetwork;
import dev.gyre.trainer.rank.RankSpec;
import dev.gyre.trainer.rank.RankThreads;
import dev.gyre.trainer.rank.TrainingRank;
import dev.gyre.trainer.step.EvalMetrics;
import dev.gyre.trainer.step.Evaluation;
import dev.gyre.trainer.step.StepMetrics;
import dev.gyre.trainer.step.TrainingStep;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Steps and evaluations with several rows in a micro-step, read from a store. */
final class SeveralRowsTest {
  private static final int ROW = 32;
  private static final int ROWS = 7;
  private static final int STEPS = 4;

  private static final ModelSpec MODEL =
      new Decoder(new EmbeddingSpec(256, 16), 2, new HeadShape(2, 1, 8))
          .mlp(12)
          .experts(4, 2)
          .tied(true)
          .spec();

  @TempDir Path folder;

  private record Trained(List<StepMetrics> steps, EvalMetrics evaluated) {}

  private static RankSpec spec(Mesh mesh, int rowsPerMicroStep) {
    return new RankSpec(
        MODEL,
        mesh,
        Objective.of(0.01, 0.001),
        Execution.of(DType.F32),
        LayoutKind.ZIGZAG,
        4,
        rowsPerMicroStep,
        RankSpec.everywhere(MODEL, new RingSchedule()),
        2 * ROW * ROWS,
        4 << 20,
        null);
  }

  private Trained train(Mesh mesh, int rowsPerMicroStep) throws IOException {
    DatasetSpec dataset =
        DatasetSpec.of(List.of(DatasetSpec.Source.of("*.txt"))).with("holdout", 0.3);
    try (TokenStore store =
            DataPreparation.prepare(
                dataset,
                DataPlaces.of(folder, folder.resolve("cache"), null),
                new ByteTokenizer(),
                PrepareListener.NONE);
        LocalNetwork network = LocalNetwork.loopback(mesh.workers(), Options.plain())) {
      Feed feed = Feed.of(store, dataset, ROW, ROWS, 0, 1);
      return RankThreads.run(
              mesh.workers(),
              network,
              transport -> train(transport, feed, spec(mesh, rowsPerMicroStep)))
          .getFirst();
    }
  }

  private static Trained train(Transport transport, Feed feed, RankSpec spec) {
    TrainSpec train =
        TinyTraining.train(ROW, "fail").with(Map.of("batchTokens", (long) ROW * ROWS));
    try (Backend backend = new ScalarBackendProvider().open(1);
        TrainingRank rank = TrainingRank.open(transport, backend, spec)) {
      rank.parameters().initialise(3);
      TrainingStep training = new TrainingStep(rank, feed, train, 0);
      List<StepMetrics> steps = new ArrayList<>();
      for (long step = 0; step < STEPS; step++) {
        steps.add(training.run(step, () -> 0).metrics());
      }
      return new Trained(steps, new Evaluation(rank, feed, 5).run(STEPS));
    }
  }

  @Test
  void trainsAndEvaluatesLikeOneAtATime() throws IOException {
    for (int file = 0; file < 24; file++) {
      String text = "public static void main " + "x".repeat(file * 3) + " class " + file;
      Files.writeString(folder.resolve(file + ".txt"), text);
    }
    Trained want = train(new Mesh(1, 1, 1, 1), 1);
    for (int rows : new int[] {1, 2, 3, ROWS, ROWS + 1}) {
      assertSame(want, train(new Mesh(1, 1, 1, 1), rows), rows);
      assertSame(want, train(new Mesh(1, 2, 1, 2), rows), rows);
      assertSame(want, train(new Mesh(1, 1, 2, 1), rows), rows);
    }
  }

  private static void assertSame(Trained want, Trained got, int rows) {
    String what = rows + " rows at once";
    for (int step = 0; step < STEPS; step++) {
      StepMetrics one = want.steps.get(step);
      StepMetrics several = got.steps.get(step);
      assertEquals(one.loss(), several.loss(), 1e-5, what);
      assertEquals(one.gradNorm(), several.gradNorm(), 1e-4, what);
      assertEquals(one.losses().keySet(), several.losses().keySet());
      one.losses()
          .forEach((term, loss) -> assertEquals(loss, several.losses().get(term), 1e-5, term));
      assertEquals(one.expertLoad(), several.expertLoad(), what);
      assertEquals(
          Map.of("full_attention", Map.of("ring", Math.ceilDiv(ROWS, rows))), several.schedules());
    }
    assertEquals(want.evaluated.loss(), got.evaluated.loss(), 1e-5, what);
    assertEquals(want.evaluated.tokens(), got.evaluated.tokens(), what);
  }
}
