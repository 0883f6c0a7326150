package dev.gyre.deploy.launch;

import dev.gyre.comms.ExitCode;
import java.util.ArrayList;
import java.util.List;

/**
 * What signals mean to the process that hosts a run. The first Ctrl-C asks for a checkpoint and a
 * stop, the second for a stop at once, and a third ends the process itself. SIGTERM is a
 * preemption, and so is a terminal that closes.
 */
public final class Interrupts implements AutoCloseable {
  /** Called on the JVM's signal thread: returns soon. */
  public interface Reaction {
    /** The first Ctrl-C. */
    void checkpointAndStop();

    /** The second: end at once, exit code 130. */
    void stopNow();

    /** SIGTERM: save within the grace that is left, exit code 143. */
    void preempted();
  }

  private final Reaction reaction;
  private final Runnable lastResort;
  private final List<Runnable> restore = new ArrayList<>();
  private int interrupts;

  Interrupts(Reaction reaction, Runnable lastResort) {
    this.reaction = reaction;
    this.lastResort = lastResort;
  }

  /** Takes over SIGINT, SIGTERM and SIGHUP until closed, as far as they were not ignored. */
  public static Interrupts install(Reaction reaction) {
    Interrupts interrupts =
        new Interrupts(reaction, () -> Runtime.getRuntime().exit(ExitCode.INTERRUPTED.code()));
    ProcessSignals signals = new ProcessSignals();
    interrupts.restore.add(signals.on("INT", interrupts::interrupt));
    interrupts.restore.add(signals.on("TERM", interrupts::terminate));
    interrupts.restore.add(signals.on("HUP", interrupts::terminate));
    return interrupts;
  }

  synchronized void interrupt() {
    interrupts++;
    if (interrupts == 1) {
      reaction.checkpointAndStop();
    } else if (interrupts == 2) {
      reaction.stopNow();
    } else {
      lastResort.run();
    }
  }

  synchronized void terminate() {
    reaction.preempted();
  }

  /** Gives the signals back to who had them. */
  @Override
  public void close() {
    restore.forEach(Runnable::run);
    restore.clear();
  }
}
