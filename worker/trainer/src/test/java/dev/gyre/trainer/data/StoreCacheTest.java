package dev.gyre.trainer.data;

import static dev.gyre.trainer.data.DataFixture.source;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.gyre.partitioning.job.DatasetSpec;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Where stores are kept, which process makes them, and how leftovers of ended preparations are
 * removed.
 */
final class StoreCacheTest {
  private static final DatasetSpec DOCS = DataFixture.dataset("best-fit", 0, source("docs", ""));

  @TempDir Path folder;
  private DataFixture data;
  private final Notes notes = new Notes();

  private static final class Notes implements PrepareListener {
    private final List<String> lines = Collections.synchronizedList(new ArrayList<>());

    @Override
    public void note(String line) {
      lines.add(line);
    }

    @Override
    public void progress(long documents, long tokens, long bytesDone, long bytesTotal) {}
  }

  @BeforeEach
  void open() throws IOException {
    data = new DataFixture(folder);
    for (int d = 0; d < 20; d++) {
      data.write("docs/%02d.txt".formatted(d), DataFixture.text(d, 100));
    }
  }

  private Process java(List<String> before, String... arguments) throws IOException {
    List<String> line = new ArrayList<>(before);
    line.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    line.addAll(List.of("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp"));
    line.add(System.getProperty("java.class.path"));
    line.addAll(List.of(arguments));
    return new ProcessBuilder(line).redirectErrorStream(true).start();
  }

  /** A process that holds a lock until its input ends. */
  private Process holder(Path lock) throws IOException {
    Process process = java(List.of(), LockHolder.class.getName(), lock.toString());
    assertEquals("held", process.inputReader().readLine());
    return process;
  }

  private static void end(Process process) throws IOException, InterruptedException {
    process.getOutputStream().close();
    assertTrue(process.waitFor(60, TimeUnit.SECONDS), "still running");
  }

  @Test
  void permissionsAreThoseOfAnyNewFolder() throws IOException {
    String usual =
        PosixFilePermissions.toString(
            Files.getPosixFilePermissions(Files.createDirectory(folder.resolve("usual"))));
    try (TokenStore store = data.prepare(DOCS)) {
      assertEquals(
          usual, PosixFilePermissions.toString(Files.getPosixFilePermissions(store.folder())));
      Path usualFile = Files.createFile(folder.resolve("usual-file"));
      try (var files = Files.list(store.folder())) {
        for (Path file : files.toList()) {
          assertEquals(
              Files.getPosixFilePermissions(usualFile), Files.getPosixFilePermissions(file));
        }
      }
    }
  }

  @Test
  void anotherCacheIsUsedWhereTheFirstCannotBe() throws IOException {
    Files.writeString(folder.resolve("cache"), "a file where the folder would be");
    Path other = folder.resolve("home/gyre/data");
    DataPlaces places = data.places().withOtherCache(other);
    for (int again = 0; again < 2; again++) {
      try (TokenStore store = DataPreparation.prepare(DOCS, places, new ByteTokenizer(), notes)) {
        assertEquals(other, store.folder().getParent());
      }
    }
    assertEquals(1, notes.lines.size(), notes.lines.toString());
    assertTrue(
        notes.lines.getFirst().contains("cannot use " + data.cache()), notes.lines::toString);
    UncheckedIOException e = assertThrows(UncheckedIOException.class, () -> data.prepare(DOCS));
    assertTrue(e.getMessage().contains(data.cache().toString()), e.getMessage());
  }

  @Test
  void whatEndedPreparationsLeftIsRemovedAndWhatLivingOnesHoldIsNot() throws Exception {
    Path cache = Files.createDirectory(data.cache());
    Path dead = Files.createDirectory(cache.resolve(".tmp-aaaa-1"));
    Files.writeString(dead.resolve("maker.lock"), "");
    Files.writeString(dead.resolve("tokens.bin"), "half");
    Path deadLock = Files.writeString(cache.resolve("aaaa.lock"), "process 1");
    Path old = Files.createDirectory(cache.resolve(".tmp-bbbb-2"));
    Files.setLastModifiedTime(old, FileTime.from(Instant.now().minusSeconds(2 * 86_400)));
    Path growing = Files.createDirectory(cache.resolve(".tmp-eeee-5"));
    Files.writeString(growing.resolve("tokens.bin"), "half");
    Files.setLastModifiedTime(growing, FileTime.from(Instant.now().minusSeconds(2 * 86_400)));
    Path justBegun = Files.createDirectory(cache.resolve(".tmp-cccc-3"));
    Path living = Files.createDirectory(cache.resolve(".tmp-dddd-4"));
    Process maker = holder(living.resolve("maker.lock"));
    Process waiter = holder(cache.resolve("dddd.lock"));
    try (TokenStore store = data.prepare(DOCS)) {
      assertFalse(Files.exists(dead));
      assertFalse(Files.exists(deadLock));
      assertFalse(Files.exists(old));
      assertTrue(Files.exists(justBegun));
      assertTrue(Files.exists(growing), "its maker writes, on a file system without locks");
      assertTrue(Files.exists(living.resolve("maker.lock")));
      assertTrue(Files.exists(cache.resolve("dddd.lock")));
      assertFalse(Files.exists(Path.of(store.folder() + ".lock")));
    }
    end(maker);
    end(waiter);
  }

  /** A sweep must not release the locks of another thread's preparation in the same process. */
  @Test
  void aSweepKeepsTheLocksOfItsOwnProcess() throws Exception {
    Path cache = Files.createDirectory(data.cache());
    Path living = Files.createDirectory(cache.resolve(".tmp-dddd-4"));
    Path maker = living.resolve("maker.lock");
    Path waiter = cache.resolve("dddd.lock");
    FileTurn making = Objects.requireNonNull(FileTurn.attempt(maker, "this").turn());
    FileTurn waiting = Objects.requireNonNull(FileTurn.attempt(waiter, "this").turn());
    data.prepare(DOCS).close();
    assertEquals("", FileTurn.owner(waiter));
    for (Path lock : List.of(maker, waiter)) {
      assertEquals("not held", held(List.of(), lock), lock + " is free for another process");
    }
    making.close();
    waiting.close();
    assertEquals("held", held(List.of(), waiter));
  }

  private String held(List<String> before, Path lock) throws Exception {
    Process process = java(before, LockHolder.class.getName(), lock.toString());
    String said = process.inputReader().readLine();
    end(process);
    return said;
  }

  /** Here the holder's PID is another process's or nobody's: only its lock counts. */
  @Test
  void aLockHeldInAnotherPidNamespaceIsHeld() throws Exception {
    List<String> elsewhere =
        List.of("unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child");
    assumeTrue(canRun(elsewhere), "this system does not allow PID namespaces");
    Path cache = Files.createDirectory(data.cache());
    Path living = Files.createDirectory(cache.resolve(".tmp-dddd-4"));
    Process holder =
        java(elsewhere, LockHolder.class.getName(), living.resolve("maker.lock").toString());
    assertEquals("held", holder.inputReader().readLine());
    data.prepare(DOCS).close();
    assertTrue(Files.exists(living), "its maker is alive");
    end(holder);
    Files.writeString(living.resolve("maker.lock"), "process " + ProcessHandle.current().pid());
    StoreWriter.delete(data.prepare(DOCS).folder());
    data.prepare(DOCS).close();
    assertFalse(Files.exists(living), "its maker has ended; its PID may be reused");
  }

  private static boolean canRun(List<String> before) throws IOException, InterruptedException {
    List<String> probe = new ArrayList<>(before);
    probe.add("true");
    return Files.isExecutable(Path.of("/usr/bin/unshare"))
        && new ProcessBuilder(probe).start().waitFor() == 0;
  }

  /**
   * A process waits until the holder of the lock has ended, and reports which process it waits for.
   */
  @Test
  void whoWaitsSaysForWhom() throws Exception {
    Path key;
    try (TokenStore store = data.prepare(DOCS)) {
      key = store.folder();
    }
    StoreWriter.delete(key);
    Process holder = holder(Path.of(key + ".lock"));
    try (var threads = Executors.newSingleThreadExecutor()) {
      Future<TokenStore> waiting =
          threads.submit(
              () -> DataPreparation.prepare(DOCS, data.places(), new ByteTokenizer(), notes));
      while (notes.lines.isEmpty()) {
        Thread.onSpinWait();
      }
      assertFalse(waiting.isDone());
      assertTrue(notes.lines.getFirst().contains("process 4711 of anna"), notes.lines::toString);
      holder.destroyForcibly().waitFor();
      try (TokenStore store = waiting.get(60, TimeUnit.SECONDS)) {
        assertEquals(20, store.documents());
      }
    }
  }

  /** A limit of 8 KiB on the size of a file stands for a full disk. */
  @Test
  void aFileThatCannotBeWrittenIsNamed() throws Exception {
    data.write("docs/large.txt", DataFixture.text(1, 1 << 20));
    Process process =
        java(
            List.of("sh", "-c", "ulimit -f 16; exec \"$@\"", "sh"),
            PrepareInProcess.class.getName(),
            folder.toString());
    String said;
    try (var out = process.inputReader()) {
      said = out.lines().toList().toString();
    }
    assertTrue(process.waitFor(60, TimeUnit.SECONDS), "still running");
    assertTrue(said.contains("tokens.bin: File too large"), said);
    try (var left = Files.list(data.cache())) {
      assertEquals(List.of(), left.toList());
    }
  }

  @Test
  void theStoreDoesNotDependOnTheNumberOfThreads() throws Exception {
    StringBuilder lines = new StringBuilder();
    for (int i = 0; i < 60_000; i++) {
      lines.append("{\"text\":\"").append(i).append(" of many\"}\n");
    }
    data.write("docs/many.jsonl", lines.toString());
    data.write("docs/large.txt", DataFixture.text(3, 5 << 20));
    List<String> hashes = new ArrayList<>();
    for (int cores : new int[] {1, 2, 7}) {
      Process process =
          java(
              List.of("env", "JAVA_TOOL_OPTIONS=-XX:ActiveProcessorCount=" + cores),
              PrepareInProcess.class.getName(),
              folder.toString());
      List<String> said;
      try (var out = process.inputReader()) {
        said = out.lines().toList();
      }
      assertTrue(said.getLast().startsWith("made "), said.toString());
      hashes.add(said.getLast());
      try (var made = Files.list(data.cache())) {
        for (Path store : made.toList()) {
          StoreWriter.delete(store);
        }
      }
    }
    assertEquals(hashes.getFirst(), hashes.get(1));
    assertEquals(hashes.getFirst(), hashes.get(2));
  }
}
