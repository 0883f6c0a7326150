package dev.gyre.deploy.launch;

import dev.gyre.comms.ExitCode;
import dev.gyre.comms.ProcessSignals;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What signals mean to the process that hosts a run. The first Ctrl-C asks for a checkpoint and a
 * stop, the second for a stop at once, and a third ends the process itself. SIGTERM is a
 * preemption, however often it comes, and so is a terminal that closes.
 *
 * <p>Signals are taken over before anything of a run is there, and given back when its end has been
 * told: what comes before there is a run is passed on to it, and what comes after a run that was
 * stopped must not cut short what it says.
 */
public final class Interrupts implements AutoCloseable {
  /** Called on the JVM's signal thread: must return quickly. */
  public interface Reaction {
    /** The first Ctrl-C. */
    void checkpointAndStop();

    /** The second: end at once, exit code 130. */
    void stopNow();

    /** SIGTERM: save within the grace, exit code 143. */
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

  /** Takes over SIGINT, SIGTERM and SIGHUP until closed, as far as they were not ignored. */
  public static Interrupts install() {
    Interrupts interrupts = new Interrupts(code -> Runtime.getRuntime().exit(code.code()));
    ProcessSignals signals = new ProcessSignals();
    interrupts.restore.add(signals.on("INT", interrupts::interrupt));
    interrupts.restore.add(signals.on("TERM", interrupts::terminate));
    interrupts.restore.add(signals.on("HUP", interrupts::terminate));
    return interrupts;
  }

  /** From now on signals are this run's, those that have come already included. */
  public synchronized void connect(Reaction run) {
    reaction = run;
    if (terminated) {
      run.preempted();
    }
    for (int i = 1; i <= interrupts; i++) {
      react(run, i);
    }
  }

  /** The run has ended; what is left is to say so. */
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

  /** The process is about to end with that code: no signal makes it end better. */
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
