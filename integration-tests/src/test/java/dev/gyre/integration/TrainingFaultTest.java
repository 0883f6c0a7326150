package dev.gyre.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.comms.CommsException;
import dev.gyre.comms.Transport;
import dev.gyre.comms.loopback.LoopbackNetwork;
import dev.gyre.deploy.job.JobFile;
import dev.gyre.deploy.job.Setting;
import dev.gyre.kernels.Backend;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Device;
import dev.gyre.model.Execution;
import dev.gyre.model.Objective;
import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.partitioning.mesh.Mesh;
import dev.gyre.trainer.data.DataPlaces;
import dev.gyre.trainer.data.DataPreparation;
import dev.gyre.trainer.data.Feed;
import dev.gyre.trainer.data.PrepareListener;
import dev.gyre.trainer.data.TokenStore;
import dev.gyre.trainer.data.Tokenizers;
import dev.gyre.trainer.rank.LocalNetwork;
import dev.gyre.trainer.rank.RankSpec;
import dev.gyre.trainer.rank.RankThreads;
import dev.gyre.trainer.rank.TrainingRank;
import dev.gyre.trainer.step.TrainingStep;
import dev.gyre.trainer.worker.Backends;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.api.io.TempDir;

/**
 * A rank that fails while others train is named by the ranks that wait for it, with the step and
 * what they were doing. Ranks are threads here, and the network injects the faults.
 */
@TestInstance(Lifecycle.PER_CLASS)
final class TrainingFaultTest {
  private static final Mesh RING_OF_TWO = new Mesh(1, 2, 1, 2);
  private static final int FAULTY = 1;
  private static final long FAULT_STEP = 2;
  private static final long STEPS = 4;
  private static final long DEADLINE_NANOS = 2_000_000_000L;
  private static final long FAR_TOO_LATE_NANOS = 60_000_000_000L;
  private static final long WORKSPACE_BYTES = 32L << 20;

  @TempDir private static Path folder;

  private JobSpec job;
  private TokenStore store;

  @BeforeAll
  void prepare() throws IOException {
    Workplace place = Workplace.in(folder);
    job =
        new JobFile(
                (_, _) -> {
                  throw new AssertionError("the job has a model of its own");
                },
                _ -> 256)
            .read(
                place.folder().resolve("job.yaml"),
                List.of(
                    Setting.parse(
                        "dataset.train=[{path: " + place.folder().resolve("text") + "}]")));
    store =
        DataPreparation.prepare(
            job.dataset(),
            DataPlaces.of(folder, folder.resolve("cache"), null),
            Tokenizers.open("bytes", folder),
            PrepareListener.NONE);
  }

  @AfterAll
  void close() {
    store.close();
  }

  /** The exception of the healthy rank, null if all steps succeeded. */
  private @Nullable CommsException trainWith(Consumer<LoopbackNetwork> fault, long deadlineNanos) {
    LoopbackNetwork.Options options =
        LoopbackNetwork.Options.plain().withDeadlineNanos(deadlineNanos);
    LoopbackNetwork loopback = new LoopbackNetwork(RING_OF_TWO.workers(), options);
    LocalNetwork network =
        new LocalNetwork() {
          @Override
          public Transport open(int rank) {
            return loopback.transport(rank);
          }

          @Override
          public void close() {
            loopback.close();
          }
        };
    try (network) {
      return RankThreads.run(
              RING_OF_TWO.workers(),
              network,
              transport -> new End(train(transport, () -> fault.accept(loopback))))
          .get(1 - FAULTY)
          .failure();
    }
  }

  private record End(@Nullable CommsException failure) {}

  private @Nullable CommsException train(Transport transport, Runnable fault) {
    RankSpec spec =
        RankSpec.of(
            job.model(),
            RING_OF_TWO,
            Objective.of(job.train().balanceLoss(), job.train().zLoss()),
            Execution.of(DType.F32),
            job.train().sequenceLength(),
            WORKSPACE_BYTES);
    Feed feed = Feed.of(store, job);
    try (Backend backend = Backends.open("scalar", 1, Device.CPU);
        TrainingRank rank = TrainingRank.open(transport, backend, spec)) {
      rank.parameters().initialise(1);
      TrainingStep training = new TrainingStep(rank, feed, job.train(), 0);
      for (long step = 0; step < STEPS; step++) {
        if (step == FAULT_STEP && transport.rank() == FAULTY) {
          fault.run();
        }
        training.run(step, () -> 0);
      }
      return null;
    } catch (CommsException e) {
      return e;
    }
  }

  private static void assertNamed(@Nullable CommsException ended, String how) {
    CommsException failure = assertInstanceOf(CommsException.class, ended);
    String message = failure.getMessage();
    assertEquals(FAULTY, failure.peer(), message);
    // Layer 0 is dense, and these documents are so short that none spans the ring: nothing is
    // exchanged before layer 1's experts.
    for (String part : List.of("rank " + FAULTY, "step " + FAULT_STEP, "layer 1", how)) {
      assertTrue(message.contains(part), "'" + part + "' is not in: " + message);
    }
  }

  @Test
  void aSilentRankIsNamedByTheDeadline() {
    assertNamed(trainWith(network -> network.silence(FAULTY), DEADLINE_NANOS), "within 2.0 s");
  }

  @Test
  void aLateRankIsNamedByTheDeadline() {
    assertNamed(
        trainWith(network -> network.late(FAULTY, FAR_TOO_LATE_NANOS), DEADLINE_NANOS),
        "within 2.0 s");
  }

  /** The failure comes long before any deadline. */
  @Test
  void aKilledRankIsNamedAtOnce() {
    assertNamed(trainWith(network -> network.kill(FAULTY), FAR_TOO_LATE_NANOS), "rank 1 is gone");
  }

  @Test
  void withoutAFaultAllStepsAreDone() {
    assertNull(trainWith(_ -> {}, FAR_TOO_LATE_NANOS));
  }
}
