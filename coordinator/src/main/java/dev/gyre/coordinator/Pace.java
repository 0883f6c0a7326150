package dev.gyre.coordinator;

import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * How long the run's steps and checkpoints take, as predicted and then as measured, and the
 * timeouts that follow from it. A timeout that a user has set stays as it is.
 */
final class Pace {
  /**
   * Service managers, batch systems and Kubernetes send SIGKILL 30 s after SIGTERM, of which five
   * are for shutting down.
   */
  private static final long USUAL_GRACE_NANOS = TimeUnit.SECONDS.toNanos(25);

  /** After so many steps the fastest of them says how long a step takes. */
  private static final int TYPICAL_AFTER = 3;

  /** No phase is longer than a step; three times the slowest step is no slow step. */
  private static final int STALL_STEPS = 3;

  private final @Nullable Duration givenGrace;
  private final @Nullable Duration givenStall;
  private final long storageStallNanos;
  private long stallNanos = Long.MAX_VALUE;
  private long longestStep;
  private long shortestStep = Long.MAX_VALUE;
  private long longestSave;
  private int steps;
  private long lastStepEnd;
  private long saveBegan = -1;
  private boolean warned;

  Pace(Timing timing) {
    givenGrace = timing.grace();
    givenStall = timing.stall();
    storageStallNanos = timing.storageStall().toNanos();
  }

  void planned(PlannedTimes times) {
    longestStep = times.step().toNanos();
    longestSave = times.save().toNanos();
    stallNanos = times.stall().toNanos();
  }

  /** The first step begins. */
  void started(long now) {
    lastStepEnd = now;
  }

  /** From the end of one step to the end of the next: evaluation and checkpoint included. */
  void stepEnded(long now) {
    long took = now - lastStepEnd;
    lastStepEnd = now;
    longestStep = Math.max(longestStep, took);
    shortestStep = Math.min(shortestStep, took);
    steps++;
  }

  /** A rank has written its part of a checkpoint. */
  void saving(long now) {
    saveBegan = saveBegan < 0 ? now : saveBegan;
  }

  /** The checkpoint is committed. */
  void saved(long now) {
    longestSave = Math.max(longestSave, saveBegan < 0 ? 0 : now - saveBegan);
    saveBegan = -1;
  }

  /**
   * From a preemption to the end. Twice the longest step and save: the sender of SIGTERM can end
   * the run earlier, and a run that is about to save gains nothing by stopping earlier.
   */
  long graceNanos() {
    if (givenGrace != null) {
      return givenGrace.toNanos();
    }
    long step = longestStep == 0 ? stallNanos : longestStep;
    return Math.max(USUAL_GRACE_NANOS, 2 * (step + longestSave));
  }

  /**
   * A rank without progress for this long fails the run.
   *
   * @param onStorage it reads or writes files
   */
  long stallNanos(boolean onStorage) {
    long stall =
        givenStall != null
            ? givenStall.toNanos()
            : Math.max(
                stallNanos, STALL_STEPS * Math.min(longestStep, Long.MAX_VALUE / STALL_STEPS));
    return onStorage ? Math.max(stall, storageStallNanos) : stall;
  }

  /**
   * A line for users whose steps take longer than what most systems grant after SIGTERM, or than
   * what they have set; once.
   */
  Optional<String> warning() {
    long step = steps == 0 ? longestStep : steps >= TYPICAL_AFTER ? shortestStep : 0;
    long needed = step + longestSave;
    long granted = givenGrace == null ? USUAL_GRACE_NANOS : givenGrace.toNanos();
    if (warned || step == 0 || needed <= granted) {
      return Optional.empty();
    }
    warned = true;
    long seconds = seconds(2 * needed);
    return Optional.of(
        ("grace  a step and its checkpoint take about %d s, more than the %s s after SIGTERM. Grant"
                + " %d s%s (systemd TimeoutStopSec, Slurm --signal=TERM@%d, docker stop -t %d,"
                + " Kubernetes terminationGracePeriodSeconds), or a preemption loses what was"
                + " trained since the newest checkpoint")
            .formatted(
                seconds(needed),
                (givenGrace == null ? "usual " : "--grace of ") + seconds(granted),
                seconds,
                givenGrace == null ? "" : " with --grace " + seconds,
                seconds,
                seconds));
  }

  private static long seconds(long nanos) {
    return Math.ceilDiv(nanos, TimeUnit.SECONDS.toNanos(1));
  }
}
