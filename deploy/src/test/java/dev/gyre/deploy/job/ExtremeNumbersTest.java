package dev.gyre.deploy.job;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.check.NumberRange;
import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.partitioning.job.Key;
import dev.gyre.partitioning.plan.InvalidPlanException;
import dev.gyre.partitioning.plan.Plan;
import dev.gyre.partitioning.plan.PlanValidator;
import dev.gyre.partitioning.plan.Rates;
import dev.gyre.partitioning.plan.WorkerCapabilities;
import dev.gyre.trainer.dryrun.ModelDryRun;
import dev.gyre.trainer.worker.Transports;
import java.math.BigDecimal;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every number of a job file at and beyond its limits gives a plan or an error that names the key.
 */
final class ExtremeNumbersTest {
  private static final int MOST_RANKS = 64;
  private static final String JOB =
      "dataset: {train: [{path: text}]}\ntrain: {sequence-length: 1024}\n";

  private static final WorkerCapabilities OFFERS =
      new WorkerCapabilities(
          List.of(
              new WorkerCapabilities.Backend("vector", "", List.of("f32"), List.of("f32"), "AVX2")),
          Transports.offers(),
          List.of(
              new WorkerCapabilities.Host(
                  2, 8L << 30, 0, new Rates(100_000_000_000L, 50_000_000_000L, 1_000_000_000L))));

  private record Numeric(String path, NumberRange range) {}

  static Stream<Numeric> keys() {
    return keys(JobKeys.ROOT, "").filter(key -> !key.path.startsWith("dataset.train."));
  }

  private static Stream<Numeric> keys(Key section, String prefix) {
    return section.children().stream()
        .filter(key -> key.type() != Key.Type.INTEGERS)
        .flatMap(
            key ->
                key.range() == null
                    ? keys(key, prefix + key.name() + ".")
                    : Stream.of(new Numeric(prefix + key.name(), key.range())));
  }

  private static JobSpec job(String key, String value) {
    return new JobFile((_, _) -> null, _ -> 256)
        .parse(JOB, "job.yaml", "job", List.of(Setting.ofOption(key, "--x", value)));
  }

  private static String text(NumberRange range, double value) {
    return range.kind() == NumberRange.Kind.WHOLE
        ? new BigDecimal(value).toPlainString()
        : Double.toString(value);
  }

  @ParameterizedTest
  @MethodSource("keys")
  void atItsLimitsAKeyIsPlannedOrRefusedWithAReason(Numeric key) {
    // Planning time grows with the square of the ring's length.
    double most = key.path.startsWith("mesh.") ? MOST_RANKS : key.range.most();
    for (double limit : new double[] {key.range.least(), most}) {
      double value = Double.isFinite(limit) ? limit : Math.signum(limit) * 1e18;
      assertTimeoutPreemptively(
          Duration.ofSeconds(20), () -> planned(key.path, text(key.range, value)), key.path);
    }
  }

  private static void planned(String key, String value) {
    try {
      JobSpec job = job(key, value);
      Plan plan = ModelDryRun.PLANNER.plan(job, OFFERS);
      assertTrue(plan.memory().total() > 0, () -> key + "=" + value + ": " + plan.memory());
      PlanValidator.requireMemory(plan, OFFERS);
    } catch (JobFileException | Invalid | InvalidPlanException refused) {
      assertTrue(refused.getMessage().length() > 20, refused.getMessage());
    } catch (RuntimeException | Error e) {
      fail(key + "=" + value, e);
    }
  }

  @ParameterizedTest
  @MethodSource("keys")
  void beyondItsLimitsAKeyIsRefusedByNameAndRange(Numeric key) {
    if (Double.isFinite(key.range.least())) {
      refused(key, Math.nextDown(key.range.least()) - 1);
    }
    if (Double.isFinite(key.range.most())) {
      refused(key, Math.nextUp(key.range.most()) + 1);
    }
    refused(key, 1e300);
  }

  private static void refused(Numeric key, double value) {
    String text = text(key.range, Math.rint(value));
    JobFileException e = assertThrows(JobFileException.class, () -> job(key.path, text), key.path);
    assertTrue(
        e.getMessage().startsWith("--x " + text + ": " + key.path + ": " + text + " must be "),
        e.getMessage());
    assertTrue(e.getMessage().contains(key.range.text()), e.getMessage());
  }
}
