package dev.gyre.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.api.io.TempDir;

/** The launcher scripts with real processes, in environments unlike a developer's. */
@TestInstance(Lifecycle.PER_CLASS)
final class LauncherTest {
  private static final int BAD_JOB = 64;
  private static final int INTERRUPTED = 130;

  @TempDir private static Path temp;

  private Checkout checkout;
  private Path cache;

  @BeforeAll
  void make() throws Exception {
    checkout = Checkout.create(temp.resolve("ein Größenmaß 日本"));
  }

  @BeforeEach
  void surroundings() {
    cache = temp.resolve("cache");
    checkout.with("LC_ALL", "C.UTF-8").with("HOME", "/nonexistent");
    checkout.with("GYRE_CACHE", cache.toString()).with("TMPDIR", temp.toString());
  }

  private static Path workplace(String name) throws IOException {
    return Files.createDirectories(temp.resolve(name));
  }

  /** File names and text are handled the same without a locale, as in cron and most containers. */
  @Test
  void anyNameWorksInTheCLocale() throws Exception {
    Path place = workplace("arbeit ü 日本");
    Path texts = Files.createDirectories(place.resolve("bücher"));
    Files.writeString(texts.resolve("日本.txt"), "once upon a time ".repeat(200));
    Files.writeString(
        place.resolve("jöb.yaml"),
        """
        name: job
        model: {model_type: llama, hidden_size: 32, num_hidden_layers: 1, num_attention_heads: 2,
          intermediate_size: 32}
        dataset: {train: [{path: bücher}], holdout: 0}
        train: {sequence-length: 64, batch-tokens: 64, steps: 2}
        mesh: {workers: 1}
        """);
    checkout.with("LC_ALL", "C");
    Gyre.Ended prepared = checkout.run(place, "data", "prepare", "jöb.yaml");
    assertEquals(0, prepared.exit(), prepared.output());
    Says.all(checkout.run(place, "data", "inspect", "jöb.yaml", "--rows", "1"), "bücher");
    Gyre.Ended planned = checkout.run(place, "plan", "jöb.yaml");
    assertEquals(0, planned.exit(), planned.output());
    assertFalse(planned.output().contains("not prepared"), planned.output());
    assertFalse(planned.output().contains("WARNING"), planned.output());

    checkout.with("LC_ALL", "C.UTF-8").run(place, "data", "prepare", "jöb.yaml");
    try (Stream<Path> stores = Files.list(place.resolve(".gyre/data"))) {
      assertEquals(1, stores.filter(Files::isDirectory).count(), "the same text in every locale");
    }
  }

  /**
   * Each process has its role in its command line; none prints a JDK warning; a rebuild removes
   * none of their files; a library that cannot be unpacked is reported on the console.
   */
  @Test
  void aRunKeepsItsFilesThroughABuild() throws Exception {
    Workplace place = Workplace.in(workplace("run"));
    // A folder cannot be made below a file.
    checkout.with("GYRE_CACHE", Files.createFile(temp.resolve("file")).toString());
    List<String> train =
        place.arguments(
            "--workers",
            "2",
            "--set",
            "train.steps=1000000",
            "--set",
            "checkpoint.every=0",
            "--set",
            "backend=auto");
    try (Gyre run = checkout.start(place.folder(), train)) {
      run.awaitOutput("^start .*");
      Path used = checkout.distributions().getFirst();
      assertTrue(line(run.process()).contains(" -Dgyre.role=launcher "), line(run.process()));
      List<String> workers = run.workers().stream().map(LauncherTest::line).toList();
      assertEquals(2, workers.size(), workers.toString());
      for (String worker : workers) {
        assertTrue(worker.contains(" -Dgyre.role=worker "), worker);
        assertTrue(worker.contains(" -Dgyre.run=" + place.name() + " "), worker);
        assertTrue(worker.contains(" -cp " + used + "/lib/gyre.jar "), worker);
      }

      checkout.write("deploy/src/main/java/App.java", "class App { int pulled; }\n");
      checkout.with("GYRE_CACHE", cache.toString());
      Gyre.Ended other = checkout.run(place.folder(), "version");
      assertEquals(0, other.exit(), other.output());
      Says.all(other, "building");
      assertEquals(2, checkout.distributions().size(), other.output());

      run.interrupt();
      Gyre.Ended ended = run.await();
      assertEquals(INTERRUPTED, ended.exit(), ended.output());
      Says.all(ended, "/checkpoints/step-");
      assertFalse(ended.output().contains("WARNING"), ended.output());
      assertFalse(Files.readString(place.run(1).resolve("log.txt")).contains("WARNING"));
      if (System.getProperty("os.arch").equals("amd64")) {
        Says.all(ended, "oneDNN not unpacked: ", "; name a folder with GYRE_CACHE");
      }
    }
    checkout.write("deploy/src/main/java/App.java", "class App { int edited; }\n");
    checkout.run(place.folder(), "version");
    assertEquals(1, checkout.distributions().size(), "unused ones are removed");
  }

  @Test
  void aBuildRecordsTheClassesOfAStart() throws Exception {
    Path place = workplace("classes");
    checkout.recordClasses(true);
    Gyre.Ended built = checkout.run(place, "version");
    assertEquals(0, built.exit(), built.output());
    List<Path> recorded =
        checkout.distributions().stream()
            .map(dist -> dist.resolve("classes"))
            .filter(Files::isDirectory)
            .toList();
    assertEquals(1, recorded.size(), built.output());
    assertTrue(Files.size(recorded.getFirst().resolve("worker.jsa")) > 0);

    Path loaded = place.resolve("loaded.txt");
    checkout.with("JDK_JAVA_OPTIONS", "-Xlog:class+load:file=" + loaded);
    Gyre.Ended started = checkout.run(place, "version");
    checkout.with("JDK_JAVA_OPTIONS", null).recordClasses(false);
    assertEquals(0, started.exit(), started.output());
    assertTrue(
        Files.readString(loaded).contains("dev.gyre.deploy.Main source: shared objects file (top)"),
        started.output());
  }

  private static String line(ProcessHandle process) {
    return process.info().commandLine().orElse("") + " ";
  }

  /** Java reads the job; if the job asks for libtorch, the script downloads it and starts again. */
  @Test
  void libtorchIsBroughtForAJobThatAsksForIt() throws Exception {
    Workplace place = Workplace.in(workplace("torch"));
    Gyre.Ended without = checkout.run(place.folder(), "plan", "job.yaml");
    assertFalse(without.output().contains("libtorch"), without.output());
    Path job = place.folder().resolve("job.yaml");
    Files.writeString(
        place.folder().resolve("torch.yaml"),
        Files.readString(job).replace("backend: vector", "backend: 'torch' # on the CPU"));
    Gyre.Ended with = checkout.run(place.folder(), "plan", "torch.yaml");
    Gyre.Ended named = checkout.run(place.folder(), "plan", "job.yaml", "--backend", "torch");
    for (Gyre.Ended ended : List.of(with, named)) {
      // The downloaded part is empty here.
      assertEquals(BAD_JOB, ended.exit(), ended.output());
      Says.all(ended, "backend: 'torch' cannot be used here");
    }
    Says.all(with, "gyre: backend torch: downloading libtorch 9, about 110 MB, once");
  }
}
