package dev.gyre.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.trainer.step.StepMetrics;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;

/**
 * One run with several faults in this order: a worker is killed, the launcher is killed, the user
 * interrupts. Each time the run resumes from its newest checkpoint, and at last it completes. Then
 * its folder is used without the job file and the data.
 */
@TestInstance(Lifecycle.PER_CLASS)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
final class FaultTest {
  private static final String FOREVER = "train.steps=1000000";
  private static final String SAVED = "^saved +step (\\d+) ";

  private static final Pattern RANK = Pattern.compile("^gyre: rank [01] \\(", Pattern.MULTILINE);

  /**
   * Workers notice the loss of the coordinator at once, or at the latest when their lease expires.
   */
  private static final long LEASE_AND_MORE_SECONDS = 60;

  @TempDir private static Path folder;

  private Workplace place;
  private List<Path> leftInSharedMemory = List.of();

  @BeforeAll
  void prepare() throws IOException {
    place = Workplace.in(folder);
  }

  private Gyre start(String... more) throws IOException {
    List<String> arguments =
        place.arguments("--ring", "2", "--set", "checkpoint={every: 10, keep: 2}");
    arguments.addAll(List.of(more));
    return Gyre.start(place.folder(), arguments);
  }

  private void assertNothingIsLeft(List<ProcessHandle> workers) throws IOException {
    for (ProcessHandle worker : workers) {
      assertFalse(worker.isAlive(), "worker " + worker.pid() + " still runs");
    }
    assertEquals(List.of(), place.sharedMemory());
  }

  @Test
  @Order(1)
  void aKilledWorkerEndsTheRunByName() throws Exception {
    try (Gyre gyre = start("--set", FOREVER)) {
      gyre.awaitOutput(SAVED);
      List<ProcessHandle> workers = gyre.workers();
      assertEquals(2, workers.size());
      assertEquals(1, place.sharedMemory().size(), "the run's folder in shared memory");
      ProcessHandle killed = workers.getLast();
      assertTrue(killed.destroyForcibly());

      Gyre.Ended ended = gyre.await();
      assertEquals(75, ended.exit(), ended.output());
      Says.all(ended, "pid " + killed.pid(), "was lost", "SIGKILL", "--resume", "Logs: ");
      assertTrue(RANK.matcher(ended.output()).find(), ended.output());
      assertNothingIsLeft(workers);
    }
    assertTrue(place.newestCheckpoint(1).step() >= 10);
  }

  @Test
  @Order(2)
  void workersOfAKilledLauncherEndByThemselves() throws Exception {
    long from = place.newestCheckpoint(1).step();
    try (Gyre gyre = start("--set", FOREVER, "--resume")) {
      long saved = Long.parseLong(gyre.awaitOutput(SAVED).group(1));
      assertTrue(saved > from, saved + " after " + from);
      List<ProcessHandle> workers = gyre.workers();
      assertEquals(2, workers.size());
      gyre.kill();
      leftInSharedMemory = place.sharedMemory();
      for (ProcessHandle worker : workers) {
        worker.onExit().get(LEASE_AND_MORE_SECONDS, TimeUnit.SECONDS);
      }
    }
    assertEquals(1, leftInSharedMemory.size(), "no process was left to remove the run's folder");
  }

  @Test
  @Order(3)
  void theNextStartSweepsAndAnInterruptSaves() throws Exception {
    long from = place.newestCheckpoint(1).step();
    try (Gyre gyre = start("--set", FOREVER, "--resume")) {
      gyre.awaitOutput(SAVED);
      for (Path left : leftInSharedMemory) {
        assertFalse(Files.exists(left), left + " was not swept");
      }
      List<ProcessHandle> workers = gyre.workers();
      gyre.interrupt();

      Gyre.Ended ended = gyre.await();
      assertEquals(130, ended.exit(), ended.output());
      long newest = place.newestCheckpoint(1).step();
      assertTrue(newest > from, newest + " after " + from);
      Says.all(ended, "interrupted, saved in", "step-" + newest, "--resume");
      assertNothingIsLeft(workers);
    }
  }

  @Test
  @Order(4)
  void resumeGoesOnToTheEnd() throws Exception {
    long from = place.newestCheckpoint(1).step();
    long last = from + 3;
    try (Gyre gyre = start("--set", "train.steps=" + last, "--resume")) {
      Gyre.Ended ended = gyre.await();
      assertEquals(0, ended.exit(), ended.output());
    }
    assertEquals(last, place.newestCheckpoint(1).step());
    List<StepMetrics> steps = Trained.metrics(place.run(1));
    assertEquals(
        List.of(from + 1, from + 2, last),
        steps.subList(steps.size() - 3, steps.size()).stream().map(StepMetrics::step).toList());
    assertNothingIsLeft(List.of());
  }

  /** The step has a thousand rows: one interrupt alone would take effect only after it. */
  @Test
  @Order(5)
  void aSecondInterruptStopsAtOnce() throws Exception {
    try (Gyre gyre = start("--set", "train.batch-tokens=262144")) {
      gyre.awaitOutput("^start +2 workers joined");
      List<ProcessHandle> workers = gyre.workers();
      gyre.interrupt();
      // If the same signal is pending twice, it is delivered once: wait until the first is handled.
      gyre.awaitOutput("^Ctrl-C: saving after this step");
      gyre.interrupt();

      Gyre.Ended ended = gyre.await();
      assertEquals(130, ended.exit(), ended.output());
      Says.all(ended, "stopped at once");
      assertEquals(List.of(), Trained.metrics(place.run(2)), "no step was completed");
      assertNothingIsLeft(workers);
    }
  }

  /** A run folder that was moved is enough to use its model. */
  @Test
  @Order(6)
  void aMovedRunGeneratesAndIsExportedWithoutJobAndText() throws Exception {
    Path elsewhere = Files.createDirectory(folder.resolve("elsewhere"));
    Files.move(place.run(1), elsewhere.resolve("moved"));
    for (String gone : List.of("job.yaml", "text", ".gyre", "runs")) {
      delete(folder.resolve(gone));
    }
    String[] generate = {"generate", "moved", "public ", "--tokens", "5"};
    Gyre.Ended generated = Gyre.run(elsewhere, generate);
    assertEquals(0, generated.exit(), generated.output());
    Says.all(generated, "public ");
    Gyre.Ended exported = Gyre.run(elsewhere, "checkpoint", "export", "moved", "--hf", "model");
    assertEquals(0, exported.exit(), exported.output());
    for (String file : List.of("config.json", "model.safetensors")) {
      assertTrue(Files.size(elsewhere.resolve("model").resolve(file)) > 0, file);
    }
  }

  private static void delete(Path files) throws IOException {
    try (Stream<Path> all = Files.walk(files)) {
      for (Path file : all.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }
}
