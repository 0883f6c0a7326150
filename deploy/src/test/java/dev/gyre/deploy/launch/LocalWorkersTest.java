package dev.gyre.deploy.launch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.comms.ExitCode;
import dev.gyre.comms.control.JoinToken;
import dev.gyre.coordinator.Coordinator;
import dev.gyre.coordinator.Outcome;
import dev.gyre.coordinator.PlanMaker;
import dev.gyre.coordinator.RunListener;
import dev.gyre.coordinator.RunSetup;
import dev.gyre.coordinator.StopCause;
import dev.gyre.coordinator.WorkerExit;
import dev.gyre.deploy.files.RunFolder;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Predicate;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(120)
class LocalWorkersTest {
  private static final long DEADLINE_SECONDS = 60;

  @TempDir Path temp;
  private RunFolder folder;
  private final BlockingQueue<WorkerExit> exits = new LinkedBlockingQueue<>();

  @BeforeEach
  void folder() throws IOException {
    folder = RunFolder.create(temp, "tiny");
  }

  private Path tokenFile() {
    return folder.path().resolve("token");
  }

  private JoinToken token() throws IOException {
    JoinToken token = JoinToken.random();
    token.write(tokenFile());
    return token;
  }

  private static WorkerCommand tiny(String what) {
    return WorkerCommand.ofThisJvm(TinyWorker.class.getName(), List.of("{rank}", what));
  }

  private WorkerExit exit() throws InterruptedException {
    WorkerExit exit = exits.poll(DEADLINE_SECONDS, TimeUnit.SECONDS);
    assertNotNull(exit, "no worker ended");
    return exit;
  }

  private static void until(Path file, Predicate<String> condition) throws Exception {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(DEADLINE_SECONDS);
    while (!Files.exists(file) || !condition.test(Files.readString(file))) {
      assertTrue(System.nanoTime() < deadline, "condition not met in " + file);
      LockSupport.parkNanos(2_000_000L);
    }
  }

  private static boolean alive(long pid) {
    return ProcessHandle.of(pid).map(ProcessHandle::isAlive).orElse(false);
  }

  private static void assertGone(long pid) throws Exception {
    var handle = ProcessHandle.of(pid);
    if (handle.isPresent()) {
      handle.get().onExit().get(DEADLINE_SECONDS, TimeUnit.SECONDS);
    }
  }

  @Test
  void outputGoesToALogEachAndAMergedOne() throws Exception {
    try (LocalWorkers workers = LocalWorkers.start(2, tiny("exit"), folder, exits::add)) {
      List<WorkerExit> both = new ArrayList<>(List.of(exit(), exit()));
      both.sort((a, b) -> Integer.compare(a.rank(), b.rank()));
      assertEquals(List.of(40, 41), both.stream().map(WorkerExit::exitCode).toList());
      assertEquals(workers.pids(), both.stream().map(WorkerExit::pid).toList());
      assertEquals("ended with exit code 41", both.get(1).describe());
      // The exit is reported after the output is written.
      String log = Files.readString(Path.of(both.get(1).log()));
      assertTrue(log.contains("out of rank 1\n") && log.endsWith("err of rank 1"), log);
    }
    String merged = Files.readString(folder.mergedLog());
    assertTrue(merged.contains("[rank 0] out of rank 0\n"), merged);
    assertTrue(merged.contains("[rank 1] err of rank 1\n"), merged);
  }

  /** Runs a worker that exits and asks to be started again; collects the ranks started again. */
  private WorkerExit again(String when, BlockingQueue<Integer> startedAgain) throws Exception {
    WorkerCommand command =
        WorkerCommand.ofThisJvm(
            TinyWorker.class.getName(), List.of("{rank}", "again", "{attempt}", when));
    LocalWorkers.Listener listener =
        new LocalWorkers.Listener() {
          @Override
          public void exited(WorkerExit exit) {
            exits.add(exit);
          }

          @Override
          public void startedAgain(int rank) {
            startedAgain.add(rank);
          }
        };
    try (LocalWorkers workers = LocalWorkers.start(1, command, folder, listener)) {
      WorkerExit exit = exit();
      assertEquals(workers.pids(), List.of(exit.pid()));
      return exit;
    }
  }

  private List<String> attempts() throws IOException {
    return Files.readAllLines(folder.rankLog(0)).stream()
        .filter(line -> line.startsWith("attempt"))
        .toList();
  }

  @Test
  void aWorkerThatAsksForAnotherProcessGetsOne() throws Exception {
    BlockingQueue<Integer> startedAgain = new LinkedBlockingQueue<>();
    assertEquals(41, again("once", startedAgain).exitCode());
    assertEquals(0, startedAgain.poll(DEADLINE_SECONDS, TimeUnit.SECONDS));
    assertTrue(startedAgain.isEmpty() && exits.isEmpty());
    assertEquals(List.of("attempt 1", "attempt 2"), attempts());
  }

  @Test
  void andNoThird() throws Exception {
    BlockingQueue<Integer> startedAgain = new LinkedBlockingQueue<>();
    assertEquals(76, again("always", startedAgain).exitCode());
    assertEquals(List.of("attempt 1", "attempt 2"), attempts());
  }

  @Test
  void closeLeavesNoOrphanEvenOfTheStopped() throws Exception {
    List<Long> pids;
    try (LocalWorkers workers = LocalWorkers.start(2, tiny("wait"), folder, exits::add)) {
      pids = workers.pids();
      until(folder.rankLog(0), log -> log.contains("OMP"));
      until(folder.rankLog(1), log -> log.contains("OMP"));
      for (long pid : pids) {
        assertEquals(0, new ProcessBuilder("kill", "-STOP", "" + pid).start().waitFor());
      }
    }
    for (long pid : pids) {
      assertFalse(alive(pid), "worker " + pid + " outlived close()");
    }
    assertEquals(
        "was killed by SIGKILL (by someone, or by the system when memory ran out)",
        exit().describe());
  }

  /** The worker ends by itself as soon as the pipe to it closes. */
  @Test
  void aWorkerThatComputesEndsWithItsPipe() throws Exception {
    try (LocalWorkers _ = LocalWorkers.start(1, tiny("wait"), folder, exits::add)) {
      until(folder.rankLog(0), log -> log.contains("OMP"));
    }
    assertEquals(75, exit().exitCode());
  }

  @Test
  void ctrlCOfTheTerminalDoesNotReachWorkersAndKillIsSeen() throws Exception {
    try (LocalWorkers workers = LocalWorkers.start(1, tiny("wait"), folder, exits::add)) {
      until(folder.rankLog(0), log -> log.contains("OMP 1 passive"));
      long pid = workers.pids().getFirst();
      for (String signal : List.of("-INT", "-HUP")) {
        assertEquals(0, new ProcessBuilder("kill", signal, "" + pid).start().waitFor());
      }
      // Signals are delivered in no fixed order, so check in the process's status that these are
      // ignored.
      String status = Files.readString(Path.of("/proc/" + pid + "/status"));
      long ignored =
          status
              .lines()
              .filter(line -> line.startsWith("SigIgn:"))
              .mapToLong(line -> Long.parseUnsignedLong(line.substring(7).strip(), 16))
              .findFirst()
              .orElseThrow();
      assertEquals(0b11, ignored & 0b11, "SIGHUP and SIGINT are not ignored");
      assertTrue(exits.isEmpty());
      assertEquals(0, new ProcessBuilder("kill", "-KILL", "" + pid).start().waitFor());
      WorkerExit exit = exit();
      assertEquals(137, exit.exitCode());
      assertTrue(exit.bySignal());
    }
  }

  @Test
  void aCrashLeavesItsFileInTheRunsFolder() throws Exception {
    try (LocalWorkers workers = LocalWorkers.start(1, tiny("wait"), folder, exits::add)) {
      until(folder.rankLog(0), log -> log.contains("OMP"));
      long pid = workers.pids().getFirst();
      assertEquals(0, new ProcessBuilder("kill", "-SEGV", "" + pid).start().waitFor());
      WorkerExit exit = exit();
      assertEquals(
          "was killed by SIGABRT (the JVM crashed; its hs_err file is in the run's folder)",
          exit.describe());
      assertTrue(Files.exists(folder.path().resolve("hs_err_rank-0_pid" + pid + ".log")));
    }
  }

  @Test
  void aFullHeapEndsTheWorkerAndIsNamed() throws Exception {
    WorkerCommand small = tiny("hoard").withFlags(new WorkerFlags(64L << 20, 1));
    try (LocalWorkers _ = LocalWorkers.start(1, small, folder, exits::add)) {
      assertEquals("ended with exit code 3 (its Java heap was too small)", exit().describe());
    }
  }

  @Test
  void aJavaThatIsNotThereIsSeenAsAnExit() throws Exception {
    WorkerCommand command =
        new WorkerCommand(
            temp.resolve("no-java"),
            "",
            "Main",
            List.of(),
            WorkerFlags.DEFAULT,
            CoreShares.NONE,
            Map.of());
    try (LocalWorkers _ = LocalWorkers.start(1, command, folder, exits::add)) {
      assertEquals(127, exit().exitCode());
    }
  }

  @Test
  void aRunWhoseWorkerIsKilledNamesItAndLeavesNobody() throws Exception {
    BlockingQueue<String> notes = new LinkedBlockingQueue<>();
    List<Long> pids;
    RunSetup setup = RunSetup.local("tiny", 2, "{}", folder.path(), token());
    try (Coordinator coordinator = coordinator(setup, notes)) {
      try (LocalWorkers workers =
          LocalWorkers.start(
              2,
              TinyLauncher.command(coordinator.address().getPort(), tokenFile()),
              folder,
              coordinator::workerExited)) {
        pids = workers.pids();
        assertEquals("training", notes.poll(DEADLINE_SECONDS, TimeUnit.SECONDS));
        assertEquals("training", notes.poll(DEADLINE_SECONDS, TimeUnit.SECONDS));
        assertTrue(ProcessHandle.of(pids.get(1)).orElseThrow().destroyForcibly());
        Outcome outcome = coordinator.outcome().get(DEADLINE_SECONDS, TimeUnit.SECONDS);
        assertEquals(ExitCode.TRY_AGAIN, outcome.exit());
        assertEquals(1, outcome.culprit());
        assertTrue(
            outcome.message().startsWith("rank 1 (pid " + pids.get(1) + ") was lost "),
            outcome.message());
        assertTrue(outcome.message().contains("killed by SIGKILL"), outcome.message());
        // The surviving worker was told the reason, and ends by itself.
        assertGone(pids.get(0));
      }
    }
    assertTrue(Files.readString(folder.rankLog(0)).contains("ended: rank 1"));
  }

  @Test
  void ctrlCEndsEveryWorkerInGoodOrder() throws Exception {
    BlockingQueue<String> notes = new LinkedBlockingQueue<>();
    RunSetup setup = RunSetup.local("tiny", 1, "{}", folder.path(), token());
    try (Coordinator coordinator = coordinator(setup, notes);
        LocalWorkers workers =
            LocalWorkers.start(
                1,
                TinyLauncher.command(coordinator.address().getPort(), tokenFile()),
                folder,
                exits::add)) {
      assertEquals("training", notes.poll(DEADLINE_SECONDS, TimeUnit.SECONDS));
      coordinator.checkpointAndStop(StopCause.INTERRUPTED);
      Outcome outcome = coordinator.outcome().get(DEADLINE_SECONDS, TimeUnit.SECONDS);
      assertEquals(ExitCode.INTERRUPTED, outcome.exit());
      workers.awaitLeft();
    }
    // Closing did not interrupt the worker's own shutdown.
    assertEquals(0, exit().exitCode());
    assertTrue(Files.readString(folder.rankLog(0)).endsWith("left in good order\n"));
  }

  private static Coordinator coordinator(RunSetup setup, BlockingQueue<String> notes)
      throws IOException {
    return Coordinator.open(
        setup,
        _ -> new PlanMaker.Planned("{}", TinyLauncher.TIMES),
        _ -> "",
        new RunListener() {
          @Override
          public void note(int rank, String text) {
            notes.add(text);
          }
        });
  }

  @Test
  void workersOfAKilledLauncherEndThemselves() throws Exception {
    Process launcher = launcher();
    List<Long> pids = new ArrayList<>();
    try (BufferedReader output = launcher.inputReader(StandardCharsets.UTF_8)) {
      untilTraining(output, pids);
      assertTrue(alive(pids.get(0)) && alive(pids.get(1)));
      launcher.destroyForcibly();
      for (long pid : pids) {
        assertGone(pid);
      }
    } finally {
      end(launcher, pids);
    }
  }

  @Test
  void workersOfALauncherThatExitsAreEnded() throws Exception {
    Process launcher = launcher();
    List<Long> pids = new ArrayList<>();
    try (BufferedReader output = launcher.inputReader(StandardCharsets.UTF_8)) {
      untilTraining(output, pids);
      // Without a SIGTERM handler the JVM runs the shutdown hooks, as System.exit does.
      launcher.destroy();
      assertTrue(launcher.waitFor(DEADLINE_SECONDS, TimeUnit.SECONDS));
      for (long pid : pids) {
        assertFalse(alive(pid), "worker " + pid + " outlived the launcher's exit");
      }
    } finally {
      end(launcher, pids);
    }
  }

  private Process launcher() throws IOException {
    return new ProcessBuilder(
            System.getProperty("java.home") + "/bin/java",
            "--sun-misc-unsafe-memory-access=allow",
            "--enable-native-access=ALL-UNNAMED",
            "-XX:+UseSerialGC",
            "-cp",
            System.getProperty("java.class.path"),
            TinyLauncher.class.getName(),
            temp.toString())
        .redirectErrorStream(true)
        .start();
  }

  private static void untilTraining(BufferedReader output, List<Long> pids) throws IOException {
    int training = 0;
    while (training < 2) {
      String line = output.readLine();
      assertNotNull(line, "the launcher ended");
      if (line.startsWith("pid ")) {
        pids.add(Long.parseLong(line.substring(4)));
      } else if (line.equals("training")) {
        training++;
      }
    }
  }

  private static void end(Process launcher, List<Long> pids) {
    launcher.destroyForcibly();
    pids.forEach(pid -> ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly));
  }

  @Test
  void aHeapTooSmallIsRefused() {
    assertThrows(IllegalArgumentException.class, () -> new WorkerFlags(1 << 20, 1));
    assertThrows(IllegalArgumentException.class, () -> new WorkerFlags(1 << 30, 0));
  }
}
