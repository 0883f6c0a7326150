package dev.gyre.deploy.launch;

import dev.gyre.comms.ExitCode;
import dev.gyre.comms.ProcessSignals;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Handles signals for the process that hosts a run. The first Ctrl-C requests a checkpoint and a
 * stop, the second an immediate stop, and a third ends the process. SIGTERM means preemption, also
 * if repeated, and so does a terminal that closes.
 *
 * <p>Handlers are installed before a run exists and restored after its final report. Signals that
 * arrive before the run exists are passed on to it. Signals that arrive after a run was stopped
 * must not interrupt its report.
 */
public final class Interrupts implements AutoCloseable {
  /** Called on the JVM's signal thread: must return quickly. */
  public interface Reaction {
    /** The first Ctrl-C. */
    void checkpointAndStop();

    /** The second Ctrl-C: stop at once, exit code 130. */
    void stopNow();

    /** SIGTERM: save a checkpoint within the grace period, exit code 143. */
    void preempted();
  }

  private final Consumer<ExitCode> lastResort;
  private final List<Runnable> restore = new ArrayList<>();
  private @Nullable Reaction reaction;
  private @Nullable ExitCode outcome;
  private int interrupts;
  private boolean terminated;

  /**
   * @param lastResort ends the process
   */
  Interrupts(Consumer<ExitCode> lastResort) {
    this.lastResort = lastResort;
  }

  /**
   * Installs handlers for SIGINT, SIGTERM and SIGHUP until closed, except for signals that are
   * ignored.
   */
  public static Interrupts install() {
    Interrupts interrupts = new Interrupts(code -> Runtime.getRuntime().exit(code.code()));
    ProcessSignals signals = new ProcessSignals();
    interrupts.restore.add(signals.on("INT", interrupts::interrupt));
    interrupts.restore.add(signals.on("TERM", interrupts::terminate));
    interrupts.restore.add(signals.on("HUP", interrupts::terminate));
    return interrupts;
  }

  /** Passes signals to this run from now on, including those already received. */
  public synchronized void connect(Reaction run) {
    reaction = run;
    if (terminated) {
      run.preempted();
    }
    for (int i = 1; i <= interrupts; i++) {
      react(run, i);
    }
  }

  /** Called when the run has ended and only its report is left. */
  public synchronized void ended(ExitCode exit) {
    outcome = exit;
  }

  synchronized void interrupt() {
    interrupts++;
    if (outcome != null && !isStop(outcome)) {
      lastResort.accept(ExitCode.INTERRUPTED);
    } else if (reaction != null) {
      react(reaction, interrupts);
    }
  }

  private void react(Reaction run, int number) {
    if (number > 2) {
      lastResort.accept(ExitCode.INTERRUPTED);
    } else if (outcome == null && number == 1) {
      run.checkpointAndStop();
    } else if (outcome == null) {
      run.stopNow();
    }
  }

  synchronized void terminate() {
    terminated = true;
    if (outcome != null && !isStop(outcome)) {
      lastResort.accept(ExitCode.PREEMPTED);
    } else if (outcome == null && reaction != null) {
      reaction.preempted();
    }
  }

  /**
   * Whether the process is about to end with this code because of a signal, so that further signals
   * are ignored.
   */
  private static boolean isStop(ExitCode exit) {
    return exit == ExitCode.PREEMPTED || exit == ExitCode.INTERRUPTED;
  }

  /** Restores the previous signal handlers. */
  @Override
  public void close() {
    restore.forEach(Runnable::run);
    restore.clear();
  }
}
