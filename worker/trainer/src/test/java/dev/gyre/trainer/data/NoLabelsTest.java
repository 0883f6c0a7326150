package dev.gyre.trainer.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.comms.Transport;
import dev.gyre.comms.loopback.LoopbackNetwork;
import dev.gyre.kernels.Backend;
import dev.gyre.kernels.scalar.ScalarBackendProvider;
import dev.gyre.model.parameters.InitialWeights;
import dev.gyre.partitioning.job.DatasetSpec;
import dev.gyre.partitioning.job.TrainSpec;
import dev.gyre.trainer.json.SpecJson;
import dev.gyre.trainer.rank.TrainingRank;
import dev.gyre.trainer.step.StepMetrics;
import dev.gyre.trainer.step.TrainingStep;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Documents of one token have no label; a batch of them has no loss, which is not a loss of 0. */
final class NoLabelsTest {
  private static final int ROW = 4;
  private static final TrainSpec TRAIN = TinyTraining.train(ROW, "fail");

  @TempDir Path folder;

  @Test
  void aBatchWithoutLabelsHasNoLoss() throws IOException {
    DatasetSpec dataset = DataFixture.dataset("best-fit", 0, DataFixture.source("docs", ""));
    try (TokenStore store = new DataFixture(folder).documents(1, 1, 1, 1, 1, 1, 1, 1, 4);
        Transport transport = LoopbackNetwork.alone();
        Backend backend = new ScalarBackendProvider().open(1)) {
      Feed feed = Feed.of(store, dataset, ROW, 1, 0, 1);
      try (TrainingRank rank = TrainingRank.open(transport, backend, TinyTraining.rank(ROW))) {
        rank.parameters()
            .load((parameter, box, into) -> InitialWeights.fill(parameter, 3, box, into));
        TrainingStep training = new TrainingStep(rank, feed, TRAIN, 0);
        int without = 0;
        for (int step = 0; step < 3; step++) {
          StepMetrics metrics = training.run(step, () -> 0).metrics();
          boolean labelled = feed.shape(step).labelled() > 0;
          without += labelled ? 0 : 1;
          assertEquals(labelled, Double.isFinite(metrics.loss()), "step " + step);
          assertFalse(metrics.skipped());
          assertTrue(
              SpecJson.line(metrics).contains("\"loss\":null,") != labelled,
              SpecJson.line(metrics));
        }
        assertEquals(2, without, "of 3 rows, one holds a document of more than one token");
      }
    }
  }
}
