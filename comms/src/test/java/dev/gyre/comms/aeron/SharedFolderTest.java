package dev.gyre.comms.aeron;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A sweep removes only folders that no living process holds, whatever their PID and name are. */
@Timeout(60)
class SharedFolderTest {
  @TempDir Path parent;

  /** Another process, which holds a folder until it is killed. */
  private final class Owner implements AutoCloseable {
    final Process process;
    final Path folder;

    Owner(String run) throws Exception {
      process =
          new ProcessBuilder(
                  Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                  "-Xmx32m",
                  "-XX:TieredStopAtLevel=1",
                  "-cp",
                  System.getProperty("java.class.path"),
                  SharedFolderOwner.class.getName(),
                  parent.toString(),
                  run)
              .redirectError(ProcessBuilder.Redirect.INHERIT)
              .start();
      folder = Path.of(process.inputReader().readLine());
    }

    @Override
    public void close() {
      process.destroyForcibly().onExit().join();
    }
  }

  /**
   * Renames a folder as if its owner lived in another PID namespace: here that PID is a dead
   * process's.
   */
  private Path renamed(Path folder, String name) throws Exception {
    return Files.move(folder, parent.resolve(name));
  }

  @Test
  void aFolderOfALivingOwnerStaysWhateverItsNumber() throws Exception {
    Process ended = new ProcessBuilder("true").start();
    ended.waitFor();
    Path folder;
    try (Owner owner = new Owner("living")) {
      folder = renamed(owner.folder, "gyre-living-" + ended.pid() + "-1");
      assertEquals(List.of(), SharedFolder.sweep(parent));
      assertEquals(List.of(), SharedFolder.abandoned(parent));
      assertTrue(Files.exists(folder.resolve(SharedFolder.LOCK)));
    }
    assertEquals(List.of(folder), SharedFolder.abandoned(parent));
    assertTrue(Files.exists(folder), "a query removes nothing");
    assertEquals(List.of(folder), SharedFolder.sweep(parent));
    assertFalse(Files.exists(folder));
  }

  /** A sweep by the owner's own process must not release its lock. */
  @Test
  void aSweepLeavesTheFoldersOfItsOwnProcessLocked() throws Exception {
    try (SharedFolder own = SharedFolder.create(parent, "own")) {
      assertEquals(List.of(), SharedFolder.sweep(parent));
      try (Owner other = new Owner("other")) {
        // The other process swept before it created its own folder.
        assertTrue(Files.exists(own.path().resolve(SharedFolder.LOCK)));
        assertTrue(Files.exists(other.folder));
      }
    }
    assertEquals(1, SharedFolder.sweep(parent).size());
  }

  @Test
  void whatIsNoRunsFolderStays() throws Exception {
    Path notes = Files.createDirectories(parent.resolve("gyre-notes"));
    Files.writeString(notes.resolve("notes.txt"), "x");
    Path empty = Files.createDirectories(parent.resolve("gyre-empty-1-1"));
    Files.writeString(parent.resolve("gyre-file"), "x");
    assertEquals(List.of(empty), SharedFolder.sweep(parent));
    assertTrue(Files.exists(notes.resolve("notes.txt")));
    assertTrue(Files.exists(parent.resolve("gyre-file")));
  }

  @Test
  void foldersOfOneRunHaveDifferentNames() throws Exception {
    HashSet<Path> paths = new HashSet<>();
    try (SharedFolder a = SharedFolder.create(parent, "run");
        SharedFolder b = SharedFolder.create(parent, "run")) {
      paths.add(a.path());
      paths.add(b.path());
    }
    assertEquals(2, paths.size());
    try (var left = Files.list(parent)) {
      assertEquals(List.of(), left.toList());
    }
  }
}
