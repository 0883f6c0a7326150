package dev.gyre.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.trainer.step.StepMetrics;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;

/**
 * Any number of SIGTERMs to any process of a run is one preemption: the run saves, ends with 143
 * and can be resumed. Neither a stopped process group nor a blocked terminal ends a run.
 */
@TestInstance(Lifecycle.PER_CLASS)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
final class SignalTest {
  private static final int PREEMPTED = 143;
  private static final String SAVED = "^saved +step (\\d+) ";

  /** Longer than the gap after which a process knows that it was suspended. */
  private static final long SUSPENDED_NANOS = TimeUnit.SECONDS.toNanos(7);

  /** Shorter than the limit of 20 s for a rank without progress. */
  private static final long SHORTER_NANOS = TimeUnit.SECONDS.toNanos(12);

  private static final long LONGER_NANOS = TimeUnit.SECONDS.toNanos(60);

  @TempDir private static Path folder;

  private Workplace place;

  @BeforeAll
  void prepare() throws IOException {
    place = Workplace.in(folder);
  }

  private List<String> forever(String... more) {
    List<String> arguments =
        place.arguments(
            "--ring",
            "2",
            "--set",
            "train.steps=1000000",
            "--set",
            "checkpoint={every: 100, keep: 2}");
    arguments.addAll(List.of(more));
    return arguments;
  }

  /**
   * Every step up to the newest checkpoint is in the metrics; no process or shared memory is left.
   */
  private long assertSaved(Gyre.Ended ended, List<ProcessHandle> workers) throws IOException {
    assertEquals(PREEMPTED, ended.exit(), ended.output());
    long newest = place.newestCheckpoint(1).step();
    Says.all(ended, "preempted, saved in", "step-" + newest, "--resume");
    List<StepMetrics> steps = Trained.metrics(place.run(1));
    assertEquals(newest, steps.getLast().step(), "steps after the checkpoint are lost");
    long asked =
        ended.output().lines().filter(line -> line.contains("saving after this step")).count();
    assertEquals(1, asked, ended.output());
    for (ProcessHandle worker : workers) {
      assertFalse(worker.isAlive(), "worker " + worker.pid() + " still runs");
    }
    assertEquals(List.of(), place.sharedMemory());
    return newest;
  }

  /** Started and ended as by {@code setsid}, Slurm, a service manager or {@code timeout}. */
  @Test
  @Order(1)
  void aSignalToTheWholeGroupSavesAndASuspendedGroupGoesOn() throws Exception {
    try (Gyre gyre = Gyre.start(place.folder(), List.of("setsid"), forever())) {
      long saved = Long.parseLong(gyre.awaitOutput(SAVED).group(1));
      gyre.signalGroup("STOP");
      LockSupport.parkNanos(SUSPENDED_NANOS);
      gyre.signalGroup("CONT");
      gyre.awaitOutput("^saved +step " + (saved + 200) + " ");
      List<ProcessHandle> workers = gyre.workers();
      for (int times = 0; times < 3; times++) {
        gyre.signalGroup("TERM");
      }
      assertTrue(assertSaved(gyre.await(), workers) > saved + 200);
    }
  }

  /**
   * The stop is longer than every limit of the run; limits count only time in which processes could
   * run.
   */
  @Test
  @Order(5)
  @Tag("long")
  void aRunThatWasStoppedForLongerThanItsLimitGoesOn() throws Exception {
    Workplace at = Workplace.in(Files.createDirectory(folder.resolve("stopped")));
    List<String> arguments =
        at.arguments(
            "--ring",
            "2",
            "--stall-timeout",
            "20s",
            "--set",
            "train.steps=1000000",
            "--set",
            "checkpoint={every: 100, keep: 2}");
    try (Gyre gyre = Gyre.start(at.folder(), List.of("setsid"), arguments)) {
      long saved = Long.parseLong(gyre.awaitOutput(SAVED).group(1));
      ProcessHandle worker = gyre.workers().getLast();
      Gyre.kill("STOP", worker.pid());
      LockSupport.parkNanos(SHORTER_NANOS);
      Gyre.kill("CONT", worker.pid());
      gyre.awaitOutput("^saved +step " + (saved + 200) + " ");
      for (int times = 1; times <= 2; times++) {
        gyre.signalGroup("STOP");
        LockSupport.parkNanos(LONGER_NANOS);
        gyre.signalGroup("CONT");
        long later = Trained.metrics(at.run(1)).getLast().step() / 100 * 100 + 300;
        gyre.awaitOutput("^saved +step " + later + " ");
      }
      gyre.signal("TERM");
      Gyre.Ended ended = gyre.await();
      assertEquals(PREEMPTED, ended.exit(), ended.output());
      Says.all(ended, "preempted, saved in");
      assertFalse(ended.output().contains("was lost"), ended.output());
    }
    assertEquals(List.of(), at.sharedMemory());
    at.newestCheckpoint(1);
  }

  @Test
  @Order(2)
  void aSignalToOneWorkerIsTheWholeRunsAndNamesIt() throws Exception {
    long from = place.newestCheckpoint(1).step();
    try (Gyre gyre = Gyre.start(place.folder(), forever("--resume"))) {
      gyre.awaitOutput(SAVED);
      List<ProcessHandle> workers = gyre.workers();
      long pid = workers.getLast().pid();
      for (int times = 0; times < 5; times++) {
        Gyre.kill("TERM", pid);
      }
      Gyre.Ended ended = gyre.await();
      assertTrue(assertSaved(ended, workers) > from);
      Says.all(ended, "(pid " + pid + " on ", "received SIGTERM: saving after this step");
    }
  }

  /** Nobody reads what the run prints, as after Ctrl-S. It still trains, saves and ends. */
  @Test
  @Order(3)
  void aBlockedTerminalHoldsUpNeitherTrainingNorTheEnd() throws Exception {
    long from = place.newestCheckpoint(1).step();
    Path terminal = folder.resolve("terminal");
    assertEquals(0, new ProcessBuilder("mkfifo", terminal.toString()).start().waitFor());
    try (RandomAccessFile unread = new RandomAccessFile(terminal.toFile(), "rw");
        Gyre gyre = Gyre.startInto(place.folder(), terminal, forever("--resume"))) {
      fill(unread);
      awaitSteps(from + 300);
      List<ProcessHandle> workers = gyre.workers();
      gyre.signal("TERM");
      assertEquals(PREEMPTED, gyre.await().exit());
      long newest = place.newestCheckpoint(1).step();
      assertEquals(newest, Trained.metrics(place.run(1)).getLast().step());
      for (ProcessHandle worker : workers) {
        assertFalse(worker.isAlive(), "worker " + worker.pid() + " still runs");
      }
    }
    assertEquals(List.of(), place.sharedMemory());
  }

  /** Fills the pipe until not even a line fits, long before the command begins to print. */
  private static void fill(RandomAccessFile pipe) {
    Thread.ofPlatform()
        .daemon()
        .start(
            () -> {
              try {
                while (true) {
                  pipe.write(new byte[64]);
                }
              } catch (IOException closed) {
                return;
              }
            });
  }

  private void awaitSteps(long step) throws Exception {
    long deadline = System.nanoTime() + Gyre.LIMIT.toNanos();
    Path metrics = place.run(1).resolve("metrics.jsonl");
    while (!Files.readString(metrics).contains("\"step\":" + step + ",")) {
      assertTrue(System.nanoTime() < deadline, "step " + step + " is not reached");
      TimeUnit.MILLISECONDS.sleep(50);
    }
  }

  /** Workers are starting and measuring their kernels: there is nothing to save or to keep. */
  @Test
  @Order(4)
  void duringTheStartItEndsAtOnceAndLeavesNothing() throws Exception {
    try (Gyre gyre = Gyre.start(place.folder(), List.of("setsid"), forever())) {
      gyre.awaitOutput("^run +");
      gyre.signalGroup("TERM");
      Gyre.Ended ended = gyre.await();
      assertEquals(PREEMPTED, ended.exit(), ended.output());
      Says.all(ended, "preempted; stopped at once");
    }
    assertFalse(Files.exists(place.run(2)), "a run that never began leaves no folder");
    assertEquals(List.of(), place.sharedMemory());
  }
}
