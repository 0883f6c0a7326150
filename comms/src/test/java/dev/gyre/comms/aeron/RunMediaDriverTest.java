package dev.gyre.comms.aeron;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The run's folder comes, names its owner, and goes. */
class RunMediaDriverTest {
  @TempDir Path parent;

  @Test
  void closingRemovesTheFolderAndWhatRanksLeftInIt() throws Exception {
    Path folder;
    try (RunMediaDriver driver = RunMediaDriver.launch(parent, "a-run.1", false)) {
      folder = driver.folder();
      assertTrue(Files.exists(folder.resolve("driver").resolve("cnc.dat")));
      assertTrue(folder.getFileName().toString().contains("a-run.1"));
      Files.writeString(folder.resolve("epoch-0-rank-1-0.slab"), "left by a killed rank");
    }
    assertFalse(Files.exists(folder));
    try (var files = Files.list(parent)) {
      assertEquals(List.of(), files.toList());
    }
  }

  @Test
  void onlyFoldersOfDeadOwnersAreSwept() throws Exception {
    Process ended = new ProcessBuilder("true").start();
    ended.waitFor();
    Path dead = stale("gyre-old-run-" + ended.pid() + "-1700000000000");
    long pid = ProcessHandle.current().pid();
    Path reused = stale("gyre-old-run-" + pid + "-1000000000000");
    Path unrelated = stale("gyre-notes");
    try (RunMediaDriver living = RunMediaDriver.launch(parent, "living", false)) {
      List<Path> swept = RunMediaDriver.sweepStale(parent);
      assertEquals(new HashSet<>(List.of(dead, reused)), new HashSet<>(swept));
      assertTrue(Files.exists(living.folder().resolve("driver")));
    }
    assertFalse(Files.exists(dead));
    assertFalse(Files.exists(reused));
    assertTrue(Files.exists(unrelated));
  }

  private Path stale(String name) throws Exception {
    Path folder = parent.resolve(name);
    Files.createDirectories(folder.resolve("driver"));
    Files.writeString(folder.resolve("driver").resolve("cnc.dat"), "x");
    Files.writeString(folder.resolve("epoch-0-rank-0-0.slab"), "x");
    return folder;
  }

  @Test
  void aFolderThatCannotBeMadeIsNamed() {
    Path missing = parent.resolve("missing");
    UncheckedIOException failed =
        assertThrows(
            UncheckedIOException.class, () -> RunMediaDriver.launch(missing, "run", false));
    assertTrue(String.valueOf(failed.getMessage()).contains(missing.toString()));
    assertThrows(IllegalArgumentException.class, () -> RunMediaDriver.launch(parent, "a/b", false));
  }

  @Test
  void aProcessIsToldFromALaterOneWithItsId() throws Exception {
    ProcessMark self = ProcessMark.current();
    assertTrue(self.isAlive());
    assertTrue(new ProcessMark(self.pid(), self.startMillis() + 1_000).isAlive());
    assertFalse(new ProcessMark(self.pid(), self.startMillis() - 60_000).isAlive());
    Process child = new ProcessBuilder("sleep", "60").start();
    ProcessMark mark = new ProcessMark(child.pid(), 0);
    assertTrue(mark.isAlive());
    child.destroyForcibly().waitFor();
    assertFalse(mark.isAlive());
  }

  @Test
  void freePortsAreDistinct() {
    List<Integer> ports = UdpPorts.free(20, InetAddress.getLoopbackAddress());
    assertEquals(20, new HashSet<>(ports).size());
  }
}
