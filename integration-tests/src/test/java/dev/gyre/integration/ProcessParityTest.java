package dev.gyre.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.trainer.step.StepMetrics;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Several worker processes train the same model as one worker; and the same plan gives the same
 * bits, in a rerun and after a resume.
 */
@TestInstance(Lifecycle.PER_CLASS)
final class ProcessParityTest {
  private static final int STEPS = 5;

  /** Seed of the job; with another one, two experts may be nearly tied. */
  private static final long SEED = 1;

  /** Least difference between the logits of the last expert chosen and the first left out. */
  private static final double MARGIN = 1e-4;

  @TempDir private static Path folder;

  private Workplace place;
  private Trained alone;

  @BeforeAll
  void oneWorkerTrains() throws Exception {
    place = Workplace.in(folder, SEED);
    alone = train(1, "--workers", "1");
  }

  /** Trains the run with that number; each test starts its own. */
  private Trained train(int number, String... mesh) throws Exception {
    return train(place, number, mesh);
  }

  private static Trained train(Workplace at, int number, String... mesh) throws Exception {
    Gyre.Ended ended = at.train(mesh);
    assertEquals(0, ended.exit(), ended.output());
    return Trained.of(at.run(number), STEPS);
  }

  /** A workplace with the same data, whose runs are numbered from 1 again. */
  private static Workplace another(String name) throws Exception {
    return Workplace.in(Files.createDirectories(folder.resolve(name)), SEED);
  }

  private static String[] concat(String[] some, String... more) {
    return Stream.concat(Stream.of(some), Stream.of(more)).toArray(String[]::new);
  }

  private static List<Long> stepsOf(Trained trained) {
    return trained.steps().stream().map(StepMetrics::step).toList();
  }

  /** The comparisons below depend on this: rounding would decide a near tie. */
  @Test
  void oneWorkerLearnsAndNoChoiceIsANearTie() throws Exception {
    List<StepMetrics> steps = alone.steps();
    assertEquals(STEPS, steps.size());
    assertTrue(steps.get(STEPS - 1).loss() < steps.get(0).loss(), steps.toString());
    RouterMargin measured = RouterMargin.measure(place, STEPS);
    for (int step = 0; step < STEPS; step++) {
      assertEquals(steps.get(step).loss(), measured.losses().get(step), "loss of step " + step);
    }
    assertTrue(measured.least() >= MARGIN, "margin " + measured.least() + ": take another seed");
  }

  @Test
  void ringAndSharedExpertsOverIpcAndAgainAndResumed() throws Exception {
    Workplace at = another("ring");
    String[] mesh = {"--ring", "2", "--expert-parallel", "2", "--transport", "ipc"};
    Trained first = train(at, 1, mesh);
    Trained.assertEqualWithin(alone, first);

    Trained again = train(at, 2, concat(mesh, "--trace"));
    Trained.assertSameBits(first, again);
    assertTraced(at.run(2), again);

    // As if the run had been killed after its first checkpoint.
    Path last = at.run(2).resolve("checkpoints").resolve("step-" + STEPS);
    Files.move(last, at.folder().resolve("unresumed"));
    Trained resumed = train(at, 2, concat(mesh, "--resume"));
    assertEquals(List.of(1L, 2L, 3L, 4L, 5L, 4L, 5L), stepsOf(resumed));
    Trained.assertSameBits(first.withSteps(3, STEPS), resumed.withSteps(STEPS, STEPS + 2));
  }

  /** The trace shows every rank, and rank 0's sends in it include those that the metrics count. */
  private static void assertTraced(Path run, Trained trained) throws Exception {
    JsonNode events =
        JsonMapper.shared().readTree(run.resolve("trace.json").toFile()).path("traceEvents");
    for (int rank = 0; rank < 2; rank++) {
      long dispatched = 0;
      int steps = 0;
      boolean computes = false;
      for (JsonNode event : events) {
        if (event.path("pid").asInt() == rank && event.path("ph").asString().equals("b")) {
          boolean send = event.path("cat").asString().equals("sends");
          boolean dispatch = event.path("name").asString().equals("dispatch");
          dispatched += send && dispatch ? event.path("args").path("bytes").asLong() : 0;
        }
        boolean kernel = event.path("cat").asString("").equals("kernels");
        computes |= kernel && event.path("name").asString().equals("attentionBackward");
        boolean step = event.path("cat").asString("").equals("steps");
        steps += step && event.path("pid").asInt() == rank ? 1 : 0;
      }
      assertEquals(STEPS, steps, "steps of rank " + rank);
      assertTrue(computes, "no attention of rank " + rank);
      assertTrue(dispatched > 0, "rank " + rank + " sends nothing");
      if (rank == 0) {
        long counted = 0;
        for (StepMetrics step : trained.steps()) {
          counted += step.bytesSent().get("dispatch");
          assertTrue(step.exposedFraction() > 0 && step.exposedFraction() < 1, step.toString());
        }
        assertEquals(counted, dispatched, "bytes traced");
      }
    }
  }

  @Test
  void ulyssesOverUdp() throws Exception {
    Workplace at = another("ulysses");
    Trained got = train(at, 1, "--ulysses", "2", "--expert-parallel", "2", "--transport", "udp");
    Trained.assertEqualWithin(alone, got);
  }

  /** Every rank holds all experts and has its own rows. */
  @Test
  void dataParallel() throws Exception {
    Workplace at = another("data");
    Trained got = train(at, 1, "--data-parallel", "2", "--expert-parallel", "1");
    Trained.assertEqualWithin(alone, got);
  }

  /** A window with sinks in one layer, all keys in the other; an anchor, and a prefix, in both. */
  @Test
  void masksOnEverySchedule() throws Exception {
    Workplace at = another("masks");
    List<String> masks = new ArrayList<>();
    for (String set :
        List.of(
            "layer_types=[sliding_attention,full_attention]",
            "sliding_window=24",
            "attention_sinks=3",
            "anchor_token=true",
            "prefix_length=20")) {
      masks.addAll(List.of("--set", "model." + set));
    }
    String[] set = masks.toArray(String[]::new);
    Trained one = train(at, 1, concat(set, "--workers", "1"));
    int run = 2;
    for (String schedule : List.of("ring", "allgather", "tokenring")) {
      Trained got =
          train(at, run++, concat(set, "--ring", "2", "--set", "mesh.schedule=" + schedule));
      Trained.assertEqualWithin(one, got);
    }
    // The balanced schedule cannot compute a prefix that two ranks share; the error says which can.
    Gyre.Ended refused = at.train(concat(set, "--ring", "2", "--set", "mesh.schedule=balanced"));
    assertEquals(64, refused.exit(), refused.output());
    assertTrue(refused.output().contains("Use ring, allgather or tokenring"), refused.output());
    assertFalse(Files.exists(at.run(run)), "a refused run leaves nothing behind");
    String[] causal = concat(set, "--set", "model.prefix_length=0");
    Trained without = train(at, run++, concat(causal, "--workers", "1"));
    Trained balanced =
        train(at, run, concat(causal, "--ring", "2", "--set", "mesh.schedule=balanced"));
    Trained.assertEqualWithin(without, balanced);
  }
}
