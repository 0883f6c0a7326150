package dev.gyre.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gyre.comms.aeron.SharedFolder;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A run in another PID namespace, as in a container that shares {@code /dev/shm} and the folders
 * with this one: it trains, saves and ends, and no process here mistakes its PIDs for local ones.
 */
final class OtherPidsTest {
  private static final String SAVED = "^saved +step (\\d+) ";

  @TempDir private static Path folder;

  @Test
  void aRunOfAnotherNamespaceIsLeftAloneAndEndsWell() throws Exception {
    Workplace place = Workplace.in(folder);
    List<String> forever =
        place.arguments(
            "--ring", "2", "--set", "train.steps=1000000", "--set", "checkpoint.every=100");
    try (Gyre elsewhere = Gyre.start(folder, Namespaces.withOtherPids(), forever)) {
      elsewhere.awaitOutput(SAVED);
      assertEquals(1, place.sharedMemory().size());

      // Its PID there is 1, which here is another live process.
      Gyre.Ended second = place.train("--resume");
      assertEquals(75, second.exit(), second.output());
      Says.all(second, "is running in another process");
      SharedFolder.sweep(Path.of("/dev/shm"));
      assertEquals(1, place.sharedMemory().size(), "the run's shared memory was swept");
      long step = Trained.metrics(place.run(1)).getLast().step() / 100 * 100 + 200;
      elsewhere.awaitOutput("^saved +step " + step + " ");
      ProcessHandle launcher = elsewhere.process().children().findFirst().orElseThrow();
      Gyre.kill("TERM", launcher.pid());
      Gyre.Ended ended = elsewhere.await();
      assertEquals(143, ended.exit(), ended.output());
      Says.all(ended, "preempted, saved in", "--resume");
    }
    assertEquals(List.of(), place.sharedMemory());
    place.newestCheckpoint(1);
  }
}
