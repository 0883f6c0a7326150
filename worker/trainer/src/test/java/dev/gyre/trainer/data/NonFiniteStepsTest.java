package dev.gyre.trainer.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.comms.Transport;
import dev.gyre.comms.loopback.LoopbackNetwork;
import dev.gyre.kernels.Backend;
import dev.gyre.kernels.scalar.ScalarBackendProvider;
import dev.gyre.model.parameters.InitialWeights;
import dev.gyre.partitioning.job.DatasetSpec;
import dev.gyre.partitioning.job.TrainSpec;
import dev.gyre.trainer.json.SpecJson;
import dev.gyre.trainer.parameters.OwnedSlice;
import dev.gyre.trainer.rank.TrainingRank;
import dev.gyre.trainer.step.NumericException;
import dev.gyre.trainer.step.StepMetrics;
import dev.gyre.trainer.step.TrainingStep;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A step whose gradient overflows is skipped and counted; too many in a row end the run. */
final class NonFiniteStepsTest {
  private static final int ROW = 16;

  /** The documented limit. */
  private static final int MOST_IN_A_ROW = 20;

  @TempDir Path folder;

  private Transport transport;
  private Backend backend;
  private TokenStore store;
  private TrainingRank rank;

  @BeforeEach
  void open() throws IOException {
    Files.writeString(folder.resolve("text.txt"), "public static void main ".repeat(100));
    store =
        DataPreparation.prepare(
            dataset(),
            DataPlaces.of(folder, folder.resolve("cache"), null),
            new ByteTokenizer(),
            PrepareListener.NONE);
    transport = LoopbackNetwork.alone();
    backend = new ScalarBackendProvider().open(1);
    rank = TrainingRank.open(transport, backend, TinyTraining.rank(ROW));
    loadFinite();
  }

  @AfterEach
  void close() {
    rank.close();
    backend.close();
    transport.close();
    store.close();
  }

  private static DatasetSpec dataset() {
    return DatasetSpec.of(List.of(DatasetSpec.Source.of("text.txt"))).with("holdout", 0);
  }

  private TrainingStep training(String nonFinite) {
    TrainSpec train = TinyTraining.train(ROW, nonFinite);
    return new TrainingStep(rank, Feed.of(store, dataset(), ROW, 1, 0, 1), train, 0);
  }

  private void loadFinite() throws IOException {
    rank.parameters().load((spec, box, into) -> InitialWeights.fill(spec, 3, box, into));
  }

  /**
   * The MLP's activations are SiLU(0) times something large, which is 0: the loss is finite. Their
   * gradient is a product of two large factors and is not.
   */
  private void loadOverflowing() throws IOException {
    rank.parameters()
        .load(
            (spec, box, into) -> {
              if (spec.name().contains(".feed_forward.") && !spec.isVector()) {
                fill(into, box.elements(), spec.name().contains("gate") ? 0f : 1e25f);
              } else {
                InitialWeights.fill(spec, 3, box, into);
              }
            });
  }

  private static void fill(MemorySegment into, long count, float value) {
    for (long i = 0; i < count; i++) {
      into.setAtIndex(ValueLayout.JAVA_FLOAT, i, value);
    }
  }

  private List<float[]> state() {
    List<float[]> state = new ArrayList<>();
    for (OwnedSlice slice : rank.parameters().ownedSlices()) {
      state.add(slice.master().toArray(ValueLayout.JAVA_FLOAT));
      state.add(slice.firstMoment().toArray(ValueLayout.JAVA_FLOAT));
    }
    return state;
  }

  private static void assertSame(List<float[]> want, List<float[]> got) {
    for (int i = 0; i < want.size(); i++) {
      assertArrayEquals(want.get(i), got.get(i), "slice " + i);
    }
  }

  @Test
  void anOverflowIsSkippedAndCountedAndTrainingGoesOn() throws IOException {
    TrainingStep training = training("skip");
    assertFalse(training.run(0, () -> 0).metrics().skipped());
    loadOverflowing();
    List<float[]> before = state();
    StepMetrics skipped = training.run(1, () -> 0).metrics();
    assertTrue(skipped.skipped());
    assertTrue(Double.isFinite(skipped.loss()), "loss " + skipped.loss());
    assertFalse(Double.isFinite(skipped.gradNorm()), "norm " + skipped.gradNorm());
    assertEquals(0, skipped.lr(), "no update");
    assertTrue(SpecJson.line(skipped).contains("\"skipped\":true"), SpecJson.line(skipped));
    assertSame(before, state());
    assertEquals(1, training.skipped());
    loadFinite();
    StepMetrics next = training.run(2, () -> 0).metrics();
    assertFalse(next.skipped());
    assertEquals(1e-3, next.lr());
    assertEquals(1, training.skipped());
  }

  @Test
  void twentyInARowEndTheRunWithTheReason() throws IOException {
    TrainingStep training = training("skip");
    loadOverflowing();
    for (int step = 0; step < MOST_IN_A_ROW - 1; step++) {
      assertTrue(training.run(step, () -> 0).metrics().skipped());
    }
    NumericException e =
        assertThrows(NumericException.class, () -> training.run(MOST_IN_A_ROW - 1, () -> 0));
    for (String part :
        List.of(
            "20 steps in a row were skipped, the last: step 19: gradient norm",
            "is not finite; all activations are finite: the backward pass overflowed",
            "Go on from an earlier checkpoint with a lower train.optimizer.lr")) {
      assertTrue(e.getMessage().contains(part), e.getMessage());
    }
  }

  @Test
  void withoutSkipTheFirstOneEndsTheRun() throws IOException {
    loadOverflowing();
    List<float[]> before = state();
    NumericException e =
        assertThrows(NumericException.class, () -> training("fail").run(7, () -> 0));
    assertTrue(e.getMessage().contains("step 7: gradient norm"), e.getMessage());
    assertTrue(e.getMessage().contains("train.non-finite: skip"), e.getMessage());
    assertSame(before, state());
  }
}
