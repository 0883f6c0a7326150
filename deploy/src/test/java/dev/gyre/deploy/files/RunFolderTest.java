package dev.gyre.deploy.files;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RunFolderTest {
  @TempDir Path temp;

  @Test
  void countsUpAndNeverOverwrites() throws Exception {
    Path runs = temp.resolve("a").resolve("runs");
    RunFolder first = RunFolder.create(runs, "quickstart");
    Files.writeString(first.metrics(), "kept");
    RunFolder second = RunFolder.create(runs, "quickstart");
    RunFolder third = RunFolder.create(runs, "quickstart");
    assertEquals("quickstart", first.name());
    assertEquals("quickstart-2", second.name());
    assertEquals(runs.resolve("quickstart-3"), third.path());
    assertEquals("kept", Files.readString(first.metrics()));
    assertTrue(Files.isDirectory(third.logs()) && Files.isDirectory(third.checkpoints()));
    assertEquals("quickstart", RunFolder.open(runs.resolve("quickstart")).name());
    assertThrows(NoSuchFileException.class, () -> RunFolder.open(runs.resolve("none")));
  }

  private RunFolder run(String folder, String job) throws IOException {
    RunFolder run = RunFolder.create(temp, folder);
    Files.writeString(run.job(), "{\"name\": \"" + job + "\", \"more\": {\"name\": \"x\"}}");
    return run;
  }

  private List<String> runsOf(String job) throws IOException {
    return RunFolder.ofJob(temp, job).stream().map(RunFolder::name).toList();
  }

  /** {@code exp-2} may be the second run of exp, or the first of a job of that name. */
  @Test
  void runsBelongToTheJobThatTheySay() throws IOException {
    run("exp", "exp");
    run("exp-2", "exp-2");
    assertEquals(List.of("exp"), runsOf("exp"));
    assertEquals(List.of("exp-2"), runsOf("exp-2"));
    assertEquals("exp-2-2", run("exp-2", "exp-2").name());
    assertEquals("exp-3", run("exp", "exp").name());
    run("exp-10", "exp");
    assertEquals(List.of("exp-10", "exp-3", "exp"), runsOf("exp"));
    assertEquals(List.of("exp-2-2", "exp-2"), runsOf("exp-2"));
    assertEquals(List.of(), runsOf("other"));
    assertEquals(List.of(), RunFolder.ofJob(temp.resolve("none"), "exp"));
  }

  @Test
  void withoutAReadableJobARunIsNobodys() throws IOException {
    Files.writeString(run("exp", "exp").job(), "what the run was");
    Files.delete(run("exp", "exp").job());
    run("exp-1", "exp");
    assertEquals(List.of(), runsOf("exp"), "no run is ever named exp-1");
    run("old", "exp");
    assertEquals(
        List.of("exp-1", "old"),
        RunFolder.renamedOfJob(temp, "exp").stream().map(RunFolder::name).toList());
  }

  @Test
  void aFileInTheWayIsNotOverwritten() throws Exception {
    Files.writeString(temp.resolve("x"), "mine");
    assertEquals("x-2", RunFolder.create(temp, "x").name());
    assertEquals("mine", Files.readString(temp.resolve("x")));
  }

  @Test
  void manyAtOnceGetDifferentFolders() throws Exception {
    int count = 16;
    CyclicBarrier together = new CyclicBarrier(count);
    List<Future<String>> names = new ArrayList<>();
    try (ExecutorService pool = Executors.newFixedThreadPool(count)) {
      for (int i = 0; i < count; i++) {
        names.add(
            pool.submit(
                () -> {
                  together.await();
                  return RunFolder.create(temp, "run").name();
                }));
      }
    }
    Set<String> different = new HashSet<>();
    for (Future<String> name : names) {
      different.add(name.get());
    }
    assertEquals(count, different.size());
    assertTrue(different.contains("run") && different.contains("run-" + count));
  }

  @Test
  void namesThatAreNoFolderNamesAreRefused() {
    for (String name : List.of("", "../x", "a/b", ".hidden", "-x", "a b")) {
      assertThrows(IllegalArgumentException.class, () -> RunFolder.create(temp, name));
    }
  }

  @Test
  void deleteTakesAllThatLiesInIt() throws IOException {
    Path runs = temp.resolve("runs");
    RunFolder folder = RunFolder.create(runs, "job");
    Files.writeString(folder.rankLog(0), "said");
    Files.writeString(folder.metrics(), "{}");
    folder.delete();
    assertFalse(Files.exists(folder.path()));
    assertEquals("job", RunFolder.create(runs, "job").name(), "the name is free again");
  }
}
