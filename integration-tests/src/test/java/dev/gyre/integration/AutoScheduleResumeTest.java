package dev.gyre.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.partitioning.plan.Plan;
import dev.gyre.partitioning.plan.ScheduleChoice;
import dev.gyre.trainer.json.SpecJson;
import dev.gyre.trainer.step.StepMetrics;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Schedules that are chosen per row from measured rates stay the same after a crash, even if the
 * machine's remembered rates have changed since: losses equal those of an uninterrupted run.
 */
final class AutoScheduleResumeTest {
  private static final Pattern COPY_RATE = Pattern.compile("(\"copyBytesPerSecond\"\\s*:\\s*\\d+)");

  @TempDir private Path folder;

  private Gyre start(Workplace place, long steps, String... more) throws IOException {
    List<String> arguments = place.arguments("--ring", "2", "--set", "mesh.schedule=auto", "--set");
    arguments.add("train.steps=" + steps);
    arguments.addAll(
        List.of(
            "--set", "train.sequence-length=512",
            "--set", "train.batch-tokens=1024",
            "--set", "checkpoint={every: 5, keep: 2}"));
    arguments.addAll(List.of(more));
    return Gyre.start(
        place.folder(), List.of("env", "GYRE_CACHE=" + folder.resolve("cache")), arguments);
  }

  private static void train(Gyre started) throws Exception {
    try (started) {
      Gyre.Ended ended = started.await();
      assertEquals(0, ended.exit(), ended.output());
    }
  }

  private static Plan plan(Path file) throws IOException {
    return SpecJson.read(Files.readString(file), Plan.class, file.toString());
  }

  /**
   * Multiplies the remembered copy rate by 1,000; it would be kept, as the best rate is remembered.
   */
  private void praiseRememberedRates() throws IOException {
    List<Path> remembered = new ArrayList<>();
    try (var files = Files.list(folder.resolve("cache/rates"))) {
      files.forEach(remembered::add);
    }
    assertTrue(!remembered.isEmpty(), "rates are remembered");
    for (Path file : remembered) {
      Matcher rate = COPY_RATE.matcher(Files.readString(file));
      assertTrue(rate.find(), file.toString());
      Files.writeString(file, rate.replaceFirst("$1000"));
    }
  }

  @Test
  void aKilledRunGoesOnAsIfNothingHadHappened() throws Exception {
    Workplace place = Workplace.in(folder);
    try (Gyre gyre = start(place, 1_000_000)) {
      gyre.awaitOutput("^saved +step \\d+ ");
      ProcessHandle killed = gyre.workers().getLast();
      assertTrue(killed.destroyForcibly());
      Gyre.Ended ended = gyre.await();
      assertEquals(75, ended.exit(), ended.output());
      Says.all(ended, "pid " + killed.pid(), "was lost", "SIGKILL", "--resume");
    }
    Path frozen = Files.copy(place.run(1).resolve("plan.json"), folder.resolve("frozen.json"));
    Plan first = plan(frozen);
    assertTrue(first.schedules().stream().allMatch(ScheduleChoice::rowsChoose), first.toString());
    assertTrue(first.rates().known(), first.rates().toString());
    long from = place.newestCheckpoint(1).step();
    long last = from + 4;

    praiseRememberedRates();
    train(start(place, last, "--resume"));
    assertEquals(first, plan(place.run(1).resolve("plan.json")));

    train(start(place, last, "--plan", frozen.toString()));
    Trained whole = Trained.of(place.run(2), last);
    Trained broken = Trained.of(place.run(1), last);
    // The killed run may have trained a few steps past its checkpoint.
    assertEquals(from + 1, broken.steps().get(broken.steps().size() - 4).step());
    for (StepMetrics got : broken.steps()) {
      if (got.step() <= last) {
        StepMetrics want = whole.steps().get((int) got.step() - 1);
        assertEquals(want.schedules(), got.schedules(), "schedules of step " + got.step());
      }
    }
    int before = (int) from;
    Trained.assertSameBits(
        whole.withSteps(0, before),
        new Trained(broken.steps().subList(0, before), whole.tensors()));
    int all = broken.steps().size();
    Trained.assertSameBits(whole.withSteps(before, before + 4), broken.withSteps(all - 4, all));
    assertEquals(List.of(), place.sharedMemory());
  }
}
